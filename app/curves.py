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


@dataclass
class Curve:
    """What is known of one phase: its four series as (steps, values), and how it ended."""

    phase: str
    steps: int = 0
    started: PhaseStarted | None = None
    done: PhaseDone | None = None
    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=lambda: {s: ([], []) for s in SERIES})

    @property
    def state(self) -> str:
        """todo, running or done."""
        return "done" if self.done else "running" if self.started else "todo"


def curves(events: Iterable[Event], phases: Sequence[str]) -> list[Curve]:
    """The curves of each phase. A resumed run repeats steps: the later point replaces the earlier ones."""
    by_phase = {phase: Curve(phase) for phase in phases}
    for event in events:
        curve = by_phase.get(getattr(event, "phase", ""))
        if curve is None:
            continue
        if isinstance(event, PhaseStarted):
            curve.started, curve.steps, curve.done = event, event.steps, None
        elif isinstance(event, Point):
            _add_point(curve, event)
        elif isinstance(event, PhaseDone):
            curve.done = event
    return list(by_phase.values())


def _add_point(curve: Curve, point: Point) -> None:
    curve.steps = point.steps or curve.steps
    for name, (steps, values) in curve.series.items():
        while steps and steps[-1] >= point.step:
            steps.pop()
            values.pop()
        value = getattr(point, name)
        if value is not None:
            steps.append(point.step)
            values.append(value)


def last_step(curve: Curve) -> int:
    """Where the phase's axis ends: at the planned step, or at the last one when it ended sooner."""
    reached = max((steps[-1] for steps, _ in curve.series.values() if steps), default=0)
    return max(1, reached if curve.done and reached else max(curve.steps, reached))
