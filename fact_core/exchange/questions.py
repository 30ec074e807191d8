"""What the person is asked about a file of labels before anything is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange.columns import Columns
from fact_core.exchange.folders import Levels
from fact_core.exchange.gather import Gathered
from fact_core.exchange.readers.encoding import ENCODINGS
from fact_core.exchange.whose import is_of_model

SHOWN = 8


@dataclass(frozen=True)
class Question:
    """One thing that is not sure. option: the field of ``ImportConfig`` that answers it.

    answers: what may be said; answer: what holds now. examples: what it is about. must: nothing is imported before
    it is answered.
    """

    option: str
    answers: tuple[str, ...]
    answer: str
    examples: tuple[str, ...] = ()
    count: int = 0
    must: bool = False


def about_reading(columns: Columns, encoding_sure: bool, config: ImportConfig) -> list[Question]:
    """Columns and encoding: what must be known before any row can be understood."""
    table, found = columns.table, []
    if table.kind == "folders":
        return []
    if config.labels_encoding or not table.encoding.startswith("utf"):  # it may be said otherwise at any time
        known = tuple(dict.fromkeys((*ENCODINGS, table.encoding)))
        must = not (encoding_sure or config.labels_encoding)
        found.append(Question("labels_encoding", known, table.encoding, must=must))
    names = tuple(dict.fromkeys(name for name in table.columns if name))
    sides = (
        ("labels_image_column", columns.file, columns.file_sure),
        ("labels_class_column", columns.label, columns.label_sure),
    )
    for option, place, sure in sides:
        chosen = table.columns[place] if place >= 0 else ""
        found.append(Question(option, names, chosen, must=not sure))
    return found


def about_folder(folders: Sequence[str], config: ImportConfig) -> list[Question]:
    """In which sub-folder the names begin; "" is the image folder."""
    known = tuple(dict.fromkeys(("", *folders, config.labels_folder)))
    return [Question("labels_folder", known, config.labels_folder)] if len(known) > 1 else []


def about_levels(levels: Levels, config: ImportConfig) -> list[Question]:
    """Which folder is the class; asked wherever there are two levels or more."""
    if len(levels.names) < 2:
        return []
    answers = tuple(str(number) for number in range(1, len(levels.names) + 1))
    chosen = config.labels_level or levels.level
    told = tuple(f"{n}: {', '.join(names[:SHOWN])}" for n, names in enumerate(levels.names, start=1))
    return [Question("labels_level", answers, str(chosen), told, must=not (levels.sure or config.labels_level))]


def about_names(columns: Columns, found: Gathered, config: ImportConfig) -> list[Question]:
    """What the rows, once read, leave open."""
    groups = (
        ("labels_case", ("join",), found.naming.by_case),
        ("labels_numbers", ("join", "apart"), found.naming.by_number),
    )
    asked = []
    for option, answers, same in groups:
        if same:
            answer = str(getattr(config, option))
            asked.append(Question(option, answers, answer, _groups(same), len(same), must=answer == "ask"))
    if found.naming.respelled and not found.naming.by_case:  # told; there is nothing to decide
        asked.append(Question("labels_case", ("join",), "join", _groups(found.naming.respelled)))
    for option, why in (("labels_empty", "empty"), ("labels_several", "several")):
        names = tuple(name for name, reason in found.naming.doubtful.items() if reason == why)
        if names:
            asked.append(Question(option, ("none", "names"), getattr(config, option), names[:SHOWN], len(names)))
    if is_of_model(columns.table) or columns.label in columns.table.by_model:
        asked.append(Question("labels_model", ("take",), config.labels_model, must=config.labels_model == "ask"))
    if numbers := columns.table.unnamed:
        answer = config.labels_unnamed
        asked.append(
            Question("labels_unnamed", ("names",), answer, numbers[:SHOWN], len(numbers), must=answer == "ask")
        )
    elsewhere = found.left.get("elsewhere", ())
    if config.labels_moved == "yes" or elsewhere:
        some = tuple(each.shown for each in elsewhere[:SHOWN])
        asked.append(Question("labels_moved", ("no", "yes"), config.labels_moved, some, len(elsewhere)))
    return asked


def must_be_answered(questions: Sequence[Question]) -> None:
    """InputError, in words for the command line, for the first question that is open."""
    for each in questions:
        if each.must:
            what, do = _WORDS[each.option]
            flag = "--" + each.option.replace("_", "-")
            shown = "; ".join(each.examples) or ", ".join(each.answers)
            raise InputError(
                what, shown[:300] or "nothing", do.format(flag=flag, answers=" or ".join(each.answers[:12]))
            )


#: option -> (what is not clear, what to do), for the command line
_WORDS = {
    "labels_image_column": (
        "The file has no columns for the file and its label that are sure",
        "Such as file_name (or file_path) and label. Say which one names the image: {flag} {answers}.",
    ),
    "labels_class_column": (
        "The file has no columns for the class that are sure",
        "Such as label beside file_name. Say which one is the class: {flag} {answers}.",
    ),
    "labels_level": ("It is not clear which folders are the classes", "Say which level: {flag} {answers}."),
    "labels_encoding": ("The encoding of the file is not sure", "Say which it is: {flag} {answers}."),
    "labels_case": (
        "Some classes differ only in upper and lower case",
        "They would be one class: rename them, or say so with {flag} join.",
    ),
    "labels_numbers": (
        "Some classes are the same number, written in different ways",
        "Say whether they are one class: {flag} {answers}.",
    ),
    "labels_unnamed": (
        "The file gives numbers of classes, and no names for them",
        "Export it with its list of classes; if the numbers are to be the names: {flag} names.",
    ),
    "labels_model": (
        "These labels were given by a model, not by a person",
        "If they are to count as labels all the same: {flag} take.",
    ),
}


def _groups(groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(" = ".join(group[:SHOWN]) for group in groups[:SHOWN])
