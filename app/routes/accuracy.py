"""How often a training run is right: one figure, with one source, wherever it stands.

By the check images that have a label now, none of which it was trained on; without any by the true classes that came
with the demo or stand as names of folders; else what the training told when it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.routes.kept_answers import answers_of, true_names_of
from app.shell.server import Opened
from fact_core.analysis.intervals import Right, interval
from fact_core.errors import FactError
from fact_core.labeling import checked, labels_now
from fact_core.labeling.checked import Answers
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import IntArray, Labels


@dataclass(frozen=True)
class Accuracy:
    """Right answers of n images, and the 95 % interval of their share. kind: what it rests on: check, demo, folders."""

    right: int
    n: int
    interval: tuple[float, float]
    kind: str

    @property
    def share(self) -> float:
        return self.right / self.n


def accuracy(held: Opened, run: Run) -> Accuracy | None:
    """The figure of a finished training run by its stored answers; None without any, or without anything to compare."""
    try:
        known = answers_of(held, run)
    except FactError:
        return None  # the Results page says why
    if known is None:
        return None
    audit, labeled = _labels(held)
    names = checked.check_names(held.project, run, audit)
    if found := _verdicts(known, names):
        return _told(held.project, run, *found, "check")
    ids, right, kind = _by_truth(held, run, known)
    free = ~np.isin(ids, labeled)
    return _told(held.project, run, ids[free], right[free], kind) if free.any() else None


def _told(project: Project, run: Run, ids: IntArray, right: Right, kind: str) -> Accuracy:
    grouped = checked.sides(project, run, ids)
    between = interval(right, None if grouped is None else grouped.groups)
    return Accuracy(int(right.sum()), len(right), between, kind)


def _verdicts(known: Answers, names: Mapping[int, str]) -> tuple[IntArray, Right] | None:
    """(ids, whether each is answered right) of the images whose class is known: id -> name. None without any."""
    rows = np.flatnonzero(np.isin(known.ids, list(names)))
    if not len(rows):
        return None
    place = {name: number for number, name in enumerate(known.classes)}
    truth = np.array([place.get(names[item], -1) for item in known.ids[rows].tolist()])
    return known.ids[rows], known.y[rows] == truth


def _by_truth(held: Opened, run: Run, known: Answers) -> tuple[IntArray, Right, str]:
    """(ids, whether each is answered right, kind) by true classes, worked out once for each run's answers."""
    kept: dict[int, tuple[object, object, tuple[IntArray, Right, str]]] = held.cache.setdefault("true answers", {})
    names, kind = true_names_of(held, run, known)
    if run.id not in kept or kept[run.id][0] is not names or kept[run.id][1] is not known:
        none = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
        kept[run.id] = (names, known, (*(_verdicts(known, names) or none), kind))
    return kept[run.id][2]


def _labels(held: Opened) -> tuple[Labels, IntArray]:
    """(the labels of check images, the ids of all labeled ones), kept until something changes."""
    version = projects.version(held.project).rpartition(".")[0]
    kept = held.cache.get("labels for accuracy")
    if kept is None or kept[0] != version:
        audit, every = labels_now.snapshot(held.project, "audit"), labels_now.snapshot(held.project).ids
        kept = held.cache["labels for accuracy"] = (version, (audit, every))
    found: tuple[Labels, IntArray] = kept[1]
    return found
