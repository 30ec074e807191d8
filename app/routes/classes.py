"""POST /x/K/classes: every change of the classes. The Label page's and the state's list of them is made here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Body, FastAPI
from pydantic import BaseModel, Field

from app.routes.shapes import told
from app.shell.server import Server
from fact_core.errors import InputError
from fact_core.labeling import classes, other_class, told_answers
from fact_core.labeling.history import LARGEST
from fact_core.storage.project import Project

MERGE = "merge-"
#: What makes one class of two, or two of one.
MAKES_ONE = ("merge", "unmerge", "delete", "restore")
SHOWN = 20  # names that are told one by one

Id = Annotated[int, Field(gt=-LARGEST, lt=LARGEST)]


class Change(BaseModel):
    """One change. Which of the values matter depends on ``op``; see ``CHANGES``."""

    op: str
    id: Id = 0
    name: str = ""
    colour: int | None = None
    key: str = ""
    ids: list[Id] = []
    into: Id = 0
    batch: str = ""
    text: str = ""
    holds: bool = True


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/classes {op: one of CHANGES, ...}."""

    @app.post("/x/{key}/classes")
    def change_class(key: str, change: Annotated[Change, Body()]) -> dict[str, Any]:
        return apply(server.project(key), change)


def classes_of(project: Project) -> list[dict[str, Any]]:
    """The classes in the person's order."""
    return [told(row) for row in classes.classes(project)]


def apply(project: Project, change: Change) -> dict[str, Any]:
    """Make the change; answers the id of its class, what else there is to tell, and all classes."""
    make = CHANGES.get(change.op)
    if make is None:
        raise InputError("There is no such change of a class", repr(change.op)[:80], f"Known: {', '.join(CHANGES)}.")
    made = make(project, change) or {}
    if change.op in MAKES_ONE:
        told_answers.tell_again(project, change.id)
    return {"id": change.id, **made, "classes": classes_of(project)}


def _merge(project: Project, change: Change) -> dict[str, Any]:
    done = classes.merge(project, change.id, change.into, f"{MERGE}{uuid.uuid4().hex}")
    return {"batch": done.batch, "images": done.images}


def _unmerge(project: Project, change: Change) -> dict[str, Any]:
    if not change.batch.startswith(MERGE):  # nothing but a merge can be taken back here
        raise InputError("There is no such merge", repr(change.batch)[:80], "Reload the page.")
    return {"images": classes.unmerge(project, change.batch, change.id)}


def _add_many(project: Project, change: Change) -> dict[str, Any]:
    done = classes.add_many(project, classes.names_of(change.text))
    return {
        "added": len(done.ids),
        "passed_over": list(done.passed_over[:SHOWN]),
        "passed_over_count": len(done.passed_over),
    }


Make = Callable[[Project, Change], dict[str, Any] | None]

#: op -> what it does; what it returns is told beside the classes
CHANGES: Mapping[str, Make] = {
    "add": lambda project, change: {"id": classes.add_class(project, change.name)},
    "rename": lambda project, change: classes.rename_class(project, change.id, change.name),
    "recolour": lambda project, change: classes.recolour(project, change.id, change.colour),
    "key": lambda project, change: classes.set_key(project, change.id, change.key),
    "reorder": lambda project, change: classes.reorder(project, change.ids),
    "delete": lambda project, change: {"images": classes.delete_class(project, change.id)},
    "restore": lambda project, change: classes.restore_class(project, change.id),
    "merge": _merge,
    "unmerge": _unmerge,
    "add_many": _add_many,
    "add_other": lambda project, change: {"id": other_class.add(project, change.name)},
    "other": lambda project, change: other_class.mark(project, change.id, change.holds),
}
