"""The run that sorts the images into folders by their classes, or takes that back."""

from __future__ import annotations

import time
from typing import Any

from fact_core.config import SortConfig
from fact_core.errors import InputError
from fact_core.exchange import sort_folders, sort_undo
from fact_core.exchange.sort_said import planned, trained_run
from fact_core.paths import absolute
from fact_core.storage import items, links
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step
from fact_core.work.kind import Kind, Needed
from fact_core.work.trained_model import needs_model


def needs(project: Project, run: Run, config: SortConfig) -> list[Needed]:
    """A scan, where no image is known or one was cut short; the answers of the training, where they are wanted."""
    if not items.counts(project).pool or (items.unsettled(project) and not config.undo):
        return [("scan", {})]
    trained = 0 if config.undo else trained_run(project, config.run, config.threshold)
    if not trained:
        return []
    lacking = needs_model(project, trained)
    return lacking or ([] if project.predictions_file(trained).is_file() else [("predict", {"run": trained})])


def run(project: Project, run: Run, config: SortConfig) -> Step[dict[str, Any]]:
    """Sort into the folder, or take back what an earlier sorting has made there."""
    started = time.monotonic()
    if not config.folder.strip():
        raise InputError("The sorted images need a folder", do="Give the path of a new folder.")
    target = absolute(config.folder)
    if config.undo:
        back = yield from sort_undo.take_back(target)
        return {"folder": str(target), "undo": True, **back, "seconds": time.monotonic() - started}
    made = yield from sort_folders.sort(
        planned(project, config.run, config.threshold),
        project.images.resolve(),
        project.folder.resolve(),
        target,
        config.way,
        lambda path: links.contained(project, project.images / path),
    )
    return {**made, "undo": False, "seconds": time.monotonic() - started}


KIND = Kind(run, needs)
