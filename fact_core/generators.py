"""Long steps inside long steps: what happens to the events of the inner one."""

from __future__ import annotations

from collections.abc import Callable

from fact_core.events import Event
from fact_core.types import Step, T


def finish(step: Step[T]) -> T:
    """The result of a step whose events nobody wants."""
    while True:
        try:
            next(step)
        except StopIteration as stop:
            result: T = stop.value
            return result


def map_events(step: Step[T], change: Callable[[Event], Event | None]) -> Step[T]:
    """The same step with each event changed, or dropped where ``change`` answers None."""
    try:
        while True:
            try:
                event = next(step)
            except StopIteration as stop:
                result: T = stop.value
                return result
            shown = change(event)
            if shown is not None:
                yield shown
    finally:
        step.close()  # a stopped outer step stops the inner one now, not when it is collected
