"""Shared by all tests of long steps."""

from __future__ import annotations

from fact_core.events import Event
from fact_core.types import Step, T


def heard(step: Step[T]) -> tuple[T, list[Event]]:
    """The result of a step, and the events that it told. ``generators.finish`` gives the result alone."""
    events: list[Event] = []
    while True:
        try:
            events.append(next(step))
        except StopIteration as stop:
            return stop.value, events
