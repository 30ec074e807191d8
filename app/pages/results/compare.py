"""The training runs of a project side by side, on the same images. Reads storage, hands ``analysis`` numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.pages.results import findings, outcome
from app.routes.run_briefs import TrainingBrief, training_briefs
from fact_core.analysis.evaluate import wilson
from fact_core.analysis.paired import Paired, paired
from fact_core.errors import RunError
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run

#: Run by run: image -> whether it is answered right, of images that the run was not trained on.
Right = Mapping[int, bool]


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
    found = {run.id: _right(project, run) for run in done}
    checked = all(kind == "check" for kind, right in found.values() if right)
    right = {run: known if checked or kind != "check" else {} for run, (kind, known) in found.items()}
    best = best_of(right)
    rows = [
        Compared(
            run=briefs[run.id],
            ended=run.ended,
            kind=found[run.id][0],
            n=len(found[run.id][1]),
            right=sum(found[run.id][1].values()),
            interval=list(wilson(sum(found[run.id][1].values()), len(found[run.id][1]))) if found[run.id][1] else None,
            against=_against(right[run.id], right[best]) if best and run.id != best else None,
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


def _against(mine: Right, other: Right) -> Paired | None:
    common = mine.keys() & other.keys()
    won = sum(mine[i] and not other[i] for i in common)
    lost = sum(other[i] and not mine[i] for i in common)
    return paired(len(common), won, lost) if common else None


def _right(project: Project, run: Run) -> tuple[str, dict[int, bool]]:
    """(what is known: check, demo, folders or "", which answers are right by it)."""
    answers = findings.answers_of(project, run)
    if answers is None:
        return "", {}
    check, truth, kind = findings.known_classes(project, run, answers)
    known, what = (check, "check") if check else (truth, kind)
    said = dict(zip(answers.ids.tolist(), answers.y.tolist(), strict=True))
    names = answers.classes
    return what, {i: names[said[i]] == name for i, name in known.items() if i in said}


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
