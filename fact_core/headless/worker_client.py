"""One worker child, and the runs that a front process without a page has it do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from fact_core.errors import FactError, RunError
from fact_core.events import from_body
from fact_core.headless.console import Console
from fact_core.storage import run_events, run_process, run_queue
from fact_core.storage.project import Project

POLL_SECONDS = 0.15
IDLE_SECONDS = 30.0
#: How long a stopped run may take to end, and the child to leave.
STOP_SECONDS, LEAVE_SECONDS = 13.0, 5.0
MOST_STARTS = 3


class WorkerClient:
    """The child process, started with the first run and ended with the ``with`` block."""

    def __init__(self, project: Project, console: Console) -> None:
        self._project, self._console = project, console
        self._child: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._cursors: dict[int, int] = {}

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

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
            while (run := run_queue.get(self._project, run_id)).open:
                self._keep_alive()
                self._show(run)
                time.sleep(POLL_SECONDS)
            self._show(run)
        except KeyboardInterrupt:
            self._stop(run_id)
            raise
        if run.status != "done":
            first, _, more = run.reason.strip().partition("\n")
            do = f"The log: {run_process.log_path(self._project, run_id)}" if more or not first else ""
            raise RunError(first or f"The run {run.kind} ended as {run.status}", do=do)
        return run

    def _show(self, run: run_queue.Run) -> None:
        """Draw what is new of a run and of those it waits for."""
        for each in (*run.waits_for, run.id):
            rows, self._cursors[each] = run_events.events_since(self._project, each, self._cursors.get(each, 0))
            for row in rows:
                self._console.show(from_body(row.kind, row.body))

    def _keep_alive(self) -> None:
        """Start the child, again when it has left. A run that died with its child becomes failed by the next one."""
        code = self._child.poll() if self._child else 0
        if self._child and code is None:
            return
        self._deaths += int(code != 0)
        if self._deaths >= MOST_STARTS:
            log = self._project.folder / "worker.log"
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:] if log.is_file() else []
            raise RunError(
                "The process that does the work ends at once", "".join(tail), f"Its whole output is in {log}."
            )
        self._child = run_process.spawn_worker(self._project, IDLE_SECONDS)

    def _stop(self, run_id: int) -> None:
        """Ask the run, and what it waits for, to stop; wait until it has written what it must."""
        self._console.say("Stopping ...")
        try:
            for each in (run_id, *run_queue.get(self._project, run_id).waits_for):
                run_queue.request_stop(self._project, each)
            until = time.monotonic() + STOP_SECONDS
            while (
                time.monotonic() < until and (active := run_queue.active(self._project)) and active.status == "running"
            ):
                time.sleep(POLL_SECONDS)
        except (FactError, KeyboardInterrupt):
            return  # a second Ctrl+C: at once
