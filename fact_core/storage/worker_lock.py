"""Who works on a project: the one process that holds its ``worker.lock``.

A lock cannot lie. The system takes it from a process that is gone, by whatever death, and leaves it to one that
sleeps, is stopped (SIGSTOP) or swaps; a laptop that sleeps or a clock that is set changes nothing. So no clock is
asked whether a run is alive, and no second process works while the first one may wake up.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from fact_core.files import Lock, is_locked, lock_holder, take_lock
from fact_core.storage.project import Project

FILE = "worker.lock"
#: How long a process that was told to stop is waited for.
HOLD_SECONDS = 1.0
MODULE = "fact_core.work.worker"  # what its command line names


@dataclass(frozen=True)
class Worker:
    """The process that works on a project. ``name``: as in ``Run.claimed_by``; "" while it begins."""

    pid: int
    name: str

    @property
    def stopped(self) -> bool:
        """Whether it is held by a signal (SIGSTOP) or a debugger: it lives, and does nothing until it is continued."""
        process = self._process()
        with suppress(psutil.Error):
            return process is not None and process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        return False

    def go_on(self) -> None:
        """Continue it where it is stopped."""
        if process := self._process():
            with suppress(psutil.Error):
                process.resume()

    def hold(self) -> None:
        """Stop it until it is continued; returns when it has stopped, which takes a moment on busy cores."""
        if process := self._process():
            with suppress(psutil.Error):
                process.suspend()
            until = time.monotonic() + HOLD_SECONDS
            while not self.stopped and process.is_running() and time.monotonic() < until:
                time.sleep(0.005)

    def terminate(self) -> None:
        """Ask it to leave, also where it is stopped."""
        if process := self._process():
            with suppress(psutil.Error):
                process.terminate()
                process.resume()  # a stopped process hears of a signal when it goes on

    def kill(self) -> None:
        """End it at once."""
        if process := self._process():
            with suppress(psutil.Error):
                process.kill()

    def _process(self) -> psutil.Process | None:
        """None where another process has the number by now."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return process if MODULE in process.cmdline() else None
        return None


def take(project: Project, name: str) -> Lock | None:
    """Become the process that works on the project; None while another one is. ``name``: as in ``Run.claimed_by``."""
    return take_lock(project.folder / FILE, name)


def present(project: Project) -> Worker | None:
    """The process that works on the project now, stopped or not; None: there is none."""
    path = project.folder / FILE
    if not is_locked(path):
        return None
    pid, name = lock_holder(path)
    return Worker(int(pid) if pid.isdigit() else 0, name)


def gone(project: Project, seconds: float) -> bool:
    """Wait at most so long until nobody works on the project; whether that is so."""
    until = time.monotonic() + seconds
    while present(project) is not None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True
