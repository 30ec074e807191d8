"""The training runs of a project side by side, on the same images. Reads storage, hands ``analysis`` numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.pages.results import figures, findings, outcome
from app.pages.results.ahead import Ahead, newest_ahead
from app.routes import kept_answers
from app.routes.learned import learned_beside
from app.routes.run_briefs import TrainingBrief, training_briefs
from app.shell.server import Opened
from fact_core.analysis.intervals import effective_number, interval
from fact_core.analysis.paired import Paired, between
from fact_core.errors import RunError
from fact_core.labeling import checked
from fact_core.storage import run_delete, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run

#: Image -> whether it is answered right, of images that the run was not trained on.
Right = Mapping[int, bool]


@dataclass(frozen=True)
class Measured:
    """What a run's answers are worth. kind: what is known (check, demo, folders, "" for nothing).

    effective: how many images that stand alone say as much as these.
    """

    kind: str
    right: Right
    interval: list[float] | None
    effective: float = 0.0


@dataclass(frozen=True)
class Compared:
    """A run in the table. kind, n, right, interval: on what is known of images that it was not trained on.

    against: this run minus the best one on the images that both can be measured on; None for the best itself, and
    where there are none. bytes: of its files; export_into: a folder that is not there yet; waits: its answers are
    being made, so that it can be measured soon.
    """

    run: TrainingBrief
    ended: float | None
    bytes: int
    export_into: str
    kind: str
    n: int
    right: int
    effective: float
    interval: list[float] | None
    against: Paired | None
    waits: bool


@dataclass(frozen=True)
class Comparison:
    """All trainings that are over, the newest first. best: the id of the best one, 0 where none can be measured.

    proposed: the run to export, 0 without a finished one; why: a word of ``proposal``. ahead: see ``newest_ahead``.
    """

    runs: list[Compared]
    best: int
    proposed: int
    why: str
    ahead: list[Ahead]


@dataclass(frozen=True)
class Differing:
    """Images on which two runs' answers differ."""

    ids: list[int]


def comparison(held: Opened) -> Comparison:
    """Every training that is over with what its answers are worth. They are compared on check images where there are
    some for all of them, else on what folders or the demo know."""
    project = held.project
    briefs = training_briefs(project)
    over = [run for run in run_queue.list_runs(project, "train") if not run.open]
    done = [run for run in over if run.status == "done"]
    found = {run.id: _measured(held, run) for run in done}
    by_checks = all(each.kind == "check" for each in found.values() if each.right)
    right = {run: each.right if by_checks or each.kind != "check" else {} for run, each in found.items()}
    best, nothing = best_of(right), Measured("", {}, None)
    rows = []
    for run in over:
        worth = found.get(run.id, nothing)
        other = best and run.id in right and run.id != best
        rows.append(
            Compared(
                run=briefs[run.id],
                ended=run.ended,
                bytes=run_delete.size(project, run.id),
                export_into=str(findings.new_folder(project, briefs[run.id].number)),
                kind=worth.kind,
                n=len(worth.right),
                right=sum(worth.right.values()),
                effective=worth.effective,
                interval=worth.interval,
                against=_against(project, run, right[run.id], right[best]) if other else None,
                waits=run.status == "done" and not worth.right and _is_answering(project, run),
            )
        )
    learned = learned_beside(project, done[0], run_queue.get(project, best)) if best else ""
    proposed, why = proposal([row for row in rows if row.run.status == "done"], best, learned)
    return Comparison(rows, best, proposed, why, newest_ahead(rows))


def proposal(rows: Sequence[Compared], best: int, learned: str) -> tuple[int, str]:
    """(the run to export, why) of finished runs, the newest first. learned: of the newest beside the best, as
    ``learned_beside`` has it.

    why: "only" (there is no other), "unknown" (none can be measured: the newest), "best" (the newest is the best),
    "newest" (the best is better by no more than chance: the newest has seen the newest labels), "alike" (no more than
    chance, but the newest has seen no others), "no_more" (the same with as many others, or fewer), "better" (by more
    than chance), "waits" (the newest is answering the images, so that nobody knows yet), "unmeasured" (the newest
    cannot be held against the best), "" (there is no run).
    """
    if not rows:
        return 0, ""
    newest = rows[0]
    if len(rows) == 1:
        return newest.run.id, "only"
    if not best:
        return newest.run.id, "unknown"
    if newest.run.id == best:
        return best, "best"
    if newest.against is None:
        return best, "waits" if newest.waits else "unmeasured"
    if newest.against.sure:
        return best, "better"
    words = {"same": "alike", "no more": "no_more"}
    return (best, words[learned]) if learned in words else (newest.run.id, "newest")


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


def _is_answering(project: Project, run: Run) -> bool:
    predicting = findings.predict_run(project, run.id)
    return predicting is not None and predicting.open


def _measured(held: Opened, run: Run) -> Measured:
    """What is known of the images that the run was not trained on, and which of its answers are right by it."""
    project, answers = held.project, kept_answers.answers_of(held, run)
    if answers is None:
        return Measured("", {}, None)
    true = kept_answers.true_names_of(held, run, answers)
    check, truth, kind = findings.known_classes(project, run, answers, true)
    known, what = (check, "check") if check else (truth, kind)
    rows = np.array([row for row, i in enumerate(answers.ids.tolist()) if i in known], dtype=np.int64)
    if not len(rows):
        return Measured("", {}, None)
    ids, names = answers.ids[rows].tolist(), answers.classes
    right = np.array([names[y] == known[i] for i, y in zip(ids, answers.y[rows].tolist(), strict=True)])
    groups = figures.more(project, run, answers)(rows).groups
    low, high = interval(right, groups)
    worth = dict(zip(ids, right.tolist(), strict=True))
    return Measured(what, worth, [float(low), float(high)], effective_number(right, groups))


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
