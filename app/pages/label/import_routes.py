"""Labels from elsewhere: POST /x/K/import/preview, commit, undo.

What a preview found stays in memory under a token until it is used, so that what the person saw is what is done.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.shell.server import Opened, Server
from fact_core.errors import InputError
from fact_core.exchange import import_labels
from fact_core.exchange.import_labels import Preview, Source
from fact_core.storage import items
from fact_core.storage.project import Project

KEPT = 3  # previews of a project that wait at the same time: one a window, the oldest leaves first
SHOWN = 20  # rows and conflicts that are told one by one
SHOWN_CLASSES = 200
STEP = ".import-"


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/import/preview {kind, text}, commit {token, keep, desk}, undo {batch, classes}."""

    @app.post("/x/{key}/import/preview")
    def preview(key: str, kind: Annotated[str, Body()], text: Annotated[str, Body()] = "") -> dict[str, Any]:
        held = server.opened(key)
        found = import_labels.read(held.project, Source(kind, text))
        return {"token": keep_preview(held, found), **told(held.project, found)}

    @app.post("/x/{key}/import/commit")
    def commit(
        key: str, token: Annotated[str, Body()], keep: Annotated[str, Body()], desk: Annotated[str, Body()] = ""
    ) -> dict[str, Any]:
        return commit_preview(server.opened(key), token, keep, desk)

    @app.post("/x/{key}/import/undo")
    def undo(
        key: str, batch: Annotated[str, Body()], classes: Annotated[list[int], Body(max_length=100_000)]
    ) -> dict[str, Any]:
        if STEP not in batch:  # nothing but an import can be taken back here
            raise InputError("There is no such import", repr(batch)[:80], "Reload the page.")
        return {"images": import_labels.undo(server.project(key), batch, classes)}


def keep_preview(held: Opened, found: Preview) -> str:
    """Keep a preview under a new token."""
    waiting: dict[str, Preview] = held.cache.setdefault("imports", {})
    while len(waiting) >= KEPT:
        waiting.pop(next(iter(waiting)), None)
    token = secrets.token_urlsafe(12)
    waiting[token] = found
    return token


def commit_preview(held: Opened, token: str, keep: str, desk: str) -> dict[str, Any]:
    """Do what a preview showed, once. ``desk``: the browser whose undo takes it back too (``history.desk_of``)."""
    waiting: dict[str, Preview] = held.cache.setdefault("imports", {})
    found = waiting.get(token)
    if found is None:
        raise InputError("This preview is not there any more", do="Choose the file again.")
    client = f"{desk.partition('.')[0][:50]}{STEP}{uuid.uuid4().hex}"
    done = import_labels.commit(held.project, found, client, keep)  # type: ignore[arg-type]
    waiting.pop(token, None)
    return {"batch": done.batch, "images": done.images, "kept": done.kept, "new_classes": list(done.new_classes)}


def told(project: Project, found: Preview) -> dict[str, Any]:
    """What the person sees before importing: counts, and the first of everything."""
    mine = {each.item: each.mine for each in found.conflicts}
    rows, conflicts = list(found.rows)[:SHOWN], list(mine)[:SHOWN]
    paths = {each.id: each.path for each in items.get_many(project, sorted({*rows, *conflicts}))}

    def row(item: int) -> dict[str, Any]:
        return {"id": item, "path": paths.get(item, ""), "label": found.rows[item], "mine": mine.get(item)}

    return {
        "kind": found.kind,
        "images": len(found.rows),
        "rows": [row(item) for item in rows],
        "conflicts": {"count": len(mine), "first": [row(item) for item in conflicts]},
        "classes": [{"name": name, "count": n} for name, n in list(found.by_class.items())[:SHOWN_CLASSES]],
        "classes_count": len(found.by_class),
        "new_classes": list(found.new_classes[:SHOWN_CLASSES]),
        "new_classes_count": len(found.new_classes),
        "already_same": found.already_same,
        "skipped": found.skipped,
        "unknown": asdict(found.unknown),
        "ambiguous": asdict(found.ambiguous),
        "differing": asdict(found.differing),
    }
