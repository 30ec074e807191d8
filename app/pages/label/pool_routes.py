"""What the Label page asks of the whole pool: its images, those with a name, groups that look alike."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response

from app.pages.label import suggestions
from app.routes import binary
from app.routes.vectors import features_of
from app.shell.server import Opened, Server
from fact_core.analysis.lookalikes import groups
from fact_core.errors import InputError
from fact_core.images.sorting import folded
from fact_core.storage import items

MOST_FOUND = 20_000


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/pool, suggest, groups: binary; /x/K/find?name=."""

    @app.get("/x/{key}/pool")
    def pool(key: str) -> Response:
        """The ids of the pool, i32 each, ascending."""
        return binary.answer(items.pool(server.project(key)).ids.astype("<i4").tobytes())

    @app.get("/x/{key}/suggest")
    def suggest(key: str) -> Response:
        return binary.answer(suggestions.packed(server.opened(key)))

    @app.get("/x/{key}/groups")
    def grouped(key: str) -> Response:
        """ids i32[n], then the group of each u8[n]; empty without features."""
        return binary.answer(groups_of(server.opened(key)))

    @app.get("/x/{key}/find")
    def find(key: str, name: str) -> dict[str, Any]:
        return found(server.opened(key), name)


def groups_of(held: Opened) -> bytes:
    """See the route. Kept until the features or the pool change."""
    known = features_of(held)
    if known is None:
        return b""
    ids, x = known
    kept = held.cache.get("groups")
    if kept is None or kept[0] is not x:
        kept = (x, ids.astype("<i4").tobytes() + groups(x).astype("u1").tobytes())
        held.cache["groups"] = kept
    packed: bytes = kept[1]
    return packed


def found(held: Opened, name: str) -> dict[str, Any]:
    """Images of the pool in whose path the text stands, upper and lower case being the same, and both forms of an
    accent: a Mac's files have the one that no keyboard types."""
    text = folded(name.strip())
    if not text or len(text) > 500:
        raise InputError("There is nothing to look for", repr(name)[:80], "Type a part of a file's name.")
    pool = items.pool(held.project)
    ids = [int(each) for each, path in zip(pool.ids, pool.paths, strict=True) if text in folded(path)]
    return {"total": len(ids), "ids": ids[:MOST_FOUND]}
