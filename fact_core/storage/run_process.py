"""The process that works on runs: how it is started, its log, and what becomes of a run whose process is gone.

A running run is lost when the process that claimed it no longer holds the project's ``worker_lock``: it fails, with
the tail of its log as the reason (``fail_lost``, asked by ``run_queue.claim`` and by ``Keeper.tend``, that is by each
look of an open page and of the command line). No clock is asked. An error inside a living worker is another way to
fail: work/worker.py ``execute``. A child that dies before it takes a run is told by ``keeper.py``, which starts them.
A full disk or a file that is gone is no failure: the run is stopped in words (work/full_disk.py). A child outlives its
server. A run that failed or was stopped stays so until somebody resumes it (``run_queue.requeue``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from sqlite_utils import Database

from fact_core.errors import storage_error
from fact_core.storage import db, worker_lock
from fact_core.storage.project import Project


def must_stop(project: Project, run_id: int, worker: str) -> bool:
    """Whether a worker must stop: it was asked to, or the run is no longer its own. Writes nothing."""
    with db.connect(project.db) as con:
        row = con.execute(
            "SELECT stop_requested FROM run WHERE id = ? AND status = 'running' AND claimed_by = ?", (run_id, worker)
        ).fetchone()
        return row is None or bool(row["stop_requested"])


def fail_lost(project: Project) -> list[int]:
    """Mark lost runs as failed, with the tail of their log as the reason. Their ids."""
    with db.connect(project.db) as con:
        if not _lost(con, project):
            return []
        with db.transaction(con):
            return fail_lost_in(con, project)


def log_path(project: Project, run_id: int) -> Path:
    """Where the output of the run's child goes. The folder is made."""
    folder = project.run_folder(run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, "writing the log") from error
    return folder / "log.txt"


def log_tail(project: Project, run_id: int, lines: int = 20) -> str:
    """The last lines of the run's log; empty when there is none. Reads at most 64 kB."""
    try:
        with open(project.run_folder(run_id) / "log.txt", "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65_536))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""


def last_words(project: Project) -> str:
    """The last line that the children have said outside of any run."""
    try:
        lines = (project.folder / "worker.log").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = [line.strip() for line in lines if line.strip()]
    return f"Its last line: {told[-1][:500]}" if told else ""


def spawn_worker(project: Project, idle: float, follow_up: bool = False) -> subprocess.Popen[bytes]:
    """Start the child process as a person would type it; it leaves after ``idle`` seconds without work.

    follow_up: it also draws the map and predicts without being asked (for the page).
    """
    command = [sys.executable, "-m", "fact_core.work.worker", str(project.folder), "--idle", str(idle)]
    command += ["--follow-up"] if follow_up else []
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(each for each in (source, os.environ.get("PYTHONPATH", "")) if each)
    try:
        with open(project.folder / "worker.log", "ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Threads that wait sleep instead of spinning: with other programs on the same cores,
                # a training step was measured 2.8 times faster (two cores, load 6). cuBLAS repeats its sums where its
                # workspace has a fixed size, which it reads once.
                env={
                    "OMP_WAIT_POLICY": "PASSIVE",
                    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
                    **os.environ,
                    "PYTHONPATH": path,
                },
                start_new_session=True,  # Ctrl+C in the terminal reaches the front process only
            )
    except OSError as error:
        raise storage_error(error, "starting the worker") from error


def fail_lost_in(con: Database, project: Project) -> list[int]:
    """``fail_lost`` within a transaction."""
    lost = _lost(con, project)
    for run_id in lost:
        tail = log_tail(project, run_id, 5)
        reason = "The process that worked on it ended without a word." + (f" Its last lines:\n{tail}" if tail else "")
        con.execute(
            "UPDATE run SET status = 'failed', reason = ?, ended = ? WHERE id = ?", (reason, time.time(), run_id)
        )
        db.bump(con)
    return lost


def _lost(con: Database, project: Project) -> list[int]:
    running = {int(row["id"]): row["claimed_by"] for row in con.table("run").rows_where("status = 'running'")}
    if not running:
        return []
    worker = worker_lock.present(project)
    return [run_id for run_id, name in running.items() if worker is None or worker.name != name]
