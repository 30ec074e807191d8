"""Labels from elsewhere: POST /x/K/import/preview, commit, undo.

What a preview found stays in memory under a token until it is used, so that what the person saw is what is done. The
source stays with it, so that an answer to a question needs the token alone.
"""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.routes.bodies import file_of
from app.shell.server import Opened, Server
from fact_core.config import ImportConfig, from_dict
from fact_core.errors import InputError
from fact_core.exchange import import_labels
from fact_core.exchange.import_labels import Preview, Source, Told
from fact_core.storage import items
from fact_core.storage.project import Project

KEPT = 3  # previews of a project that wait at the same time: one a window, the oldest leaves first
SHOWN = 20  # rows and conflicts that are told one by one
SHOWN_CLASSES = 200
STEP = ".import-"


@dataclass(frozen=True)
class Waiting:
    """A preview, and what it was made from."""

    source: Source
    preview: Preview


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/import/preview {kind, text | content, answers} or {token, answers}, commit, undo {batch, classes}.

    text: of a file in UTF-8; content: the bytes of any other one in base64. answers: fields of ``ImportConfig``.
    """

    @app.post("/x/{key}/import/preview")
    def preview(
        key: str,
        kind: Annotated[str, Body()] = "",
        text: Annotated[str, Body()] = "",
        content: Annotated[str, Body()] = "",
        token: Annotated[str, Body()] = "",
        answers: Annotated[dict[str, Any] | None, Body()] = None,
    ) -> dict[str, Any]:
        held, config = server.opened(key), from_dict(ImportConfig, answers or {})
        if token:
            source = dataclasses.replace(_waiting(held, token).source, config=config)
        else:
            source = Source(kind, file_of(content) if content else text, config)
        found = import_labels.read(held.project, source)
        return {"token": keep_preview(held, source, found), **told(held.project, found)}

    @app.post("/x/{key}/import/commit")
    def commit(
        key: str,
        token: Annotated[str, Body()],
        keep: Annotated[str, Body()],
        desk: Annotated[str, Body()] = "",
        check: Annotated[str, Body()] = "none",
    ) -> dict[str, Any]:
        return commit_preview(server.opened(key), token, keep, desk, check)

    @app.post("/x/{key}/import/undo")
    def undo(
        key: str, batch: Annotated[str, Body()], classes: Annotated[list[int], Body(max_length=100_000)]
    ) -> dict[str, Any]:
        if STEP not in batch:  # nothing but an import can be taken back here
            raise InputError("There is no such import", repr(batch)[:80], "Reload the page.")
        return {"images": import_labels.undo(server.project(key), batch, classes)}


def keep_preview(held: Opened, source: Source, found: Preview) -> str:
    """Keep a preview under a new token."""
    waiting: dict[str, Waiting] = held.cache.setdefault("imports", {})
    while len(waiting) >= KEPT:
        waiting.pop(next(iter(waiting)), None)
    token = secrets.token_urlsafe(12)
    waiting[token] = Waiting(source, found)
    return token


def commit_preview(held: Opened, token: str, keep: str, desk: str, check: str = "none") -> dict[str, Any]:
    """Do what a preview showed, once. ``desk``: the browser whose undo takes it back too (``history.desk_of``)."""
    found = _waiting(held, token).preview
    client = f"{desk.partition('.')[0][:50]}{STEP}{uuid.uuid4().hex}"
    done = import_labels.commit(held.project, found, client, keep, check)  # type: ignore[arg-type]
    held.cache["imports"].pop(token, None)
    return {
        "batch": done.batch,
        "images": done.images,
        "kept": done.kept,
        "new_classes": list(done.new_classes),
        "checks": done.checks,
    }


def _waiting(held: Opened, token: str) -> Waiting:
    waiting: dict[str, Waiting] = held.cache.setdefault("imports", {})
    if token not in waiting:
        raise InputError("This preview is not there any more", do="Choose the file again.")
    return waiting[token]


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
        "left": _left(found.left),
        "by_case": found.by_case,
        "test": len(found.test - mine.keys()),  # an image that has a label may have been learned from
        "parts": _counts(found.parts),
        "strange_parts": _counts(found.strange_parts),
        "questions": [asdict(each) for each in found.questions],
        "open": found.open,
        "sheet": asdict(found.sheet),
    }


def _counts(words: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"name": name[:80], "count": count} for name, count in list(words.items())[:SHOWN]]


def _left(left: Mapping[str, Told]) -> dict[str, Any]:
    return {reason: asdict(each) for reason, each in left.items()}
