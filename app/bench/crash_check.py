"""What must hold after crashes: labels, database, files, weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from fact_core.errors import FactError
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import labels_now
from fact_core.storage import db, run_events, run_queue
from fact_core.storage.project import Project

#: What a person gave: running number, image, class.
Given = tuple[int, int, int]


def lost_and_reordered(given: Sequence[Given], stored: Sequence[Given]) -> tuple[int, int]:
    """How many acknowledged operations are not stored; how many are stored twice, or behind a later one."""
    numbers = [each[0] for each in stored]
    return len(set(given) - set(stored)), sum(later <= earlier for earlier, later in pairwise(numbers))


def stored_labels(project: Project, client: str) -> list[Given]:
    """The history of one client, oldest first."""
    rows = [row for row in labels_now.history(project) if row.client == client]
    return [(row.seq, row.item or 0, row.class_id or 0) for row in rows]


def is_sound(project: Project) -> bool:
    """SQLite's own check of the project's file; False for one that cannot even be opened."""
    try:
        with db.connect(project.db) as con:
            return bool(con.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    except FactError:
        return False


def halves(*folders: Path) -> list[str]:
    """Files and folders that were begun and not finished."""
    every = (path for folder in folders for path in folder.rglob("*"))
    return sorted(str(path) for path in every if path.name.endswith((".new", ".part", ".new.npz", ".tmp")))


def weights(project: Project, run: int) -> str:
    """Digest of a training's weights; "" where there are none."""
    file = project.run_folder(run) / "model" / "model.safetensors"
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest() if file.is_file() else ""


def unbroken(project: Project, config: Mapping[str, Any], console: Console) -> str:
    """The weights that the same training gives from its beginning to its end in one piece."""
    shutil.rmtree(project.cache / "phase2", ignore_errors=True)  # what an earlier one has left must not help
    with WorkerClient(project, console) as worker:
        return weights(project, worker.do("train", config).id)


def trained_twice(project: Project, run: int) -> int:
    """How many phases of a training were done more than once."""
    rows, _ = run_events.events_since(project, run, 0, 10**6)
    done = [row.body["phase"] for row in rows if row.kind == "phase_done"]
    return len(done) - len(set(done)) + len(run_queue.list_runs(project, "train")) - 1
