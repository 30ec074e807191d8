from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fact_core.errors import ProjectChanged, RunError
from fact_core.events import Log, Point, Progress, from_row
from fact_core.storage import db, run_events, run_process, run_queue, set_clock, worker_lock
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 1)


class Working:
    """The worker of a project, until the block ends or it dies."""

    def __init__(self, project: Project, name: str = "w") -> None:
        self.project, self.name = project, name

    def __enter__(self) -> Working:
        held = worker_lock.take(self.project, self.name)
        assert held is not None
        self._held = held
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        self._held.release()

    def take(self) -> int | None:
        run = run_queue.claim(self.project, self.name)
        return run.id if run else None


@pytest.fixture
def worker(project: Project) -> Iterator[Working]:
    with Working(project) as working:
        yield working


def test_a_run_from_queue_to_done(project: Project) -> None:
    number = run_queue.queue(project, "features", {"seed": 7, "backbone": "x"})
    run = run_queue.get(project, number)
    assert (run.kind, run.config, run.seed, run.status) == ("features", {"seed": 7, "backbone": "x"}, 7, "queued")
    assert run.open
    assert run_queue.active(project) == run
    assert run_queue.last_claim(project) == ""
    with Working(project, "me"):
        _a_run_from_queue_to_done(project, number)


def _a_run_from_queue_to_done(project: Project, number: int) -> None:
    claimed = run_queue.claim(project, "me")
    assert claimed is not None and run_queue.last_claim(project) == "me"
    assert (claimed.id, claimed.status, claimed.claimed_by) == (number, "running", "me")
    assert run_queue.claim(project, "you") is None
    assert run_process.must_stop(project, number, "me") is False
    assert run_process.must_stop(project, number, "you") is True  # not yours: stop
    run_queue.note(project, number, device="cpu", versions={"torch": "2.11"})
    assert run_queue.finish(project, number, "done", result={"images": 3}, worker="you") is False
    assert run_queue.finish(project, number, "done", result={"images": 3}, worker="me") is True
    run = run_queue.get(project, number)
    assert (run.status, run.result, run.device, run.versions) == ("done", {"images": 3}, "cpu", {"torch": "2.11"})
    assert run.ended is not None and run.started is not None and run.ended >= run.started >= run.created
    assert run_queue.finish(project, number, "failed", "late") is False
    assert run_queue.active(project) is None
    with pytest.raises(RunError, match="no such run"):
        run_queue.get(project, 99)
    with pytest.raises(ValueError, match="cannot end"):
        run_queue.finish(project, number, "queued")


def test_the_oldest_goes_first_and_lists_are_newest_first(project: Project, worker: Working) -> None:
    first, second, third = (run_queue.queue(project, kind, {}) for kind in ("scan", "map", "scan"))
    assert [run.id for run in run_queue.list_runs(project)] == [third, second, first]
    assert [run.id for run in run_queue.list_runs(project, "scan")] == [third, first]
    for expected in (first, second, third):
        assert worker.take() == expected
        run_queue.finish(project, expected, "done")
    assert worker.take() is None


def test_many_workers_claim_a_run_once(project: Project) -> None:
    """One of eight gets the lock, and none but that one a run."""
    numbers = [run_queue.queue(project, "scan", {}) for _ in range(3)]
    together = threading.Barrier(8)

    def begin(name: str) -> int | None:
        held = worker_lock.take(project, name)
        try:
            return (run := run_queue.claim(project, name)) and run.id if held else None
        finally:
            together.wait(20)
            if held:
                run_queue.finish(project, numbers[0], "done", worker=name)
                held.release()

    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(begin, "abcdefgh"))
        assert sorted(won, key=str) == sorted([numbers[0], *[None] * 7], key=str)
        numbers.pop(0)


def test_events_are_read_with_a_cursor(project: Project) -> None:
    number, other = run_queue.queue(project, "train", {}), run_queue.queue(project, "train", {})
    sent = [Progress("lp", 1, 2), Point("ff", 1, 10, 0.1, loss=float("nan")), Log("<b>näh</b>", "warning")]
    run_events.append_events(project, number, sent[:2])
    run_events.append_events(project, other, [Log("other")])
    run_events.append_events(project, number, sent[2:])
    run_events.append_events(project, number, [])
    rows, cursor = run_events.events_since(project, number, 0, limit=2)
    assert [row.kind for row in rows] == ["progress", "point"]
    assert rows[1].body["loss"] is None  # JSON has no NaN
    more, end = run_events.events_since(project, number, cursor)
    assert [row.body["text"] for row in more] == ["<b>näh</b>"]
    assert run_events.events_since(project, number, end) == ([], end)
    last = run_events.last_event(project, number, "progress")
    assert last is not None
    assert from_row(last.kind, json.dumps(last.body)) == sent[0]
    assert run_events.last_event(project, other, "point") is None


def test_the_version_changes_with_events_and_status_but_not_with_beats(project: Project) -> None:
    number = run_queue.queue(project, "scan", {})
    seen = [projects.version(project)]
    run_queue.claim(project, "w")
    seen.append(projects.version(project))
    run_events.append_events(project, number, [Log("x")])
    seen.append(projects.version(project))
    run_process.must_stop(project, number, "w")
    assert projects.version(project) == seen[-1]
    run_queue.request_stop(project, number)
    seen.append(projects.version(project))
    run_queue.finish(project, number, "stopped")
    seen.append(projects.version(project))
    assert len(set(seen)) == 5


def test_stopping(project: Project, worker: Working) -> None:
    running, waiting = run_queue.queue(project, "scan", {}), run_queue.queue(project, "map", {})
    worker.take()
    run_queue.request_stop(project, running)
    assert run_queue.get(project, running).stop_requested
    assert run_process.must_stop(project, running, "w") is True
    run_queue.request_stop(project, waiting)
    assert run_queue.get(project, waiting).status == "stopped"
    run_queue.finish(project, running, "stopped", "asked for")
    run_queue.request_stop(project, running)  # has ended: nothing happens
    assert (run_queue.get(project, running).status, run_queue.get(project, running).reason) == ("stopped", "asked for")


def test_resume_is_the_same_run_again(project: Project, worker: Working) -> None:
    number = run_queue.queue(project, "train", {"a": 1})
    worker.take()
    run_events.append_events(project, number, [Log("one")])
    run_queue.requeue(project, number)  # still running: nothing happens
    assert run_queue.get(project, number).status == "running"
    started = run_queue.get(project, number).started
    run_queue.finish(project, number, "failed", "why", {"x": 1})
    run_queue.requeue(project, number)
    run = run_queue.get(project, number)
    assert (run.status, run.reason, run.result, run.claimed_by, run.stop_requested) == ("queued", "", {}, "", False)
    assert worker.take() == number
    assert run_queue.get(project, number).started == started
    assert len(run_events.events_since(project, number, 0)[0]) == 1


def test_a_lost_run_fails_with_the_tail_of_its_log(project: Project) -> None:
    number, other = run_queue.queue(project, "train", {}), run_queue.queue(project, "map", {})
    with Working(project) as first:
        assert first.take() == number
        run_process.log_path(project, number).write_text("".join(f"line {i}\n" for i in range(100)))
        assert run_process.fail_lost(project) == []
        assert run_queue.claim(project, "second") is None
    assert run_process.fail_lost(project) == [number]
    run = run_queue.get(project, number)
    assert run.status == "failed"
    assert run.reason.endswith("line 98\nline 99")
    assert run_process.must_stop(project, number, "w") is True  # should it be alive after all: stop
    assert run_queue.finish(project, number, "done", worker="w") is False
    with Working(project, "second") as second:
        assert second.take() == other
    third = run_queue.queue(project, "scan", {})
    with Working(project, "third") as working:
        assert working.take() == third  # claiming alone finds lost runs too
    assert run_queue.get(project, other).status == "failed"


@pytest.mark.parametrize("hours", [1.0, -1.0])
def test_a_clock_that_is_set_neither_fails_a_live_run_nor_keeps_a_dead_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    number = run_queue.queue(project, "train", {})
    now = time.time
    with Working(project) as working:
        working.take()
        monkeypatch.setattr(time, "time", lambda: now() + hours * 3600)
        assert run_process.fail_lost(project) == []
        assert run_queue.claim(project, "second") is None
        assert run_process.must_stop(project, number, "w") is False
    assert run_process.fail_lost(project) == [number]


def test_clocks_that_stand_still_fail_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that slept: for both processes the time of day jumps by a minute that neither has lived."""
    number = run_queue.queue(project, "train", {})
    now = time.time
    with Working(project) as working:
        working.take()
        for slept in (0.0, 60.0):
            monkeypatch.setattr(time, "time", lambda slept=slept: now() + slept)
            monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
            assert run_process.fail_lost(project) == []
        assert run_process.must_stop(project, number, "w") is False
        assert run_queue.finish(project, number, "done", worker="w")


def test_a_run_that_an_earlier_version_left_running_is_lost(project: Project) -> None:
    """Its heartbeat, an hour ahead by a clock that was set back since, says nothing."""
    number = run_queue.queue(project, "train", {})
    with db.connect(project.db) as con:
        changes = ("running", "4711-abc", time.time() + 3600, number)
        con.execute("UPDATE run SET status = ?, claimed_by = ?, heartbeat = ? WHERE id = ?", changes)
    assert run_process.fail_lost(project) == [number]


def test_a_run_waits_for_what_it_lacks(project: Project, worker: Working) -> None:
    train = run_queue.queue(project, "train", {})
    assert worker.take() == train
    scan, features = run_queue.queue(project, "scan", {}, train), run_queue.queue(project, "features", {}, train)
    run_queue.park(project, train, [scan, features])
    assert run_queue.get(project, train).waits_for == (scan, features)
    for expected in (scan, features, train):
        assert worker.take() == expected
        run_queue.finish(project, expected, "done")
    assert run_queue.get(project, train).waits_for == ()


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_a_run_ends_like_what_it_waited_for(project: Project, worker: Working, status: run_queue.Status) -> None:
    train = run_queue.queue(project, "train", {})
    worker.take()
    features = run_queue.queue(project, "features", {}, train)
    run_queue.park(project, train, [features])
    predict = run_queue.queue(project, "predict", {}, train)
    assert worker.take() == features
    run_queue.finish(project, features, status, "the disk is full")
    assert worker.take() is None
    for number in (train, predict):
        assert run_queue.get(project, number).status == status
    assert run_queue.get(project, train).reason.startswith(f"features (run {features})")
    assert "the disk is full" in run_queue.get(project, predict).reason


def test_stopping_a_parked_run_stops_what_it_waits_for(project: Project, worker: Working) -> None:
    train = run_queue.queue(project, "train", {})
    worker.take()
    features = run_queue.queue(project, "features", {}, train)
    run_queue.park(project, train, [features])
    worker.take()
    run_queue.request_stop(project, train)
    assert run_queue.get(project, train).status == "stopped"
    assert run_queue.get(project, features).stop_requested


def test_a_stop_that_comes_before_parking_holds(project: Project, worker: Working) -> None:
    train = run_queue.queue(project, "train", {})
    worker.take()
    run_queue.request_stop(project, train)
    features = run_queue.queue(project, "features", {}, train)
    run_queue.park(project, train, [features])
    assert run_queue.get(project, train).status == "stopped"
    assert worker.take() is None
    assert run_queue.get(project, features).status == "stopped"
    with pytest.raises(ValueError, match="itself"):
        run_queue.park(project, train, [train])


def test_the_log_tail_is_short_and_survives_rubbish(project: Project) -> None:
    number = run_queue.queue(project, "scan", {})
    assert run_process.log_tail(project, number, 5) == ""
    run_process.log_path(project, number).write_bytes(b"x" * 200_000 + b"\n\xff\xfe one\ntwo\n")
    assert run_process.log_tail(project, number, 2).endswith("one\ntwo")
    assert len(run_process.log_tail(project, number, 100)) < 70_000
    assert run_process.log_tail(project, number, 0) == ""


def test_the_worker_is_started_as_a_person_would_type_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(project.folder / "fake-python"))
    script = f'#!{os.environ.get("SHELL", "/bin/sh")}\necho "$@"; echo "$PYTHONPATH"\n'
    (project.folder / "fake-python").write_text(script)
    (project.folder / "fake-python").chmod(0o755)
    child = run_process.spawn_worker(project, 1.5)
    assert child.wait(20) == 0
    said = (project.folder / "worker.log").read_text().splitlines()
    assert said[0] == f"-m fact_core.work.worker {project.folder} --idle 1.5"
    assert said[1].split(os.pathsep)[0] == str(Path(run_process.__file__).parents[2])


def test_kill_9_while_events_are_written_leaves_a_sound_file(project: Project) -> None:
    """Hostile input 11: kill -9 while events are written."""
    number = run_queue.queue(project, "train", {})
    code = (
        "import sys; from pathlib import Path\n"
        "from fact_core.storage import project, run_events, run_queue, worker_lock\n"
        "from fact_core.events import Log\n"
        "p = project.open_project(Path(sys.argv[1])); held = worker_lock.take(p, 'child')\n"
        "run_queue.claim(p, 'child'); print('go', flush=True)\n"
        "for i in range(100000): run_events.append_events(p, int(sys.argv[2]), [Log(f'{i} {j}') for j in range(20)])\n"
    )
    command = [sys.executable, "-c", code, str(project.folder), str(number)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.3)
    assert run_process.fail_lost(project) == []
    child.kill()
    child.communicate()
    with db.connect(project.db) as con:
        assert con.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    rows, _ = run_events.events_since(project, number, 0, 10**6)
    assert len(rows) % 20 == 0  # whole batches only
    assert run_process.fail_lost(project) == [number]


def test_a_worker_takes_no_run_of_a_project_that_lies_where_its_own_did(project: Project) -> None:
    """A worker outlives a project's folder; it failed the first run of the next one there."""
    run = run_queue.queue(project, "scan", {})
    with pytest.raises(ProjectChanged):
        run_queue.claim(replace(project, id="another"), "old")
    assert run_queue.get(project, run).status == "queued"
    assert run_queue.claim(project, "own") is not None


@pytest.mark.parametrize(
    ("kind", "seconds", "result", "took"),
    [
        ("train", 120.0, {}, 120.0),
        ("train", 120.0, {"seconds": 100.0, "phases": [{"seconds": 60.0}, {"seconds": 30.0}]}, 120.0),
        ("train", -3500.0, {"seconds": 100.0, "phases": [{"seconds": 60.0}, {"seconds": None}]}, 100.0),
        ("train", -3500.0, {"seconds": 40.0, "phases": [{"seconds": 60.0}, {"seconds": 30.0}]}, 90.0),
        ("train", -3500.0, {}, 0.0),
        ("predict", 120.0, {"seconds": 100.0, "phases": ["lp", "final"]}, 120.0),
        ("predict", -3500.0, {"seconds": 100.0, "phases": ["lp", "final"]}, 100.0),
    ],
)
def test_a_run_took_no_less_than_it_worked(
    project: Project, kind: str, seconds: float, result: dict[str, Any], took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was set back meanwhile makes no negative time; predictions name the phases that they are of."""
    run, now = run_queue.queue(project, kind, {}), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    run_queue.claim(project, "me")
    assert run_queue.get(project, run).took is None
    ended = set_clock.ticks() + max(0.0, seconds)
    monkeypatch.setattr(time, "time", lambda: now + seconds)
    monkeypatch.setattr(set_clock, "ticks", lambda: ended)
    run_queue.finish(project, run, "done", result=result, worker="me")
    assert run_queue.get(project, run).took == pytest.approx(took, abs=0.1)


@pytest.mark.parametrize("set_by", [3e8, 3600.0, -3600.0, 1.0])
def test_a_run_takes_as_long_as_it_took_whatever_the_clock_says(
    project: Project, set_by: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set while a run waits for another, and while it works: the page and the view tell its 20 minutes."""
    scan, train = run_queue.queue(project, "scan", {}), run_queue.queue(project, "train", {})
    begun, now, lived = set_clock.ticks(), time.time(), [0.0, 0.0]  # seconds since then, and what the clock is ahead
    monkeypatch.setattr(time, "time", lambda: now + sum(lived))
    monkeypatch.setattr(set_clock, "ticks", lambda: begun + lived[0])

    def later(seconds: float, ahead: float) -> None:
        lived[:] = lived[0] + seconds, lived[1] + ahead

    with Working(project) as working:
        working.take()
        run_queue.finish(project, scan, "done", worker="w")
        assert working.take() == train
        before = run_queue.queue(project, "features", {})
        run_queue.park(project, train, [before])
        later(300, set_by)
        assert working.take() == before
        later(300, -set_by)
        run_queue.finish(project, before, "done", worker="w")
        assert working.take() == train
        later(600, set_by)
        run_queue.finish(project, train, "done", worker="w")
    within = pytest.approx(1200, abs=4)
    assert run_queue.get(project, train).took == within
    assert run_queue.get(project, scan).took == pytest.approx(0, abs=1)
    with db.connect(project.db) as con:
        assert con.execute("SELECT seconds FROM runs WHERE run = ?", (train,)).fetchone()[0] == within


def test_another_worker_s_clock_moves_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the clock that nobody sets begins anew."""
    number = run_queue.queue(project, "train", {})
    for name, start in (("first", 5000.0), ("second", 10.0)):
        monkeypatch.setattr(set_clock, "ticks", lambda start=start: start)
        with Working(project, name) as working:
            working.take()
            run_queue.park(project, number, [])
    assert run_queue.get(project, number).started == pytest.approx(time.time(), abs=60)
