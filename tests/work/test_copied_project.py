"""A copy of a project takes its place, as when a backup is put back, while a worker of the earlier one waits."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from fact_core.storage import run_process, run_queue, worker_lock
from fact_core.storage.project import open_project
from tests.storage_help import flat_project


def test_the_worker_of_the_earlier_one_leaves_and_another_takes_the_runs(tmp_path: Path) -> None:
    """Its lock is on a file that nobody sees: what it took would be told as lost, and two would work on one project."""
    project = flat_project(tmp_path, images=3)
    shutil.copytree(project.folder, tmp_path / "backup")
    first = run_process.spawn_worker(project, idle=60)
    second = None
    try:
        until = time.monotonic() + 60
        while worker_lock.present(project) is None and time.monotonic() < until:
            time.sleep(0.05)
        os.rename(project.folder, tmp_path / "earlier")
        os.rename(tmp_path / "backup", project.folder)
        copy = open_project(project.folder)
        run = run_queue.queue(copy, "scan", {})
        assert first.wait(30) == 0 and run_queue.get(copy, run).status == "queued"
        second = run_process.spawn_worker(copy, idle=0)
        assert second.wait(60) == 0
        ended = run_queue.get(copy, run)
        assert (ended.status, ended.reason) == ("done", "")
    finally:
        for each in filter(None, (first, second)):
            each.kill()
            each.wait()
