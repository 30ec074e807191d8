"""What more labels would probably bring in accuracy, for the runs that the table of runs has measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.routes.run_briefs import TrainingBrief
from fact_core.analysis.learning_curve import FARTHEST, gain

MORE = (50, 100)  # labels


class Worth(Protocol):
    """A run with what its accuracy rests on: ``right`` of ``n`` images, that say as much as ``effective`` alone."""

    @property
    def run(self) -> TrainingBrief: ...
    @property
    def n(self) -> int: ...
    @property
    def right(self) -> int: ...
    @property
    def effective(self) -> float: ...


@dataclass(frozen=True)
class Ahead:
    """With ``more`` labels than the run learned from: points of accuracy (0..1) that come on top, as ``Gain`` has them.

    known: whether anything can be said. Not of a run that was not measured, nor of more than four times its labels.
    """

    run: int
    more: int
    low: float
    likely: float
    high: float
    known: bool


def ahead_of(runs: Sequence[Worth], run: int, more: int) -> Ahead:
    """What ``more`` labels bring to the run of that id."""
    row = next((each for each in runs if each.run.id == run), None)
    labels = row.run.labels if row and row.n else None
    if row is None or not labels or not 1 <= (growth := (labels + more) / labels) <= FARTHEST:
        return Ahead(run, more, 0.0, 0.0, 0.0, False)
    found = gain(row.right / row.n * row.effective, row.effective, growth)
    return Ahead(run, more, found.low, found.likely, found.high, True)


def newest_ahead(runs: Sequence[Worth]) -> list[Ahead]:
    """Of the newest run that was measured, for the curve: what can be said at ``MORE``. The newest comes first."""
    newest = next((each.run.id for each in runs if each.n and each.run.labels), 0)
    return [each for more in MORE if (each := ahead_of(runs, newest, more)).known]
