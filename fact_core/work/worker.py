"""The child process that does the work: ``python -m fact_core.work.worker PROJECT [--idle SECONDS]``.

It claims queued runs one by one and leaves when nothing was to do for ``--idle`` seconds. One process works on a
project: it holds ``worker_lock`` as long as it lives, which is its sign of life.
SQLite is the only wire to the page: events go in, the wish to stop comes out.
What a kind of run needs and does it says itself (``kind.Kind``, ``kinds.KINDS``).
A run is a generator; stopping it is ``close()``. What cannot be interrupted so
(UMAP, a long call into C) gets SIGTERM after 5 s and an end of the process after 10.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from fact_core.errors import DiskFull, FactError, ProjectGone, storage_error
from fact_core.events import Event, Log, PhaseDone, Progress, Saved
from fact_core.files import Lock
from fact_core.storage import run_events, run_process, run_queue, worker_lock
from fact_core.storage.project import Project, open_project
from fact_core.types import Step
from fact_core.work import full_disk
from fact_core.work.kind import kind_of, options_of, step_of
from fact_core.work.versions import versions

ASK_SECONDS = 0.5
#: How long a worker waits at least for one that is about to leave.
PATIENCE = 5.0
FLUSH_SECONDS = 0.25
#: Where halves may lie in the cache: not among the thumbnails, which are many.
SWEPT = (".*.new", "words/.*.new", "maps/.*.new", "features/*/.*.new")
TERM_AFTER, EXIT_AFTER = 5.0, 10.0


class Stopped(BaseException):
    """The person asked to stop. Not an Exception, so that no handler on the way swallows it."""


def main(argv: list[str] | None = None) -> int:
    """Claim and do runs until idle. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fact_core.work.worker", description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--idle", type=float, default=120.0, help="leave after this many seconds without work")
    parser.add_argument("--follow-up", action="store_true", help="draw the map and predict without being asked")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _on_terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C belongs to the front process
    try:
        work(open_project(args.project), args.idle, args.follow_up)
    except Stopped:
        return 0
    except FactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def work(project: Project, idle: float, follow_up: bool = False) -> None:
    """Claim queued runs, oldest first, and do them; return after ``idle`` seconds without any.

    At once where another process works on the project and goes on doing so: it takes the runs.
    """
    name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    held = _alone(project, name, max(idle, PATIENCE))
    if held is None:
        return
    with held:
        _sweep(project)
        last = time.monotonic()
        # Where a copy of the project has taken its place, nobody sees the lock: the copy has a worker of its own.
        while held.stands() or not project.db.exists():
            run = _claim(project, name)
            if run is not None:
                _do(project, run, name, follow_up)
                last = time.monotonic()
            elif time.monotonic() - last >= idle:
                return
            else:
                time.sleep(0.2)


def _alone(project: Project, name: str, patience: float) -> Lock | None:
    """The project's ``worker_lock``; None where another process keeps it, or there is no room for it, for so long."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(DiskFull):
            if held := worker_lock.take(project, name):
                return held
        time.sleep(0.1)
    return None


def _sweep(project: Project) -> None:
    """Remove the halves of files that a killed worker was writing; nobody else writes into these folders."""
    places = ((project.folder / "runs", "**/.*.new"), *((project.cache, where) for where in SWEPT))
    for folder, where in places:
        for half in folder.glob(where):
            half.unlink(missing_ok=True)


def _do(project: Project, run: run_queue.Run, worker: str, follow_up: bool) -> None:
    """Do a claimed run, or put it behind what it lacks."""
    # Asked from here on whether to stop: to say what a run lacks may import torch, which takes seconds.
    with _asking(project, run.id, worker) as stop:
        try:
            if not _parked(project, run, worker):
                execute(project, run, worker, stop, follow_up)
        except (FactError, OSError) as error:
            if not (words := full_disk.why_stopped(error)):
                raise
            end = partial(run_queue.finish, project, run.id, "stopped", words, {}, worker)
            full_disk.when_there_is_room(end)
        except Stopped:  # while it said what it lacks: else it has ended, and this changes nothing
            run_queue.finish(project, run.id, "stopped", "Stopped before it began.", {}, worker)
            raise


def _claim(project: Project, worker: str) -> run_queue.Run | None:
    """The next run; None where there is none, or no room to say that it is taken."""
    try:
        return run_queue.claim(project, worker)
    except (DiskFull, ProjectGone):
        return None


def execute(project: Project, run: run_queue.Run, worker: str, stop: threading.Event, follow_up: bool = False) -> None:
    """Do one claimed run to its end and record how it ended, and what follows. Never raises for a failure of the run.

    Stopped, once that is recorded, where it is the process that was asked to leave.
    """
    leave = False
    with _output_to(run_process.log_path(project, run.id)):
        status: run_queue.Status = "done"
        reason, result = "", {}
        sink = _Sink(project, run.id)
        try:
            run_queue.note(project, run.id, versions=versions())
            result = _drive(step_of(project, run), sink, stop)
        except Stopped:
            leave = not stop.is_set()
            status, reason = "stopped", "Stopped. What is done is kept: it can be resumed."
        except BaseException as error:
            full_disk.note_traceback()
            words = full_disk.why_stopped(error)
            status, reason = ("stopped", words) if words else ("failed", in_words(error))
        if status == "stopped":
            for event in full_disk.when_there_is_room(lambda: tuple(kind_of(run).kept(project, run))):
                sink.add(event)
        then = kind_of(run).then(project, run) if status == "done" and follow_up else ()

        def record() -> None:
            with _undisturbed():
                try:
                    sink.flush()
                finally:
                    run_queue.finish(project, run.id, status, reason, result, worker, then)

        full_disk.when_there_is_room(record)
    if leave:
        raise Stopped


def in_words(error: BaseException) -> str:
    """What the person reads when a run fails; the traceback is in the run's log."""
    if isinstance(error, FactError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory is full. Close other programs, or choose a smaller backbone or batch."
    if isinstance(error, OSError) and error.errno is not None:
        return str(storage_error(error, "working"))
    return f"An error that the program did not expect: {type(error).__name__}: {error}. The log has the details."


def _parked(project: Project, run: run_queue.Run, worker: str) -> bool:
    """Queue what the run lacks and put it behind that. A failure to say what it lacks is the run's failure."""
    try:
        lacking = kind_of(run).needs(project, run, options_of(run))
    except (DiskFull, ProjectGone):
        raise
    except FactError as error:
        run_queue.finish(project, run.id, "failed", reason=str(error), result={}, worker=worker)
        return True
    except Exception as error:
        with _output_to(run_process.log_path(project, run.id)):
            traceback.print_exc()
        run_queue.finish(project, run.id, "failed", reason=in_words(error), result={}, worker=worker)
        return True
    if not lacking:
        return False
    ids = [each if isinstance(each, int) else run_queue.queue(project, *each, parent=run.id) for each in lacking]
    run_queue.park(project, run.id, ids)
    return True


def _drive(step: Step[dict[str, Any]], sink: _Sink, stop: threading.Event) -> dict[str, Any]:
    """Pull the generator to its end; close it when a stop is asked for."""
    try:
        while True:
            event = next(step)
            sink.add(event)
            if stop.is_set():
                raise Stopped
    except StopIteration as end:
        return dict(end.value or {})
    finally:
        step.close()


class _Sink:
    """Collects events and writes them a few times a second; the important ones at once."""

    def __init__(self, project: Project, run_id: int) -> None:
        self._project, self._run_id = project, run_id
        self._waiting: list[Event] = []
        self._flushed = 0.0

    def add(self, event: Event) -> None:
        # Only the newest progress of a step says anything.
        if self._waiting and isinstance(event, Progress) and isinstance(self._waiting[-1], Progress):
            self._waiting.pop()
        self._waiting.append(event)
        if isinstance(event, Log):
            print(event.text, flush=True)
        urgent = isinstance(event, (Log, PhaseDone, Saved))
        if urgent or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            run_events.append_events(self._project, self._run_id, self._waiting)
        self._waiting, self._flushed = [], time.monotonic()


@contextmanager
def _asking(project: Project, run_id: int, worker: str) -> Iterator[threading.Event]:
    """Ask twice a second, in a thread, whether to stop; then the yielded event is set, and more follows."""
    stop, over = threading.Event(), threading.Event()

    def ask() -> None:
        looks = 0  # counted, not timed: a process that was stopped meanwhile has had no time to end
        while not over.wait(ASK_SECONDS):
            try:
                wished = run_process.must_stop(project, run_id, worker)
            except Exception:  # a busy or broken disk must not end the run; the next look may succeed
                full_disk.note_traceback()
                continue
            if not wished:
                continue
            stop.set()
            looks += 1
            waited = looks * ASK_SECONDS
            if waited > EXIT_AFTER:
                run_queue.finish(project, run_id, "stopped", "Stopped. It did not answer and was ended.", {}, worker)
                os._exit(1)
            if waited > TERM_AFTER:
                os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=ask, name="asking", daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        over.set()
        thread.join()


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send this process's stdout and stderr, those of C libraries included, to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        with suppress(OSError):  # a full disk
            sys.stdout.flush()
            sys.stderr.flush()
        for copy, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(log)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within it a request to leave waits: how a run has ended is recorded as a whole."""
    heard = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: heard.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if heard.is_set():
        raise Stopped


def _on_terminate(number: int, frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    raise SystemExit(main())
