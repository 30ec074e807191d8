"""What a long step tells while it runs. Each event is a small frozen dataclass.

Events cross from the child process to the page as rows ``(kind, body)`` with a JSON body:
``to_row`` and ``from_row`` are the only two ways in and out; ``from_body`` takes a body that is read already.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Progress:
    """How far a step is. ``seconds_left`` is None while nothing can be said; ``rate`` is units a second."""

    step: str  # machine name of the part, e.g. "features", "activeft", "ff"
    done: int
    total: int
    unit: str = "images"
    rate: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class PhaseStarted:
    """A training phase begins. ``steps`` optimiser steps (or iterations) are planned."""

    phase: str  # lp, ff, lora, prompt, prefix, st, lm
    index: int  # 0-based place in the recipe
    phases: tuple[str, ...]  # the whole recipe
    steps: int
    epochs: float
    trainable_parameters: int
    seconds_expected: float | None = None


@dataclass(frozen=True)
class Point:
    """One point of the live charts. Losses in nats, accuracies in 0..1, None where not known."""

    phase: str
    step: int
    steps: int
    epoch: float
    loss: float | None = None  # training
    accuracy: float | None = None
    check_loss: float | None = None  # held-out labels
    check_accuracy: float | None = None
    images_per_s: float = 0.0
    seconds_left: float | None = None
    part: str = ""  # of the light model, which solver after solver fits: see ``lightweight.light.fit``


@dataclass(frozen=True)
class PhaseDone:
    """A training phase ended. ``check_*`` is None without held-out labels."""

    phase: str
    seconds: float
    epochs: float
    steps: int
    train_loss: float
    train_accuracy: float
    check_loss: float | None = None
    check_accuracy: float | None = None
    check_n: int = 0
    peak_memory_mb: float | None = None
    interrupted: bool = False  # it was stopped and went on: its seconds are a guess


@dataclass(frozen=True)
class Decision:
    """Something the program chose by itself, and why. ``scores``: candidate -> score (lower is better)."""

    name: str  # e.g. "lm.C", "lm.mode", "ff.interpolation"
    value: str
    reason: str
    scores: dict[str, float] | None = None


@dataclass(frozen=True)
class Saved:
    """A checkpoint lies on disk: a resumed run goes on from here."""

    phase: str
    step: int


@dataclass(frozen=True)
class Log:
    """One line for the person. ``level``: info, warning, error."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


Event = Progress | PhaseStarted | Point | PhaseDone | Decision | Saved | Log

EVENT_KINDS: dict[str, type[Event]] = {
    "progress": Progress,
    "phase_started": PhaseStarted,
    "point": Point,
    "phase_done": PhaseDone,
    "decision": Decision,
    "saved": Saved,
    "log": Log,
}
_NAMES = {cls: name for name, cls in EVENT_KINDS.items()}


def to_row(event: Event) -> tuple[str, str]:
    """(kind, JSON body) of an event. Numbers that JSON cannot hold become null."""
    return _NAMES[type(event)], json.dumps(_finite(asdict(event)), allow_nan=False, ensure_ascii=False)


def from_row(kind: str, body: str) -> Event:
    """The event of a stored row. KeyError for an unknown kind."""
    return from_body(kind, json.loads(body))


def from_body(kind: str, body: Mapping[str, Any]) -> Event:
    """The same of a body that is read already."""
    fields = dict(body)
    if "phases" in fields:
        fields["phases"] = tuple(fields["phases"])
    return EVENT_KINDS[kind](**fields)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
