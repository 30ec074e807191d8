"""The run that writes the result into a new folder. What it can write stands in ``choices.EXPORTS``."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from fact_core.analysis import merged_classes
from fact_core.choices import EXPORTS, named, resolve
from fact_core.classifier.export import CHECKED, move_whole, write_model
from fact_core.classifier.model import load_model
from fact_core.config import ExportConfig
from fact_core.errors import InputError, storage_error
from fact_core.events import Log
from fact_core.exchange import export_labels
from fact_core.labeling import acceptances, checked, finishing, labels_now, other_class
from fact_core.paths import absolute
from fact_core.storage import db, items, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step
from fact_core.work.export_note import write_note, written
from fact_core.work.kind import Kind, Needed
from fact_core.work.reports import newest
from fact_core.work.trained_model import needs_model


def needs(project: Project, run: Run, config: ExportConfig) -> list[Needed]:
    """A scan, where one was cut short; the training; then its predictions, where they are wanted and not there."""
    if items.unsettled(project):  # of two files that were swapped each has the other's label until it is settled
        return [("scan", {})]
    lacking = needs_model(project, config.run)
    wanted = any(named(EXPORTS, name, "export").needs_predictions for name in config.items)
    if not lacking and wanted and not project.predictions_file(config.run).is_file():
        return [("predict", {"run": config.run})]
    return lacking


def run(project: Project, run: Run, config: ExportConfig) -> Step[dict[str, Any]]:
    """Write what is chosen into a new folder."""
    started = time.monotonic()
    trained = run_queue.get(project, config.run)
    if not config.folder.strip():
        raise InputError("The export needs a folder", do="Give the path of a new folder.")
    target = absolute(config.folder)
    if not config.items:
        raise InputError("Nothing is chosen for the export", do="Choose at least one item.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        if files := written(project, run.id, target):  # killed when all was done but to say so
            shutil.rmtree(_beside(project, target), ignore_errors=True)
            return {"folder": str(target), "files": files, "run": trained.id, "seconds": time.monotonic() - started}
        raise InputError("The folder for the export is not empty", str(target), "Choose a new folder.")
    yield Log(f"writing {', '.join(config.items)} into {target}")
    files = yield from _write_whole(project, run.id, trained, config, target)
    return {"folder": str(target), "files": files, "run": trained.id, "seconds": time.monotonic() - started}


def _write_whole(project: Project, run_id: int, trained: Run, config: ExportConfig, target: Path) -> Step[list[str]]:
    """All items beside the target, which then appears at once: an export that is cut short leaves nothing by its name.

    What one that was killed has left is removed by the next one into the same folder.
    """
    beside = _beside(project, target)
    shutil.rmtree(beside, ignore_errors=True)
    files: list[str] = []
    try:
        for name in (each for each in EXPORTS if each in config.items):
            files += yield from resolve(EXPORTS[name].target)(project, trained, beside / "export")
        write_note(project, run_id, target, files)
        move_whole(beside / "export", target)
    except OSError as error:
        raise storage_error(error, "writing the export") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return files


def _beside(project: Project, target: Path) -> Path:
    """Where the items lie until all are there: a name that no other project writes under."""
    mark = hashlib.blake2b(str(project.folder).encode(), digest_size=4).hexdigest()
    return target.parent / f".{target.name[:40]}.{mark}.part"


def model_into(project: Project, trained: Run, target: Path) -> Step[list[str]]:
    """The model's folder: weights, ONNX, ``predict.py``, model card, checked against the model on some images.

    Its classes are called as they are now. Those that were made one are one output, whose probability is their sum, so
    that the answers are those that the page shows.
    """
    classifier, meta = load_model(project.run_folder(trained.id) / "model")
    with db.moment(project.db):
        classifier.classes = checked.class_names(project, trained, classifier.classes)
        pool, promise, found = items.pool(project), _promise(project, trained), newest(project, trained)
        other = other_class.name_of(project)
    some = np.random.default_rng(0).choice(len(pool), size=min(CHECKED, len(pool)), replace=False)
    yield from write_model(
        target,
        classifier,
        {**meta, "project": project.name, "other_class": other, **promise},
        sample_files=pool.sources(some),
        report=found,
        figures=_figures(trained),
    )
    return sorted(each.name for each in target.iterdir())


def _promise(project: Project, trained: Run) -> dict[str, Any]:
    """The goal for which answers of this model stand accepted, with its threshold; nothing where none do.

    Nor where classes were merged, or taken apart, since the check images were asked: it answers otherwise now.
    own: the same of classes that have goals of their own, with the numbers of their outputs. A threshold may be None:
    then none of these answers is accepted.
    """
    step, _ = acceptances.steps(project)
    merges = finishing.merges(project, trained)
    if step is None or step.look.run != trained.id or merges != "".join(step.look.basis.partition("+")[1:]):
        return {}
    now, ids = labels_now.became(project), tuple(trained.result.get("class_ids") or ())
    _, places = merged_classes.joined(checked.class_names(project, trained))

    def told(goal: float, threshold: float | None) -> dict[str, Any]:
        return {"goal": goal, "threshold": threshold}

    def outputs(of: int) -> list[int]:
        found = (row for row, each in enumerate(ids) if of in (each, now.get(each, (0, ""))[0]))
        return sorted({int(places[row]) for row in found})

    look = step.look
    own = [{**told(each.goal, each.threshold), "outputs": outputs(each.class_id)} for each in look.own]
    return {"promise": {**told(look.goal, look.threshold), "own": own}}


def predictions_into(project: Project, trained: Run, target: Path) -> Step[list[str]]:
    """``predictions.csv``: a row an image of the pool."""
    yield Log("writing predictions.csv")
    yield from _changed_names(project)
    yield from _unanswered(project, trained)
    export_labels.write_predictions(project, trained.id, target / "predictions.csv")
    return ["predictions.csv"]


def probabilities_into(project: Project, trained: Run, target: Path) -> Step[list[str]]:
    """``probabilities.csv``: as ``predictions.csv``, with a column for each class."""
    yield Log("writing probabilities.csv")
    yield from _changed_names(project)
    yield from _unanswered(project, trained)
    export_labels.write_predictions(project, trained.id, target / "probabilities.csv", each_class=True)
    return ["probabilities.csv"]


def labels_into(project: Project, trained: Run, target: Path) -> Step[list[str]]:
    """``labels.csv``: what a person labeled."""
    yield Log("writing labels.csv")
    yield from _changed_names(project)
    export_labels.write_labels(project, target / "labels.csv")
    return ["labels.csv"]


def finished_into(project: Project, trained: Run, target: Path) -> Step[list[str]]:
    """``finished.csv``: every image with its label, a person's or an accepted answer."""
    yield Log("writing finished.csv")
    yield from _changed_names(project)
    export_labels.write_finished(project, target / "finished.csv")
    return ["finished.csv"]


def _changed_names(project: Project) -> Step[None]:
    """Say which classes have an apostrophe in front in a CSV."""
    if names := export_labels.changed_names(project):
        shown = ", ".join(names[:5])
        yield Log(f"A spreadsheet would run these class names; an apostrophe stands before them: {shown}", "warning")


def _unanswered(project: Project, trained: Run) -> Step[None]:
    """Say how many images of the pool have no row: they came, or were replaced, after the predictions."""
    answers = checked.answers(project, trained)
    lacking = 0 if answers is None else items.count_without(project, answers.ids)
    if lacking:
        yield Log(f"{lacking:,} images have no row: the model was not asked about them. Predict again.", "warning")


def _figures(trained: Run) -> dict[str, str | int | float]:
    """What the model card says about the training."""
    figures: dict[str, str | int | float] = {
        "labels": trained.result["labels"],
        "recipe": trained.config.get("recipe", ""),
        "preset": trained.config.get("preset", ""),
        "seed": trained.seed,
        "device": trained.device,
        "working time of the phases": _duration(sum(each["seconds"] for each in trained.result.get("phases") or ())),
    }
    if trained.took is not None:  # what the page says of the run
        figures["time from start to end, loading, measuring and pauses included"] = _duration(trained.took)
    return figures


def _duration(seconds: float) -> str:
    """Like "45 s", "4 min 17 s", "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours} h {of_hour} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


KIND = Kind(run, needs)
