"""One worker child, and the runs that a front process without a page has it do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from fact_core.errors import FactError, RunError
from fact_core.events import from_body
from fact_core.headless.console import Console
from fact_core.storage import db, run_events, run_process, run_queue
from fact_core.storage.keeper import Keeper
from fact_core.storage.project import Project

POLL_SECONDS = 0.15
IDLE_SECONDS = 30.0
#: How long a stopped run may take to end.
STOP_SECONDS = 20.0


class WorkerClient:
    """The child process, started with the first run and ended with the ``with`` block."""

    def __init__(self, project: Project, console: Console) -> None:
        self._project, self._console = project, console
        self._keeper = Keeper(project, IDLE_SECONDS)
        self._cursors: dict[int, int] = {}

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.end()

    def do(self, kind: str, config: Mapping[str, Any]) -> run_queue.Run:
        """Queue a run and follow it to its end. RunError in words when it failed or was stopped."""
        return self.follow(run_queue.queue(self._project, kind, config))

    def resume(self, run_id: int) -> run_queue.Run:
        """Let an ended run go on from its last checkpoint, and follow it."""
        _, self._cursors[run_id] = run_events.events_since(
            self._project, run_id, 0, 10**9
        )  # what it told before is old
        run_queue.requeue(self._project, run_id)
        return self.follow(run_id)

    def follow(self, run_id: int) -> run_queue.Run:
        """Show a run's events until it has ended. Ctrl+C stops the run first, so that nothing is lost."""
        try:
            while (run := self._look(run_id)).open:
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self._stop(run_id)
            raise
        if run.status != "done":
            first, _, more = run.reason.strip().partition("\n")
            do = f"The log: {run_process.log_path(self._project, run_id)}" if more or not first else ""
            raise RunError(first or f"The run {run.kind} ended as {run.status}", do=do)
        return run

    def _look(self, run_id: int) -> run_queue.Run:
        """How a run stands: its child is seen to, and what is new is drawn. One connection for all that is asked."""
        with db.shared(self._project.db):
            run = run_queue.get(self._project, run_id)
            if run.open:
                self._keeper.tend()
            self._show(run)
        return run

    def _show(self, run: run_queue.Run) -> None:
        """Draw what is new of a run and of those it waits for."""
        for each in (*run.waits_for, run.id):
            rows, self._cursors[each] = run_events.events_since(self._project, each, self._cursors.get(each, 0))
            for row in rows:
                self._console.show(from_body(row.kind, row.body))

    def end_leftovers(self) -> None:
        """Stop what an earlier process has left in the queue; what it trained can be resumed."""
        self._stop_all([run.id for run in run_queue.list_runs(self._project) if run.open])

    def _stop(self, run_id: int) -> None:
        """Ask the run, and what it waits for, to stop; wait until it has written what it must."""
        self._console.say("Stopping ...")
        try:
            self._stop_all([run_id, *run_queue.get(self._project, run_id).waits_for])
        except (FactError, KeyboardInterrupt):
            return  # a second Ctrl+C: at once

    def _stop_all(self, runs: Sequence[int]) -> None:
        for each in runs:
            self._keeper.stop(each)
        until = time.monotonic() + STOP_SECONDS
        while (active := run_queue.active(self._project)) and active.status == "running" and time.monotonic() < until:
            self._keeper.tend()
            time.sleep(POLL_SECONDS)
