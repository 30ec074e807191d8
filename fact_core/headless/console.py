"""Draws events as lines for a person at a terminal, or in a log."""

from __future__ import annotations

import time
from typing import TextIO

from fact_core.events import Decision, Event, Log, PhaseDone, PhaseStarted, Point, Progress

#: A log gets a line of progress no more often than this; a terminal redraws one line.
QUIET_SECONDS = 10.0


class Console:
    """Writes to one stream. On a terminal, progress is one line that changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._open = 0  # width of the changing line, 0 when there is none
        self._shown: tuple[str, float] = ("", 0.0)  # step of the last progress line, and when

    def say(self, text: str) -> None:
        """One line that stays."""
        self._clear()
        print(text, file=self._stream, flush=True)

    def show(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Progress():
                self._progress(event.step, progress_line(event), 0 < event.total <= event.done)
            case Point():
                self._progress(event.phase, point_line(event), False)  # how a phase ends, PhaseDone says
            case PhaseStarted() | PhaseDone() | Decision():
                self.say(lasting_line(event))
            case Log():
                self.say(event.text if event.level == "info" else f"{event.level}: {event.text}")

    def _progress(self, step: str, line: str, last: bool) -> None:
        if self._live:
            self._clear()
            self._stream.write(line[:100])
            self._stream.flush()
            self._open = len(line[:100])
            return
        now = time.monotonic()
        if last or step != self._shown[0] or now - self._shown[1] >= QUIET_SECONDS:
            self.say(line)
            self._shown = (step, now)

    def _clear(self) -> None:
        if self._open:
            self._stream.write("\r" + " " * self._open + "\r")
            self._open = 0


def progress_line(event: Progress) -> str:
    """ "features  640 of 4,317 images, 120/s, 31 s left"; without a known total "umap  5 seconds" """
    total = f" of {event.total:,}" if event.total else ""
    parts = [f"{event.step}  {event.done:,}{total} {event.unit}"]
    parts += [f"{event.rate:.0f}/s"] if event.rate else []
    return ", ".join(parts + _left(event.seconds_left if event.done < event.total else None))


def point_line(event: Point) -> str:
    """ "ff  step 20 of 100, loss 0.412, accuracy 93 %, 12 s left" """
    parts = [f"{event.phase}  step {event.step:,} of {event.steps:,}"]
    parts += [f"loss {event.loss:.3f}"] if event.loss is not None else []
    parts += [f"accuracy {event.accuracy:.0%}"] if event.accuracy is not None else []
    return ", ".join(parts + _left(event.seconds_left if event.step < event.steps else None))


def lasting_line(event: PhaseStarted | PhaseDone | Decision) -> str:
    """A phase's begin and end, a decision and its reason."""
    match event:
        case PhaseStarted():
            place = f"{event.index + 1} of {len(event.phases)}"
            return (
                f"phase {place}: {event.phase}, {event.steps:,} steps, {event.trainable_parameters:,} parameters learn"
            )
        case PhaseDone():
            line = f"{event.phase} done in {event.seconds:.1f} s: loss {event.train_loss:.3f}"
            line += f", training accuracy {event.train_accuracy:.1%}"
            return line + (f", check images {event.check_accuracy:.1%}" if event.check_accuracy is not None else "")
        case Decision():
            return f"{event.name} = {event.value}: {event.reason}"


def _left(seconds: float | None) -> list[str]:
    if seconds is None:
        return []
    return [f"{seconds:.0f} s left" if seconds < 120 else f"{seconds / 60:.0f} min left"]
