"""The training runs of a project side by side, on the same images. Reads storage, hands ``analysis`` numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.pages.results import figures, findings, outcome
from app.routes.run_briefs import TrainingBrief, training_briefs
from fact_core.analysis.intervals import interval
from fact_core.analysis.paired import Paired, between
from fact_core.errors import RunError
from fact_core.labeling import checked
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run

#: Image -> whether it is answered right, of images that the run was not trained on.
Right = Mapping[int, bool]


@dataclass(frozen=True)
class Measured:
    """What a run's answers are worth. kind: what is known (check, demo, folders, "" for nothing)."""

    kind: str
    right: Right
    interval: list[float] | None


@dataclass(frozen=True)
class Compared:
    """A run in the table. kind, n, right, interval: on what is known of images that it was not trained on.

    against: this run minus the best one on the images that both can be measured on; None for the best itself, and
    where there are none.
    """

    run: TrainingBrief
    ended: float | None
    kind: str
    n: int
    right: int
    interval: list[float] | None
    against: Paired | None


@dataclass(frozen=True)
class Comparison:
    """All finished trainings, the newest first. best: the id of the best one, 0 where none can be measured."""

    runs: list[Compared]
    best: int


@dataclass(frozen=True)
class Differing:
    """Images on which two runs' answers differ."""

    ids: list[int]


def comparison(project: Project) -> Comparison:
    """Every finished training with what its answers are worth. They are compared on check images where there are some
    for all of them, else on what folders or the demo know."""
    briefs = training_briefs(project)
    done = [run for run in run_queue.list_runs(project, "train") if run.status == "done"]
    found = {run.id: _measured(project, run) for run in done}
    by_checks = all(each.kind == "check" for each in found.values() if each.right)
    right = {run: each.right if by_checks or each.kind != "check" else {} for run, each in found.items()}
    best = best_of(right)
    rows = [
        Compared(
            run=briefs[run.id],
            ended=run.ended,
            kind=found[run.id].kind,
            n=len(found[run.id].right),
            right=sum(found[run.id].right.values()),
            interval=found[run.id].interval,
            against=_against(project, run, right[run.id], right[best]) if best and run.id != best else None,
        )
        for run in done
    ]
    return Comparison(rows, best)


def best_of(right: Mapping[int, Right]) -> int:
    """The run with the most right answers, on the images on which all can be measured; of equal ones the newest.

    0 where none can be measured. A run that can be measured on no image is out; where no image is common to all the
    others, each counts on its own.
    """
    known = {run: each for run, each in right.items() if each}
    if not known:
        return 0
    common = set.intersection(*(set(each) for each in known.values()))

    def worth(run: int) -> tuple[float, int]:
        among = common or set(known[run])
        return sum(known[run][i] for i in among) / len(among), run

    return max(known, key=worth)


def _against(project: Project, run: Run, mine: Right, other: Right) -> Paired | None:
    common = sorted(mine.keys() & other.keys())
    if not common:
        return None
    grouped = checked.sides(project, run, np.array(common, dtype=np.int64))
    one, two = np.array([mine[i] for i in common]), np.array([other[i] for i in common])
    return between(one, two, grouped.groups if grouped else None)


def _measured(project: Project, run: Run) -> Measured:
    """What is known of the images that the run was not trained on, and which of its answers are right by it."""
    answers = findings.answers_of(project, run)
    if answers is None:
        return Measured("", {}, None)
    check, truth, kind = findings.known_classes(project, run, answers)
    known, what = (check, "check") if check else (truth, kind)
    rows = np.array([row for row, i in enumerate(answers.ids.tolist()) if i in known], dtype=np.int64)
    if not len(rows):
        return Measured("", {}, None)
    ids, names = answers.ids[rows].tolist(), answers.classes
    right = np.array([names[y] == known[i] for i, y in zip(ids, answers.y[rows].tolist(), strict=True)])
    low, high = interval(right, figures.more(project, run, answers)(rows).groups)
    return Measured(what, dict(zip(ids, right.tolist(), strict=True)), [float(low), float(high)])


def differing(project: Project, first: int, second: int) -> Differing:
    """Images that two runs answer with different classes. RunError where one has no answers."""
    found: list[tuple[outcome.Answers, np.ndarray]] = []
    for run_id in (first, second):
        answers = findings.answers_of(project, findings.train_run(project, run_id))
        if answers is None:
            raise RunError("This run has no predictions yet", str(run_id), "Predict the pool first.")
        found.append((answers, np.array(answers.classes, dtype=object)[answers.y]))
    (one, mine), (other, theirs) = found
    ids, rows, others = np.intersect1d(one.ids, other.ids, assume_unique=True, return_indices=True)
    return Differing(ids[mine[rows] != theirs[others]].tolist())
