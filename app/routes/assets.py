"""Our style sheets, scripts and sentences."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import FastAPI, Response

from app.shell.server import Server
from app.shell.text import sentences
from fact_core.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def register(app: FastAPI, server: Server) -> None:
    """GET /x/assets/NAME and /x/text.json."""

    @app.get("/x/assets/{name}")
    def asset(name: str) -> Response:
        # Only names that lie in the folder right now: nothing of the address becomes part of a path.
        found = {each.name: each for each in FOLDER.iterdir() if each.suffix in KINDS}.get(name)
        if found is None:
            raise InputError("There is no such file", name[:80])
        return Response(
            found.read_bytes(),
            media_type=KINDS.get(found.suffix) or mimetypes.guess_type(found.name)[0],
            headers={"cache-control": "no-cache"},
        )

    @app.get("/x/text.json")
    def text() -> dict[str, str]:
        return sentences()
