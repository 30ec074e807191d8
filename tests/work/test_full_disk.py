"""A worker on a disk that is really full: its run stops in words, and goes on when there is room.

Hostile input 11: disk full gives a message and loses nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fact_core.errors import DiskFull
from fact_core.storage import items, run_process, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work import full_disk, worker
from tests.kill_points import killed_at
from tests.small_disk import fill, small_disk
from tests.storage_help import is_sound, paint, two_labeled

IMAGES = 1500


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def project(disk: Path, tmp_path: Path) -> Project:
    """A project that was not scanned yet, on the small disk; its images lie elsewhere."""
    for number in range(IMAGES):
        paint(tmp_path / "images" / f"a-rather-long-name-of-a-picture-{number:05d}.png", number)
    return projects.create(disk / "project", tmp_path / "images")


def wait(project: Project, run: int, worker: subprocess.Popen[bytes], *status: str) -> run_queue.Run:
    until = time.monotonic() + 120
    while (now := run_queue.get(project, run)).status not in status:
        assert worker.poll() is None, (project.folder / "worker.log").read_text()
        assert time.monotonic() < until, now
        time.sleep(0.1)
    return now


def test_a_run_stops_in_words_and_is_resumed(project: Project, disk: Path) -> None:
    run = run_queue.queue(project, "scan", {})
    ballast = fill(disk)
    with open(ballast, "r+b") as file:
        file.truncate(file.seek(0, 2) - 160_000)  # so much that the run can begin
    child = run_process.spawn_worker(project, idle=60)
    try:
        ended = wait(project, run, child, "stopped", "failed", "done")
        assert (ended.status, ended.reason) == ("stopped", full_disk.STOPPED)
        ballast.unlink()
        run_queue.requeue(project, run)
        assert wait(project, run, child, "done", "failed").status == "done"
    finally:
        child.kill()
        child.wait()
    assert items.counts(project).pool == IMAGES
    assert is_sound(project)


def test_a_worker_waits_for_room_to_take_a_run(project: Project, disk: Path) -> None:
    run = run_queue.queue(project, "scan", {})
    ballast = fill(disk)
    child = run_process.spawn_worker(project, idle=60)
    try:
        time.sleep(3)
        assert child.poll() is None and run_queue.get(project, run).status == "queued"
        ballast.unlink()
        assert wait(project, run, child, "done", "failed").status == "done"
    finally:
        child.kill()
        child.wait()


def test_how_a_run_ended_is_written_down_when_there_is_room(project: Project, disk: Path) -> None:
    run = run_queue.queue(project, "scan", {})
    assert run_queue.claim(project, "me") is not None
    ballast = fill(disk)
    with pytest.raises(DiskFull):
        run_queue.finish(project, run, "stopped", "x" * 100_000, worker="me")
    threading.Timer(1.5, ballast.unlink).start()
    begun = time.monotonic()
    assert full_disk.when_there_is_room(lambda: run_queue.finish(project, run, "stopped", "x" * 100_000, worker="me"))
    assert time.monotonic() - begun > 1
    assert run_queue.get(project, run).status == "stopped"


def test_a_run_whose_project_is_away_for_a_while_stops_in_words(tmp_path: Path) -> None:
    for number in range(IMAGES):
        paint(tmp_path / "images" / f"{number:05d}.png", number)
    project = projects.create(tmp_path / "project", tmp_path / "images")
    run, away = run_queue.queue(project, "scan", {}), tmp_path / "away.sqlite"
    child = run_process.spawn_worker(project, idle=60)
    try:
        log, until = run_process.log_path(project, run), time.monotonic() + 120
        while not log.exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.rename(project.db, away)
        while "ProjectGone" not in log.read_text() and time.monotonic() < until:
            time.sleep(0.1)
        os.rename(away, project.db)
        ended = wait(project, run, child, "stopped", "failed", "done")
        assert (ended.status, ended.reason) == ("stopped", full_disk.GONE)
        run_queue.requeue(project, run)
        assert wait(project, run, child, "done", "failed").status == "done"
    finally:
        child.kill()
        child.wait()
    assert items.counts(project).pool == IMAGES
    assert is_sound(project)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (DiskFull("The disk is full"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (KeyboardInterrupt("no space left on device"), False),
    ],
)
def test_a_full_disk_is_known_by_what_writers_of_files_say(error: BaseException, full: bool) -> None:
    assert full_disk.is_full(error) is full


@pytest.mark.parametrize("what", ["predictions", "words"])
def test_what_a_killed_worker_has_left_half_written_is_taken_away_by_the_next(tmp_path: Path, what: str) -> None:
    """Hostile input 11. A kill before each change of the folders where its answers lie."""
    project = two_labeled(tmp_path)
    folder, kills = project.folder, 0
    place = {"words": project.cache / "words", "predictions": folder / "runs"}[what]
    while killed_at(kills + 1, place, what, folder, folder):
        kills += 1
        worker.work(project, 0.0)
        assert [each.name for each in folder.rglob("*.new*")] == []
        shutil.rmtree(place, ignore_errors=True)
    assert kills >= 3
