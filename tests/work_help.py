"""Runs of a project as the worker starts them, for the tests of what they do."""

from __future__ import annotations

import shutil
from pathlib import Path

from fact_core.config import SelectConfig
from fact_core.generators import finish
from fact_core.labeling import selections
from fact_core.storage import project, run_queue
from fact_core.storage.project import Project
from fact_core.work import select


def copied(made: Project, folder: Path) -> Project:
    """A copy of a project in a new folder."""
    shutil.copytree(made.folder, folder / "project", ignore=shutil.ignore_patterns("*.lock"))
    return project.open_project(folder / "project")


def queued(made: Project, kind: str) -> run_queue.Run:
    """A run of that kind without options, in the queue."""
    return run_queue.get(made, run_queue.queue(made, kind, {}))


def choose(made: Project, **values: object) -> selections.Stored:
    """A selection; near-duplicates count as images of their own, as the pictures here are all alike."""
    config = SelectConfig(**{"budget": "6", "device": "cpu", "near": 0.0, "iterations": 20, **values})  # type: ignore[arg-type]
    run = queued(made, "select")
    finish(select.run(made, run, config))
    run_queue.finish(made, run.id, "done")
    found = selections.latest(made)
    assert found is not None
    return found
