"""The list of projects, and making, opening and deleting one; this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Body, FastAPI

from app.shell import computer
from app.shell.server import Server, key_of
from fact_core.errors import FactError, InputError
from fact_core.labeling import labels_now
from fact_core.storage import items
from fact_core.storage import project as projects

PREVIEW = 35
SHOWN_PROBLEMS = 200


def register(app: FastAPI, server: Server) -> None:
    """GET /x/app, /x/K/found; POST /x/projects/open|new|delete."""

    @app.get("/x/app")
    def state() -> dict[str, Any]:
        here = computer.describe(projects.home(), server.gpu)
        return {
            "version": "",
            "project": None,
            "run": None,
            "runs": [],
            "classes": [],
            "counts": None,
            "selection": None,
            "labels": None,
            "steps": [],
            "device": here["gpu"] or "CPU",
            "projects": [brief(each) for each in projects.recent()],
            "computer": here,
            "home": str(projects.home()),
        }

    @app.get("/x/{key}/found")
    def found(key: str) -> dict[str, Any]:
        project = server.project(key)
        bad = items.problems(project)
        ids = items.pool(project).ids
        drawn = np.sort(np.random.default_rng(0).permutation(ids)[:PREVIEW])
        rows = [{"path": path, "reason": reason} for path, reason in bad[:SHOWN_PROBLEMS]]
        return {"problems": rows, "total": len(bad), "preview": [int(each) for each in drawn]}

    @app.post("/x/projects/open")
    def open_one(folder: str = Body(embed=True)) -> dict[str, str]:
        if not folder.strip():
            raise InputError("The project folder is empty", do="Give the folder of the project.")
        return {"key": server.open(Path(folder.strip()))}

    @app.post("/x/projects/new")
    def new(images: str = Body(), name: str = Body(""), folder: str = Body("")) -> dict[str, str]:
        key = server.create(images, name, folder)
        server.start(key, "scan", {})
        return {"key": key}

    @app.post("/x/projects/delete")
    def delete(key: str = Body(embed=True)) -> dict[str, bool]:
        server.delete(key)
        return {"deleted": True}


def brief(recent: projects.Recent) -> dict[str, Any]:
    """One row of the projects list. A project that cannot be read stands there with its reason."""
    row: dict[str, Any] = {
        "key": key_of(Path(recent.folder)),
        "name": recent.name,
        "folder": recent.folder,
        "images": recent.images,
        "opened": recent.opened,
        "pool": None,
        "labeled": 0,
        "problem": "",
    }
    try:
        project = projects.open_project(Path(recent.folder))
        row["pool"] = items.counts(project).pool
        row["labeled"] = sum(1 for state in labels_now.states(project).values() if state.kind == "label")
    except FactError as error:
        row["problem"] = error.what
    return row
