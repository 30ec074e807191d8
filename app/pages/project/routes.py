"""The list of projects, and making, opening and deleting one; this computer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import Body, FastAPI

from app.routes.shapes import told
from app.shell import computer
from app.shell.server import Server, key_of
from fact_core.choices import AUTO, AUTO_VIEW, VIEWS
from fact_core.errors import FactError, InputError
from fact_core.folders import data_folder
from fact_core.labeling import labels_now
from fact_core.paths import typed
from fact_core.storage import deep, items, links, view
from fact_core.storage import project as projects

PREVIEW = 35
SHOWN_PROBLEMS = 200


@dataclass(frozen=True)
class ProjectRow:
    """A project in the list. ``pool`` is None and ``problem`` says why where it cannot be read."""

    key: str
    name: str
    folder: str
    images: str
    opened: float
    pool: int | None = None
    labeled: int = 0
    problem: str = ""


def register(app: FastAPI, server: Server) -> None:
    """GET /x/app, /x/K/found; POST /x/K/links, /x/K/view, /x/projects/open|new|rename|delete."""

    @app.get("/x/app")
    def state() -> dict[str, Any]:
        here = computer.describe(data_folder(), server.gpu)
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
            "projects": [told(brief(each)) for each in projects.recent()],
            "computer": here,
            "home": str(data_folder()),
        }

    _register_found(app, server)

    @app.post("/x/projects/open")
    def open_one(folder: str = Body(""), demo: bool = Body(False)) -> dict[str, str]:
        if demo:
            return {"key": server.open_demo()}
        if not folder.strip():
            raise InputError("The project folder is empty", do="Give the folder of the project.")
        return {"key": server.open(typed(folder))}

    @app.post("/x/projects/new")
    def new(
        images: str = Body(), name: str = Body(""), folder: str = Body(""), links_to: str = Body("")
    ) -> dict[str, str]:
        allowed = links.checked([typed(each) for each in links_to.splitlines() if each.strip()])
        key = server.create(images, name, folder)
        links.allow(server.project(key), allowed)
        server.start(key, "scan", {})
        return {"key": key}

    @app.post("/x/projects/rename")
    def rename(key: str = Body(), name: str = Body()) -> dict[str, str]:
        return {"name": server.rename(key, name)}

    @app.post("/x/projects/delete")
    def delete(key: str = Body(embed=True)) -> dict[str, bool]:
        server.delete(key)
        return {"deleted": True}


def _repeats(project: projects.Project) -> list[tuple[str, str]]:
    """(path of a repeat, path of the image that it repeats), the first few."""
    pairs = list(items.duplicates(project).items())[:SHOWN_PROBLEMS]
    paths = {each.id: each.path for each in items.get_many(project, [item for pair in pairs for item in pair])}
    return sorted((paths[one], paths[first]) for one, first in pairs if one in paths and first in paths)


def _register_found(app: FastAPI, server: Server) -> None:
    """GET /x/K/found, POST /x/K/links, /x/K/view: what a scan found, which links the next one follows, what is seen."""

    @app.get("/x/{key}/found")
    def found(key: str) -> dict[str, Any]:
        project = server.project(key)
        bad = items.problems(project)
        ids = items.pool_ids(project)
        drawn = np.sort(np.random.default_rng(0).permutation(ids)[:PREVIEW])
        rows = [{"path": path, "reason": reason} for path, reason in bad[:SHOWN_PROBLEMS]]
        return {
            "problems": rows,
            "total": len(bad),
            "repeats": _repeats(project),
            "preview": [int(each) for each in drawn],
            "notes": deep.in_words(project),
            "view": {"chosen": view.chosen(project), "choices": view_choices()},
            "links": {
                "followed": [str(each) for each in links.allowed(project)],
                "outside": [told(each) for each in links.outside(project)],
            },
        }

    @app.post("/x/{key}/links")
    def follow(key: str, folders: Annotated[list[str], Body(embed=True)]) -> dict[str, list[str]]:
        project = server.project(key)
        links.allow(project, [typed(each) for each in folders])
        server.start(key, "scan", {})
        return {"followed": [str(each) for each in links.allowed(project)]}

    @app.post("/x/{key}/view")
    def see(key: str, name: Annotated[str, Body(embed=True)]) -> dict[str, str]:
        project = server.project(key)
        view.choose(project, name)
        return {"chosen": view.chosen(project)}


def view_choices() -> list[dict[str, str]]:
    """What the networks may see of each picture: value, title, help, limits."""
    listed = {AUTO: AUTO_VIEW, **VIEWS}
    return [
        {"value": name, "title": each.title, "help": each.help, "limits": each.limits} for name, each in listed.items()
    ]


def brief(recent: projects.Recent) -> ProjectRow:
    """One row of the projects list. A project that cannot be read stands there with its reason."""
    row = ProjectRow(key_of(Path(recent.folder)), recent.name, recent.folder, recent.images, recent.opened)
    try:
        project = projects.open_project(Path(recent.folder))
        labeled = sum(1 for state in labels_now.states(project).values() if state.kind == "label")
        return replace(row, pool=items.pool_size(project), labeled=labeled)
    except FactError as error:
        return replace(row, problem=error.what)
