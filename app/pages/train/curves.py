"""Events of a training run -> the curves of each phase. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fact_core.events import Event, PhaseDone, PhaseStarted, Point

SERIES = ("loss", "check_loss", "accuracy", "check_accuracy")
#: The line that shares the axes with a series.
TWINS = {
    "loss": "check_loss",
    "check_loss": "loss",
    "accuracy": "check_accuracy",
    "check_accuracy": "accuracy",
}
#: Part of a phase, as its points tell it -> the panel of its own that its solver has; "" stays where the phase is.
PANELS = {"map": "map", "joint": "joint", "lr_map": "solver", "lr_pooled": "solver", "whole": ""}

Series = tuple[list[int], list[float | None]]


def _no_series() -> dict[str, Series]:
    return {name: ([], []) for name in SERIES}


@dataclass
class Curve:
    """What is known of one phase, or of one solver of it: its four series as (steps, values), and how it ended.

    A None among the values is a gap: before it another solver was at work. origin: the step that it begins behind.
    """

    phase: str
    panel: str = ""
    origin: int = 0
    steps: int = 0
    started: PhaseStarted | None = None
    done: PhaseDone | None = None
    ends: bool = True  # the phase ends in this panel
    series: dict[str, Series] = field(default_factory=_no_series)
    parts: dict[str, str] = field(default_factory=dict)  # series -> the part that its last value is of

    @property
    def state(self) -> str:
        """todo, running or done."""
        return "done" if self.done else "running" if self.started else "todo"

    @property
    def reached(self) -> int:
        """The last step that is known; 0 without any."""
        return max((steps[-1] for steps, _ in self.series.values() if steps), default=0)


def curves(events: Iterable[Event], phases: Sequence[str]) -> list[Curve]:
    """The curves of each phase, in order; of the light model one for each of its solvers.

    A resumed run repeats steps: the later point replaces the earlier ones.
    """
    by_phase = {phase: [Curve(phase)] for phase in phases}
    for event in events:
        known = by_phase.get(getattr(event, "phase", ""))
        if known is None:
            continue
        if isinstance(event, PhaseStarted):
            for curve in known:
                curve.started, curve.done = event, None
            known[-1].steps = event.steps
        elif isinstance(event, Point):
            _add_point(known, event)
        elif isinstance(event, PhaseDone):
            for curve in known:
                curve.done = event
    return [curve for known in by_phase.values() for curve in known]


def _add_point(known: list[Curve], point: Point) -> None:
    curve = _panel(known, point)
    curve.steps = point.steps or curve.steps
    for name in SERIES:
        for each in known:
            _drop(each.series[name], point.step + (point.part == "whole"))
        value = getattr(point, name)
        if value is None:
            continue
        steps, values = curve.series[name]
        if steps and curve.parts.get(name, point.part) != point.part:
            steps.append(point.step)
            values.append(None)
        steps.append(point.step)
        values.append(value)
        curve.parts[name] = point.part


def _drop(series: Series, step: int) -> None:
    """Take away what is known from that step on."""
    steps, values = series
    while steps and steps[-1] >= step:
        steps.pop()
        values.pop()


def _panel(known: list[Curve], point: Point) -> Curve:
    """The curve that a point belongs to; a solver that has none yet gets one behind the others."""
    name = PANELS.get(point.part, "")
    found = next((curve for curve in known if curve.panel == name), known[-1] if point.part in ("", "whole") else None)
    if found is not None:
        return found
    last = known[-1]
    if not last.reached:  # what was kept for the phase as a whole
        last.panel = name
        return last
    last.ends = False
    known.append(Curve(point.phase, name, last.reached, started=last.started, done=last.done))
    return known[-1]


def last_step(curve: Curve) -> int:
    """Where the axis ends: at the planned step, or at the last one when it ended sooner."""
    over = (curve.done or not curve.ends) and curve.reached
    return max(curve.origin + 1, curve.reached if over else max(curve.steps, curve.reached))


def kept(curve: Curve, name: str) -> float | None:
    """The figure of a series as the phase's end tells it; None before, and in a panel that does not end the phase.

    It may differ from the last point: phase 2's weights are mixed with the pretrained ones behind its last step.
    """
    if curve.done is None or not curve.ends:
        return None
    return {
        "loss": curve.done.train_loss,
        "accuracy": curve.done.train_accuracy,
        "check_loss": curve.done.check_loss,
        "check_accuracy": curve.done.check_accuracy,
    }[name]
