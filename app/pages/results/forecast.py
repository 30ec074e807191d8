"""What more labels would probably let be accepted, for a goal that the check images were asked for."""

from __future__ import annotations

from dataclasses import dataclass

from app.pages.results import finish
from app.shell.server import Opened
from fact_core.analysis.forecast import LabelGrowth
from fact_core.errors import InputError
from fact_core.labeling import acceptances, finishing, labels_now
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run

MORE = 100  # labels


@dataclass(frozen=True)
class Told:
    """With ``more`` labels: images that could be accepted, probably, and between what eight in ten cases lie.

    open: images that are then open; none: the share of cases (0..1) in which nothing could be. more 0: so few
    images are left that no forecast is worth it.
    """

    more: int
    open: int
    low: int
    likely: int
    high: int
    none: float


def forecast_of(held: Opened, run: Run, goal: float) -> Told:
    """Nothing is asked of the check images. InputError unless they were asked for this goal. Kept until it changes."""
    project, (evidence, _) = held.project, finish.evidence_of(held, run)
    look = acceptances.find_look(project, run.id, goal, evidence.basis, {})
    if look is None:
        raise InputError("The check images were not asked for this goal", f"{goal:g}"[:80], "Ask them first.")
    labels = labels_of(project, run, evidence.open - int(look.takes(evidence).sum()))
    if not labels.more:
        return Told(0, 0, 0, 0, 0, 0.0)
    stamp = finish.stamp_of(held, run)
    kept: tuple[object, dict[float, Told]] | None = held.cache.get("forecasts")
    if kept is None or kept[0] != stamp:
        kept = held.cache["forecasts"] = (stamp, {})
    if goal not in kept[1]:
        found = finishing.expected(project, run, goal, evidence, labels)
        kept[1][goal] = Told(labels.more, evidence.open - labels.more, found.low, found.likely, found.high, found.none)
    return kept[1][goal]


def labels_of(project: Project, run: Run, left: int) -> LabelGrowth:
    """What a run learned from, how many labels more, or less, would teach now, and so many that are to come.

    left: open images that cannot be accepted. No more where these would be labeled with so many.
    """
    learned, now = run.result.get("ids", []), labels_now.snapshot(project, "pick").ids
    return LabelGrowth(len(learned), len(now) - len(learned), MORE if learned and left > MORE else 0)
