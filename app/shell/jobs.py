"""Long steps that the server does itself because they belong to no open project: told as they go, stopped, ended."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from fact_core.errors import FactError, InputError
from fact_core.events import Event, Progress
from fact_core.types import Step

log = logging.getLogger("fact_studio")

#: Ended jobs that are still told.
KEPT = 20


@dataclass(frozen=True)
class Told:
    """How far a job is. ``problem``: an error as the page shows it; ``key``: of the project that came of it."""

    number: int
    done: int = 0
    total: int = 0
    unit: str = ""
    seconds_left: float | None = None
    ended: bool = False
    key: str = ""
    problem: dict[str, str] | None = None


@dataclass(frozen=True)
class Fetch:
    """A child that downloads a backbone's weights, or takes them from a person's ``file``."""

    process: subprocess.Popen[bytes]
    file: str


class Jobs:
    """Runs each step in a thread of its own. Safe for threads."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._told: dict[int, Told] = {}
        self._stopped = set[int]()
        self._guard = threading.Lock()

    def start(self, step: Step[str]) -> Told:
        """Begin; the step's result is the key of a project, or ""."""
        with self._guard:
            number = next(self._numbers)
            self._told[number] = Told(number)
            for old in [each.number for each in self._told.values() if each.ended][:-KEPT]:
                del self._told[old]
        threading.Thread(target=self._run, args=(number, step), daemon=True, name=f"job-{number}").start()
        return self.told(number)

    def told(self, number: int) -> Told:
        """How far it is. InputError when nothing is known of it."""
        try:
            return self._told[number]
        except KeyError:
            raise InputError("This was begun by a program that has ended", f"number {number}", "Begin again.") from None

    def stop(self, number: int) -> Told:
        """Ask it to stop at its next event."""
        told = self.told(number)
        self._stopped.add(number)
        return told

    def _run(self, number: int, step: Step[str]) -> None:
        try:
            key = self._pulled(number, step)
            self._note(number, lambda old: Told(number, old.done, old.total, old.unit, None, True, key))
        except FactError as error:
            problem = {"what": error.what, "found": error.found, "do": error.do}
            self._note(number, lambda old: Told(number, ended=True, problem=problem))
        except Exception as error:
            log.exception("job %d", number)
            problem = {"what": "Something went wrong", "found": type(error).__name__, "do": "Details stand in the log."}
            self._note(number, lambda old: Told(number, ended=True, problem=problem))

    def _pulled(self, number: int, step: Step[str]) -> str:
        """The step's result; "" where it was stopped."""
        while True:
            try:
                event = next(step)
            except StopIteration as end:
                return str(end.value)
            if number in self._stopped:
                step.close()
                return ""
            self._seen(number, event)

    def _seen(self, number: int, event: Event) -> None:
        if isinstance(event, Progress):
            self._note(number, lambda old: Told(number, event.done, event.total, event.unit, event.seconds_left, False))

    def _note(self, number: int, change: Callable[[Told], Told]) -> None:
        with self._guard:
            self._told[number] = change(self._told[number])
