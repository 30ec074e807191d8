"""Sees to it that a child works on a project while runs wait: for the page's server and the command line alike."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from fact_core.errors import FactError
from fact_core.events import Log
from fact_core.storage import db, run_events, run_process, run_queue, worker_lock
from fact_core.storage.project import Project

#: So many children in a row may die before they take a run; then the waiting run fails.
MOST_DEATHS = 3
#: A worker that was asked to stop ends itself after ten seconds. One that does not even do that is ended after these.
INSIST_SECONDS = 15.0
#: How long a child may take to leave.
LEAVE_SECONDS = 5.0
NUDGES = 20


class Keeper:
    """Starts the child of one project and watches it. Not safe for threads: the server has a lock around it.

    idle:    seconds without work after which the child leaves
    respawn: a child that has died is not followed by the next one sooner than this
    clock:   seconds that run on evenly; no time of day
    """

    def __init__(
        self,
        project: Project,
        idle: float,
        *,
        follow_up: bool = False,
        respawn: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.project = project
        self._idle, self._follow_up, self._respawn, self._clock = idle, follow_up, respawn, clock
        self._child: subprocess.Popen[bytes] | None = None
        self._spawned = -respawn
        self._deaths = 0
        self._asked = "", 0.0  # the worker that was asked to stop, and since when
        self._told = 0  # the run of which was told that its process is stopped

    def tend(self, *, now: bool = False) -> None:
        """Look after the project: lost runs fail, a child is started when a run waits and none lives."""
        self._let_write()
        run_process.fail_lost(self.project)
        run = run_queue.active(self.project)
        if run is None:
            return
        if run.status == "running":
            self._watch(run)
            return
        due = now or self._clock() - self._spawned >= self._respawn
        if self._free() and not self._given_up(run.id) and due:
            self._spawned = self._clock()
            self._child = run_process.spawn_worker(self.project, self._idle, follow_up=self._follow_up)

    def stop(self, run: int) -> None:
        """Ask a run to stop. A process that is stopped goes on first: it may have been about to write."""
        if (worker := worker_lock.present(self.project)) and worker.stopped:
            worker.go_on()
        run_queue.request_stop(self.project, run)

    def end(self) -> None:
        """Have the child leave, and whoever else works on the project; at once where that takes long."""
        if worker := worker_lock.present(self.project):
            worker.terminate()
            if not worker_lock.gone(self.project, LEAVE_SECONDS):
                worker.kill()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def _free(self) -> bool:
        """Whether no child lives and nobody else works on the project: one that an earlier server has left."""
        return (self._child is None or self._child.poll() is not None) and worker_lock.present(self.project) is None

    def _given_up(self, run: int) -> bool:
        """Count a child that died before it took a run; after some in a row the waiting run fails with their words.

        How a child that took a run has died is that run's matter: it is lost, and says so.
        """
        child, self._child = self._child, None
        if child is None:
            return False
        if child.returncode == 0 or run_queue.last_claim(self.project).startswith(f"{child.pid}-"):
            self._deaths = 0
            return False
        self._deaths += 1
        if self._deaths < MOST_DEATHS:
            return False
        self._deaths = 0
        code, words = child.returncode, run_process.last_words(self.project)
        reason = f"The process that does the work ended at once (exit code {code}). {words}".strip()
        run_queue.finish(self.project, run, "failed", reason)
        return True

    def _watch(self, run: run_queue.Run) -> None:
        """Tell of a process that is stopped; end one that does not stop its run when it is asked to."""
        worker = worker_lock.present(self.project)
        if worker is None:
            return
        if run.stop_requested:
            self._insist(run.id, worker)
            return
        self._asked = "", 0.0
        if worker.stopped:
            if self._told != run.id:
                self._told = run.id
                self._tell(run.id, f"The process that works on this ({worker.pid}) is stopped. {_HOW}", "warning")
        elif self._told == run.id:
            self._told = 0
            self._tell(run.id, "The process goes on.")

    def _insist(self, run: int, worker: worker_lock.Worker) -> None:
        """It was asked to stop: continue it, so that it can do so in order; after a while end it."""
        worker.go_on()
        if self._asked[0] != worker.name:
            self._asked = worker.name, self._clock()
        elif self._clock() - self._asked[1] > INSIST_SECONDS:
            worker.kill()
            if worker_lock.gone(self.project, LEAVE_SECONDS):
                run_queue.finish(self.project, run, "stopped", "Stopped. It did not answer and was ended.")

    def _let_write(self) -> None:
        """Let a process that was stopped while it wrote finish that: it would keep the database from the labels."""
        worker = worker_lock.present(self.project)
        if worker is None or not worker.stopped:
            return
        for _ in range(NUDGES):
            if db.is_free(self.project.db):
                return
            worker.go_on()
            time.sleep(0.05)
            worker.hold()

    def _tell(self, run: int, text: str, level: Literal["info", "warning"] = "info") -> None:
        with suppress(FactError):  # it is only told
            run_events.append_events(self.project, run, [Log(text, level)])


_HOW = "Nothing is lost: it goes on when it is continued (kill -CONT), and Stop continues it as well."
