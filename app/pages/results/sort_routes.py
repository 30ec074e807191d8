"""What sorting the images into folders would do, before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Body, FastAPI

from app.routes.shapes import told
from fact_core.config import SortConfig, from_flat
from fact_core.errors import FactError
from fact_core.exchange import sort_folders
from fact_core.exchange.sort_plan import Plan
from fact_core.exchange.sort_said import planned
from fact_core.paths import typed
from fact_core.storage import items
from fact_core.storage.project import Project

SHOWN = 200  # classes


@dataclass(frozen=True)
class Row:
    """A folder of the plan. label: its class, "" for the images whose class is not known."""

    label: str
    folder: str
    images: int


@dataclass(frozen=True)
class Preview:
    """What would be made. classes: the first of them; sources: images by who says what they are; bytes: of copies.

    proposed: a new folder; renamed: images with another file name; named: classes whose folder is called otherwise.
    repeats: files with the bytes of another one; left_out: images that are; neither is counted where the pool is.
    room: what can be done in the folder; problem: why nothing can, {what, found, do}.
    """

    images: int
    classes: list[Row]
    classes_count: int
    sources: dict[str, int]
    renamed: int
    repeats: int
    left_out: int
    named: int
    bytes: int
    proposed: str
    room: dict[str, Any] | None
    problem: dict[str, str] | None


def register(app: FastAPI, server: Any) -> None:
    """POST /x/K/sort/preview. ``server.project(key)`` gives an open project."""

    @app.post("/x/{key}/sort/preview")
    def look(key: str, config: dict[str, Any] = Body(embed=True)) -> dict[str, Any]:  # noqa: B008
        return told(preview(server.project(key), from_flat(SortConfig, config)))


def preview(project: Project, config: SortConfig) -> Preview:
    """The plan in figures. A folder that cannot be used is a ``problem``; other faults are errors."""
    plan, folder = planned(project, config.run, config.threshold), config.folder.strip()
    proposed = _new_folder(project)
    room, problem = None, None
    try:
        target = typed(folder) if folder else proposed
        room = told(sort_folders.checked(target, project.images.resolve(), project.folder.resolve()))
    except FactError as error:
        problem = {"what": error.what, "found": error.found, "do": error.do}
    rows = _rows(plan)
    return Preview(
        images=len(plan.places),
        classes=rows[:SHOWN],
        classes_count=len(rows),
        sources=plan.sources(),
        renamed=plan.renamed,
        repeats=plan.repeats,
        left_out=items.counts(project).excluded,
        named=sum(name != folder for name, folder in plan.folders.items()),
        bytes=plan.bytes,
        proposed=str(proposed),
        room=room,
        problem=problem,
    )


def _rows(plan: Plan) -> list[Row]:
    return [Row(name, plan.folders[name] if name else plan.unsure, count) for name, count in plan.counts().items()]


def _new_folder(project: Project) -> Path:
    """A folder beside the project that does not exist yet."""
    name = re.sub(r"[^\w-]+", "-", project.name).strip("-").lower() or "images"
    first = project.folder.resolve().parent / f"{name}-sorted"
    folder, extra = first, 2
    while folder.exists():
        folder, extra = first.with_name(f"{first.name}-{extra}"), extra + 1
    return folder
