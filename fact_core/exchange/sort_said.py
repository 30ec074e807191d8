"""What is known of every image when a folder is sorted: labels of the person first, then what a model answers."""

from __future__ import annotations

from fact_core.errors import InputError
from fact_core.exchange.sort_plan import Plan, Said, plan
from fact_core.labeling import checked, finished
from fact_core.storage import db, items, run_queue, told
from fact_core.storage.project import Project


def planned(project: Project, run_id: int = 0, threshold: float = 0.0) -> Plan:
    """Where each image goes; run_id 0: the newest training. InputError where there is no image, or no training."""
    found = plan(said_of(project, trained_run(project, run_id, threshold), threshold))
    if not found.places:
        raise InputError("There is no image to be sorted", str(project.images), "Scan the folder first.")
    return found


def trained_run(project: Project, run_id: int, threshold: float) -> int:
    """The training whose answers are taken; 0 where none are wanted. InputError where there is none."""
    if not threshold or run_id:
        return run_id if threshold else 0
    done = (run.id for run in run_queue.list_runs(project, "train") if run.status == "done")
    if newest := next(done, 0):
        return newest
    raise InputError("There is no finished training", do="Train first, or sort by your labels alone: threshold 0.")


def said_of(project: Project, run_id: int = 0, threshold: float = 0.0) -> list[Said]:
    """A row for every readable image file; repeats get what the image that they repeat has.

    run_id, threshold: answers of that training of at least that confidence (0..1) stand where there is no label and
    nothing was accepted; 0: none do. What a person skipped or cannot tell stays without a class, whatever a model says.
    """
    with db.moment(project.db):
        return _said_of(project, run_id, threshold)


def _said_of(project: Project, run_id: int, threshold: float) -> list[Said]:
    answers = _answers(project, run_id, threshold) if run_id and threshold > 0 else {}
    repeats, known = items.duplicates(project), items.known_files(project)
    changed = told.untold(project)[1]  # by a scan that was killed: what was accepted may be of other bytes
    rows = []
    for each in finished.rows(project):
        label, source, confidence, file = each.label, each.source, each.confidence, known[each.path]
        if source == "accepted" and each.path in changed:
            label, source, confidence = "", "", None
        if not label and each.kind == "open":
            label, confidence = answers.get(repeats.get(each.id, each.id), ("", None))
            source = "model" if label else ""
        whose = (label, source if label else "", confidence)
        rows.append(Said(each.path, file.digest, *whose, file.bytes, file.mtime_ns))
    return rows


def _answers(project: Project, run_id: int, threshold: float) -> dict[int, tuple[str, float]]:
    """Image -> (class, confidence) of what the model is sure enough of; of none that is unlike every class."""
    found = checked.answers(project, run_queue.get(project, run_id))
    if found is None:
        return {}
    strange = [False] * len(found.ids) if found.strange is None else found.strange.tolist()
    rows = zip(found.ids.tolist(), found.y.tolist(), found.confidence.tolist(), strange, strict=True)
    return {item: (found.classes[y], sure) for item, y, sure, odd in rows if sure >= threshold and not odd}
