"""What the Label page reads and writes: changes of others, steps that can be undone, labels.

A label is committed before the answer leaves. Operations carry (client, seq): sending them twice does nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fastapi import Body, FastAPI

from app.routes.classes import classes_of
from app.routes.queue import answer_of
from app.shell import computer
from app.shell.server import Server
from fact_core.errors import InputError
from fact_core.labeling import labels_now, operations, selections, undo
from fact_core.labeling.history import LARGEST, Op
from fact_core.storage import db
from fact_core.storage.project import Project

MOST_OPS = 50_000
MOST_STEPS = 10_000
#: How a person can give a label: a key or a click, a suggestion accepted, many in the grid or on the map at once, a
#: mistake mended where the results are looked at.
SOURCES = ("person", "suggestion", "grid", "map", "results")


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/changes, steps; POST /x/K/ops."""

    @app.get("/x/{key}/changes")
    def changes(key: str, since: int) -> dict[str, Any]:
        return changes_of(server.project(key), since)

    @app.get("/x/{key}/steps")
    def steps(key: str, client: str, most: int = 100) -> dict[str, Any]:
        return steps_of(server.project(key), client, most)

    @app.post("/x/{key}/ops")
    def ops(
        key: str,
        client: str = Body(),
        ops: list[dict[str, Any]] = Body(),  # noqa: B008
        project: str = Body(""),
    ) -> dict[str, Any]:
        return apply_ops(server.project(key), client, ops, project)


def changes_of(project: Project, since: int) -> dict[str, Any]:
    """What others did since row ``since`` of the history: how those images stand now."""
    if not 0 <= since < LARGEST:
        raise InputError("There is no such row of the history", str(since)[:80], "Reload the page.")
    row, states = labels_now.changes(project, since)
    latest = selections.latest(project)
    return {
        "row": row,
        "selection": latest.id if latest else None,
        "states": {str(item): answer_of(state) for item, state in states.items()},
        "classes": classes_of(project),
    }


def steps_of(project: Project, client: str, most: int) -> dict[str, Any]:
    """What this browser can undo and do again, the next one first."""
    found = undo.steps(project, client, max(1, min(most, MOST_STEPS)))

    def changed(step: tuple[undo.Change, ...]) -> list[dict[str, Any]]:
        return [
            {"item": each.item, "before": answer_of(each.before), "after": answer_of(each.after), "rows": each.rows}
            for each in step
        ]

    return {
        "undo": [changed(each) for each in found.undo],
        "redo": [changed(each) for each in found.redo],
        "more": found.more,
    }


def apply_ops(project: Project, client: str, ops: list[dict[str, Any]], identity: str = "") -> dict[str, Any]:
    """Commit the operations, all or none; then say what holds now.

    identity: the project that they are about, as the page knows it: ``db.writing`` compares it with what lies in the
    file. ProjectChanged when this one is another.
    """
    project = replace(project, id=identity or project.id)
    if len(ops) > MOST_OPS:
        raise InputError("Too many labels at once", f"{len(ops):,}", f"At most {MOST_OPS:,}.")
    here = computer.person()
    with db.shared(project.db):
        applied = operations.apply(project, client, [_op(each, here) for each in ops])
        classes = classes_of(project)
    states = {str(item): answer_of(state) for item, state in applied.states.items()}
    over = {str(item): {**answer_of(each.before), "rows": each.rows} for item, each in applied.over.items()}
    stays = list(applied.stays)
    return {"last_seq": applied.last_seq, "states": states, "classes": classes, "over": over, "stays": stays}


def _op(values: dict[str, Any], here: str) -> Op:
    """One operation of the page, by the person ``here`` where it names nobody. What it means is checked where it is
    stored."""
    lead = values.get("lead_time")
    if lead is not None and (isinstance(lead, bool) or not isinstance(lead, int | float) or not math.isfinite(lead)):
        raise InputError("The time taken is not a number of seconds", repr(lead)[:80])
    kind = values.get("kind")
    if not isinstance(kind, str):
        raise InputError("There is no such operation", repr(kind)[:80])
    annotator = values.get("annotator", "")
    if not isinstance(annotator, str):
        raise InputError("The name of the person is not a text", repr(annotator)[:80])
    source = values.get("source", "person")
    if source not in SOURCES:
        raise InputError("There is no such source of a label", repr(source)[:80], f"Known: {', '.join(SOURCES)}.")
    return Op(
        seq=values.get("seq"),  # type: ignore[arg-type]
        kind=kind,  # type: ignore[arg-type]
        item=values.get("item"),
        class_id=values.get("class_id") if kind == "label" else None,
        lead_time=None if lead is None else float(lead),
        source=source,
        annotator=annotator or here,
        batch=values.get("batch"),
        was=values.get("was"),
    )
