"""Exports of Label Studio: JSON (tasks with annotations) and JSON_MIN (a flat object a task).

A question is a control of its labeling page (``from_name``). Predictions and drafts are no answers. An annotation
marked as ground truth stands above the others of its task; one that a reviewer has rejected counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fact_core.errors import InputError
from fact_core.exchange.readers.jsons import as_text, dicts
from fact_core.exchange.readers.table import BOX, NOTHING, Cell, Said, Table, agreed, one_of
from fact_core.exchange.words import looks_like_an_image

_HELP = "In Label Studio choose Export, then JSON."
#: What JSON_MIN and CSV say of a task beside its data and its answers.
MIN_FIELDS = frozenset(
    (
        "id",
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
    )
)


def recognise(value: Any) -> bool:
    """Whether it is a list of tasks."""
    some = value[:50] if isinstance(value, list) else [value]
    tasks = [each for each in dicts(some) if isinstance(each.get("data"), dict)]
    return bool(tasks) and any({"annotations", "completions", "predictions"} & set(each) for each in tasks)


def recognise_min(value: Any) -> bool:
    """Whether it is a list of flat tasks."""
    some = dicts(value[:50]) if isinstance(value, list) else []
    return bool(some) and all("id" in each and {"annotator", "annotation_id"} & set(each) for each in some)


def read(value: Any) -> Table:
    """The tasks: a column for each text of their data that names a picture, and one for each question."""
    if not isinstance(value, list):
        raise InputError("This is no export of Label Studio", "no list of tasks", _HELP)
    tasks = value
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise InputError(f"Task {number} of the JSON has no data", repr(task)[:80], _HELP)
    files = _picture_fields(tasks)
    answers = [_answers(task) for task in tasks]
    questions = list(dict.fromkeys(name for each in answers for name in each if each[name].names))
    questions = questions or list(dict.fromkeys(name for each in answers for name in each)) or ["choice"]
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for number, (task, given) in enumerate(zip(tasks, answers, strict=True), start=1):
        said = [given.get(question, NOTHING) for question in questions]
        rows.append((number, (*_names(task, files), *_whole(task, files, said))))
    places = tuple(range(len(files), len(files) + len(questions)))
    columns = (*files, *_unlike(files, questions))
    return Table("label-studio", "Task", "JSON", columns, rows, tuple(range(len(files))), places)


def read_min(value: Any) -> Table:
    """The flat tasks: what is no picture and no word about the task is a question."""
    tasks = dicts(value)
    fields = list(dict.fromkeys(name for task in tasks for name in task if name not in MIN_FIELDS))
    files = [name for name in fields if any(_is_picture(task.get(name)) for task in tasks)]
    questions = [name for name in fields if name not in files]
    rows: list[tuple[int, tuple[Cell, ...]]] = [
        (number, (*(as_text(task.get(name)) for name in files), *(short(task.get(name)) for name in questions)))
        for number, task in enumerate(tasks, start=1)
    ]
    places = tuple(range(len(files), len(fields)))
    return Table("label-studio", "Task", "JSON", (*files, *questions), rows, tuple(range(len(files))), places)


def columns_of_csv(table: Table) -> Table:
    """A CSV export: its questions are what is neither a picture nor a word about the task."""
    heads = [name.strip() for name in table.columns]
    if not {"annotator", "annotation_id", "lead_time"} & set(heads) or "id" not in heads:
        return table
    places = [place for place, name in enumerate(heads) if name not in MIN_FIELDS]
    some = [cells for _, cells in table.rows[:50]]
    files = [p for p in places if any(len(cells) > p and _is_picture(cells[p]) for cells in some)]
    questions = tuple(place for place in places if place not in files)
    return replace(table, files=tuple(files), labels=questions) if files else table


def of_value(value: object) -> Said:
    """What one value of an answer says: choices are classes, everything with a place in the picture is a box."""
    if not isinstance(value, dict):
        return one_of([as_text(value)])
    if {"x", "points", "rle", "start"} & set(value):  # also a choice that is about one region
        return BOX
    if "choices" in value:
        listed = value["choices"] if isinstance(value["choices"], list) else [value["choices"]]
        return one_of([as_text(each) for each in listed])
    if "taxonomy" in value and isinstance(value["taxonomy"], list):
        return one_of([as_text(way[-1]) for way in value["taxonomy"] if isinstance(way, list) and way])
    return BOX if "rectanglelabels" in value else NOTHING


def short(value: object) -> Said:
    """What JSON_MIN and CSV write: one choice as a text, several as an object, boxes as a list; others: several so."""
    if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):
        return one_of([as_text(each) for each in value])
    if isinstance(value, list):
        return agreed([of_value(each) for each in value])
    return of_value(value)


def _picture_fields(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    found = dict.fromkeys(name for task in tasks for name, text in task["data"].items() if _is_picture(text))
    named = [name for name in found if name == "image"]
    if not found and any("image" in task["data"] for task in tasks):
        named = ["image"]
    return [*named, *(name for name in found if name != "image")] or ["file_upload"]


def _is_picture(value: object) -> bool:
    return isinstance(value, str) and looks_like_an_image(value)


def _names(task: Mapping[str, Any], files: Sequence[str]) -> list[str]:
    """The address in each field; the name of the upload where the only one has none."""
    names = [as_text(task["data"].get(name)) for name in files]
    return [as_text(task.get("file_upload"))] if len(names) == 1 and not names[0] else names


def _unlike(files: Sequence[str], questions: Sequence[str]) -> list[str]:
    """The names of the questions, told apart from those of the data."""
    return [f"{name} (answer)" if name in files else name for name in questions]


def _whole(task: Mapping[str, Any], files: Sequence[str], said: Sequence[Said]) -> Sequence[Said]:
    """A question about two pictures at once is a label of neither."""
    pictures = sum(_is_picture(task["data"].get(name)) for name in files)
    return [BOX if each.why == "" and each.names and pictures > 1 else each for each in said]


def _answers(task: Mapping[str, Any]) -> dict[str, Said]:
    """Question -> what the annotations of a task say to it together."""
    given = [
        each for each in dicts(task.get("annotations") or task.get("completions")) if not each.get("was_cancelled")
    ]
    standing = [each for each in given if not _is_rejected(each)]
    if given and not standing:
        return {
            question: Said(said.names, "refused") if said.names else said for question, said in _said(given).items()
        }
    return _said([each for each in standing if each.get("ground_truth")] or standing)


def _is_rejected(annotation: Mapping[str, Any]) -> bool:
    """Whether the last word of the reviewers is that it is wrong (Label Studio Enterprise)."""
    reviews = dicts(annotation.get("reviews"))
    return bool(reviews) and reviews[-1].get("accepted") is False


def _said(given: Sequence[Mapping[str, Any]]) -> dict[str, Said]:
    """Question -> what these annotations say to it together."""
    questions = dict.fromkeys(_question(each) for annotation in given for each in dicts(annotation.get("result")))
    found = {}
    for question in questions:
        answers = [[each for each in dicts(a.get("result")) if _question(each) == question] for a in given]
        found[question] = agreed([agreed([_one_answer(each) for each in answer]) for answer in answers])
    return found


def _one_answer(result: Mapping[str, Any]) -> Said:
    """What one result says; of one of several pictures that a task shows it is no label of the first."""
    return BOX if result.get("item_index") else of_value(result.get("value"))


def _question(result: Mapping[str, Any]) -> str:
    return as_text(result.get("from_name")) or "choice"
