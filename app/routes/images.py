"""Thumbnails and images, by id only: the path comes from the database, never from the address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request, Response

from app.shell.server import Server
from fact_core.errors import ImageChanged, InputError
from fact_core.images import browser
from fact_core.images.gate import Gate
from fact_core.storage import deep, items, thumbs, told
from fact_core.storage.project import Project
from fact_core.types import Item

#: Ids are SQLite integers; a larger number cannot be one.
LARGEST_ID = 2**63 - 1


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/thumb/ID and /x/K/image/ID[?max=PIXELS]."""
    gate = Gate()  # however many pictures are asked for at one time, their memory is bounded

    @app.get("/x/{key}/thumb/{item_id}")
    def thumb(key: str, item_id: int, request: Request) -> Response:
        project = server.project(key)
        item = _item(project, item_id)
        tag = f'"t-{item.digest[:24]}{deep.look(project, item.deep)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        with _told(project, item):
            return _answer(thumbs.Thumbs(project).get_or_make(project, item, gate), "image/jpeg", tag)

    @app.get("/x/{key}/image/{item_id}")
    def image(key: str, item_id: int, request: Request, max: int = 0) -> Response:
        project = server.project(key)
        item = _item(project, item_id)
        side = min(max, browser.LARGEST_SIDE) if max > 0 else 0
        # c: pictures are made otherwise than by earlier versions, which said i and b
        tag = f'"c{side}-{item.digest[:24]}{deep.look(project, item.deep)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        with _told(project, item):
            found = browser.picture(items.source_of(project, item), side, deep.ranges(project), gate)
            return _answer(*found, tag)


@contextmanager
def _told(project: Project, item: Item) -> Iterator[None]:
    """A file that has changed since the scan is no picture of this image: the next scan reads it again."""
    try:
        yield
    except ImageChanged as error:
        items.doubt(project, [item.digest])
        raise ImageChanged("This image has changed since the scan", item.path, "Scan the folder again.") from error


def _item(project: Project, item_id: int) -> Item:
    found = items.get(project, item_id) if 0 < item_id <= LARGEST_ID else None
    if found is None:
        raise InputError("There is no such image", str(item_id)[:40], "Reload the page.")
    if told.in_doubt(project, item_id):  # who saw these bytes would label the image that had this name before
        do = "Wait until the scan has ended, or scan the folder again."
        raise ImageChanged("A scan has yet to find where this image lies now", found.path, do)
    return found


def _answer(data: bytes, kind: str, tag: str) -> Response:
    # The address names an id, not bytes: the browser keeps the picture but asks whether it is still that one.
    headers = {"cache-control": "private, max-age=60", "etag": tag, "x-content-type-options": "nosniff"}
    return Response(data, media_type=kind, headers=headers)
