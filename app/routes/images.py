"""Thumbnails and images, by id only: the path comes from the database, never from the address."""

from __future__ import annotations

import io
from pathlib import Path

from fastapi import FastAPI, Request, Response

from app.shell.server import Server
from fact_core.errors import InputError, storage_error
from fact_core.images import decode
from fact_core.storage import items, thumbs
from fact_core.storage.project import Project
from fact_core.types import Item

#: What every browser shows as it is; everything else is encoded again.
WEB_SAFE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: Ids are SQLite integers; a larger number cannot be one.
LARGEST_ID = 2**63 - 1
LARGEST_SIDE = 4096
#: From this side on a file of less than a megabyte may be twice as long: making it smaller takes 200 times as long.
LARGE_SIDE = 512


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/thumb/ID and /x/K/image/ID[?max=PIXELS]."""

    @app.get("/x/{key}/thumb/{item_id}")
    def thumb(key: str, item_id: int, request: Request) -> Response:
        project = server.project(key)
        item = _item(project, item_id)
        tag = f'"t-{item.digest[:24]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        return _answer(thumbs.Thumbs(project).get_or_make(project, item), "image/jpeg", tag)

    @app.get("/x/{key}/image/{item_id}")
    def image(key: str, item_id: int, request: Request, max: int = 0) -> Response:
        project = server.project(key)
        item = _item(project, item_id)
        side = min(max, LARGEST_SIDE) if max > 0 else LARGEST_SIDE
        tag = f'"i{side}-{item.digest[:24]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        file = items.path_of(project, item_id)
        return _answer(*picture(file, item, side), tag)


def picture(file: Path, item: Item, side: int) -> tuple[bytes, str]:
    """(bytes, content type) of an image whose longer side is at most ``side``, or not much more. ImageError in words.

    The file itself only when it is small enough, of a format that browsers show alike (upright,
    one frame), and really is what it says; otherwise a new PNG or JPEG.
    """
    width, height, kind = decode.probe(file)
    bytes_ = file.stat().st_size
    near = side >= LARGE_SIDE and bytes_ < 1_000_000 and longer(width, height) <= 2 * side
    if kind in ("JPEG", "PNG", "WEBP") and (near or (longer(width, height) <= side and bytes_ < 4_000_000)):
        try:
            return file.read_bytes(), WEB_SAFE[kind]
        except OSError as error:
            raise storage_error(error, "reading an image") from error
    decoded = decode.decode(file, max_side=side)
    out = io.BytesIO()
    if decoded.width * decoded.height <= 512 * 512:
        decoded.save(out, "PNG")
        return out.getvalue(), "image/png"
    decoded.save(out, "JPEG", quality=90)
    return out.getvalue(), "image/jpeg"


def longer(width: int, height: int) -> int:
    """The longer side."""
    return width if width > height else height


def _item(project: Project, item_id: int) -> Item:
    found = items.get(project, item_id) if 0 < item_id <= LARGEST_ID else None
    if found is None:
        raise InputError("There is no such image", str(item_id)[:40], "Reload the page.")
    return found


def _answer(data: bytes, kind: str, tag: str) -> Response:
    # The address names an id, not bytes: the browser keeps the picture but asks whether it is still that one.
    headers = {"cache-control": "private, max-age=60", "etag": tag, "x-content-type-options": "nosniff"}
    return Response(data, media_type=kind, headers=headers)
