"""Long steps inside long steps: what happens to the events of the inner one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fact_core.events import Event, Log
from fact_core.types import Step, T


def finish(step: Step[T], told: Callable[[Event], object] = lambda event: None) -> T:
    """The result of a step, pulled to its end; ``told`` gets each event."""
    while True:
        try:
            told(next(step))
        except StopIteration as stop:
            result: T = stop.value
            return result


def map_events(step: Step[T], change: Callable[[Event], Event | None]) -> Step[T]:
    """The same step with each event changed, or dropped where ``change`` answers None."""

    def told(event: Event) -> Iterable[Event]:
        shown = change(event)
        return () if shown is None else (shown,)

    return (yield from spread_events(step, told))


def quietly(step: Step[T]) -> Step[T]:
    """The same step without any event."""
    return (yield from map_events(step, lambda event: None))


def logs_only(step: Step[T]) -> Step[T]:
    """The same step with nothing but its lines for the person."""
    return (yield from map_events(step, lambda event: event if isinstance(event, Log) else None))


def spread_events(step: Step[T], told: Callable[[Event], Iterable[Event]]) -> Step[T]:
    """The same step with whatever ``told`` yields in place of each event, one after the other."""
    try:
        while True:
            try:
                event = next(step)
            except StopIteration as stop:
                result: T = stop.value
                return result
            yield from told(event)
    finally:
        step.close()  # a stopped outer step stops the inner one now, not when it is collected
