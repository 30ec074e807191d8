"""The keeper with real processes: short ones that do to the queue what a worker does, then die, hang or are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fact_core.storage import db, run_events, run_process, run_queue, worker_lock
from fact_core.storage.keeper import INSIST_SECONDS, MOST_DEATHS, Keeper
from fact_core.storage.project import Project
from tests.storage_help import flat_project, is_sound

BEGIN = """
import os, sys, time
from pathlib import Path
from fact_core.storage import db, project, run_process, run_queue, worker_lock
made = project.open_project(Path(sys.argv[1]))
name = f"{os.getpid()}-test"
for _ in range(100):  # who asks whether somebody works here has the lock for a moment
    if held := worker_lock.take(made, name):
        break
    time.sleep(0.01)
run = held and run_queue.claim(made, name)
print("begun", flush=True)
"""
DIES = "os._exit(9)"
OBEYS = """
while not run_process.must_stop(made, run.id, name):
    time.sleep(0.02)
run_queue.finish(made, run.id, "stopped", "in order", {}, name)
"""
DEAF = "time.sleep(600)"
WRITES = """
with db.connect(made.db) as con, db.transaction(con):
    db.bump(con)
    print("writing", flush=True)
    time.sleep(1.5)
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 1)


Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(project: Project) -> Iterator[Start]:
    """Start a worker that has claimed the queued run, and goes on with the given code."""
    begun: list[subprocess.Popen[str]] = []

    def one(code: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", BEGIN + code, str(project.folder), worker_lock.MODULE]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        heard(begun[-1], "begun")
        return begun[-1]

    yield one
    for each in begun:
        each.kill()
        each.communicate()


def heard(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdout is not None and child.stdout.readline() == f"{word}\n"


def stop(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGSTOP)
    until = time.monotonic() + 10
    while not (seen := worker_lock.Worker(child.pid, "").stopped) and time.monotonic() < until:
        time.sleep(0.01)
    assert seen


def logs(project: Project, run: int) -> list[str]:
    return [row.body["text"] for row in run_events.events_since(project, run)[0] if row.kind == "log"]


Spawn = Callable[[str], "list[subprocess.Popen[bytes]]"]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawn]:
    """Let the keeper's children run a code from now on; the list is of those that it starts."""
    every: list[subprocess.Popen[bytes]] = []

    def let(code: str) -> list[subprocess.Popen[bytes]]:
        begun: list[subprocess.Popen[bytes]] = []

        def spawn(project: Project, idle: float, follow_up: bool = False) -> subprocess.Popen[bytes]:
            with open(project.folder / "worker.log", "ab") as log:
                command = [sys.executable, "-c", code, str(project.folder), worker_lock.MODULE]
                child = subprocess.Popen(command, stdout=log, stderr=log)
            begun.append(child)
            every.append(child)
            return child

        monkeypatch.setattr(run_process, "spawn_worker", spawn)
        return begun

    yield let
    for each in every:
        each.kill()
        each.wait(10)


def tend_until(keeper: Keeper, true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        keeper.tend()
        time.sleep(0.02)


@pytest.mark.slow
def test_children_that_die_at_work_do_not_fail_the_next_run(project: Project, children: Spawn) -> None:
    """However many runs have crashed before: each tells of its own crash, and a healthy one goes on."""
    keeper = Keeper(project, 0.0)
    begun = children(BEGIN + DIES)
    crashed = [run_queue.queue(project, "scan", {}) for _ in range(MOST_DEATHS + 2)]
    tend_until(keeper, lambda: run_queue.get(project, crashed[-1]).status == "failed")
    assert len(begun) == len(crashed)
    assert {run_queue.get(project, run).reason for run in crashed} == {
        "The process that worked on it ended without a word."
    }
    children(BEGIN + "run_queue.finish(made, run.id, 'done', '', {}, name)")
    healthy = run_queue.queue(project, "scan", {})
    tend_until(keeper, lambda: not run_queue.get(project, healthy).open)
    assert run_queue.get(project, healthy).status == "done"


def test_children_that_die_before_they_take_a_run_fail_it_with_their_words(project: Project, children: Spawn) -> None:
    keeper = Keeper(project, 0.0)
    begun = children("import sys; print('no such module'); sys.exit(1)")
    run = run_queue.queue(project, "scan", {})
    tend_until(keeper, lambda: not run_queue.get(project, run).open)
    found = run_queue.get(project, run)
    assert found.status == "failed" and "exit code 1" in found.reason and "no such module" in found.reason
    assert len(begun) == MOST_DEATHS


def test_deaths_are_counted_in_a_row(project: Project, children: Spawn) -> None:
    keeper = Keeper(project, 0.0)
    for _ in range(MOST_DEATHS):
        begun = children("raise SystemExit(1)")
        run = run_queue.queue(project, "scan", {})
        tend_until(keeper, lambda begun=begun: len(begun) == MOST_DEATHS - 1)
        children(BEGIN + "run_queue.finish(made, run.id, 'done', '', {}, name)")
        tend_until(keeper, lambda run=run: not run_queue.get(project, run).open)
        assert run_queue.get(project, run).status == "done"


def test_no_child_is_started_beside_a_worker_that_is_there(project: Project, start: Start, children: Spawn) -> None:
    """One that an earlier server left, or a stopped one: never two on a project."""
    run_queue.queue(project, "scan", {})
    left = start("run_queue.finish(made, run.id, 'done', '', {}, name); time.sleep(600)")
    tend_until(Keeper(project, 0.0), lambda: run_queue.active(project) is None)
    begun = children(BEGIN + DIES)
    waiting = run_queue.queue(project, "map", {})
    stop(left)
    keeper = Keeper(project, 0.0)
    for _ in range(3):
        keeper.tend(now=True)
    assert begun == [] and run_queue.get(project, waiting).status == "queued"
    left.kill()
    left.wait(10)
    tend_until(keeper, lambda: len(begun) == 1)


def test_a_stopped_worker_is_told_from_a_dead_one(project: Project, start: Start) -> None:
    run = run_queue.queue(project, "scan", {})
    child = start(OBEYS)
    clock = [0.0]
    keeper = Keeper(project, 0.0, clock=lambda: clock[0])
    keeper.tend()
    assert logs(project, run) == []
    stop(child)
    for hours in (0, 1):  # a night of sleep
        clock[0] = hours * 3600.0
        keeper.tend()
    (told,) = logs(project, run)
    assert f"({child.pid}) is stopped" in told
    assert run_queue.get(project, run).status == "running"
    child.send_signal(signal.SIGCONT)
    tend_until(keeper, lambda: len(logs(project, run)) == 2)
    assert logs(project, run)[1] == "The process goes on."
    stop(child)
    child.kill()
    child.wait(10)
    keeper.tend()
    assert run_queue.get(project, run).status == "failed"


def test_stop_continues_a_stopped_worker_so_that_it_ends_in_order(project: Project, start: Start) -> None:
    run = run_queue.queue(project, "train", {})
    child = start(OBEYS)
    stop(child)
    keeper = Keeper(project, 0.0)
    keeper.stop(run)
    tend_until(keeper, lambda: not run_queue.get(project, run).open)
    assert run_queue.get(project, run).reason == "in order"
    assert child.wait(10) == 0


def test_a_worker_that_does_not_stop_is_ended(project: Project, start: Start) -> None:
    run = run_queue.queue(project, "train", {})
    child = start(DEAF)
    clock = [0.0]
    keeper = Keeper(project, 0.0, clock=lambda: clock[0])
    keeper.stop(run)
    for seconds in (0.0, INSIST_SECONDS - 1):
        clock[0] = seconds
        keeper.tend()
        assert child.poll() is None
    clock[0] = INSIST_SECONDS + 1
    keeper.tend()
    assert child.wait(10) == -signal.SIGKILL
    assert run_queue.get(project, run).status == "stopped"
    run_queue.requeue(project, run)
    again = start(DEAF)
    keeper.stop(run)
    keeper.tend()  # asked anew: its seconds begin anew
    assert again.poll() is None


def test_a_worker_stopped_while_it_writes_does_not_keep_the_labels_waiting(project: Project, start: Start) -> None:
    run = run_queue.queue(project, "scan", {})
    child = start(WRITES)
    heard(child, "writing")
    stop(child)
    assert not db.is_free(project.db)
    Keeper(project, 0.0).tend()
    assert db.is_free(project.db)
    assert worker_lock.Worker(child.pid, "").stopped  # as whoever stopped it wanted
    assert "is stopped" in logs(project, run)[0]
    child.kill()
    child.wait(10)
    assert is_sound(project)


def test_end_has_a_stopped_worker_of_an_earlier_server_leave(project: Project, start: Start) -> None:
    run = run_queue.queue(project, "scan", {})
    listens = "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('listens', flush=True)\n"
    child = start(listens + OBEYS)
    heard(child, "listens")
    stop(child)
    Keeper(project, 0.0).end()
    assert child.wait(10) == 0
    assert worker_lock.present(project) is None
    assert run_process.fail_lost(project) == [run]


def test_a_number_that_another_process_has_by_now_is_left_alone(project: Project) -> None:
    """The id in the file may be old: only a process that is a worker by its command is ever sent a signal."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        worker = worker_lock.Worker(other.pid, "x")
        worker.kill()
        worker.hold()
        assert not worker.stopped and other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0
    assert worker_lock.Worker(0, "").stopped is False and os.getpid()
