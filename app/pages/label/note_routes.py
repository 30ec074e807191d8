"""POST /x/K/note: what a person writes down about an image."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.shell.server import Server
from fact_core.labeling import notes


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/note {item, text}; GET /x/K/notes?item=ID, all versions, oldest first."""

    @app.post("/x/{key}/note")
    def note(
        key: str, item: Annotated[int, Body()], text: Annotated[str, Body()], annotator: Annotated[str, Body()] = ""
    ) -> dict[str, Any]:
        return {"item": item, "note": notes.write(server.project(key), item, text, annotator)}

    @app.get("/x/{key}/notes")
    def versions(key: str, item: int) -> dict[str, Any]:
        found = notes.history(server.project(key), item)
        return {"item": item, "notes": [{"text": n.text, "at": n.at, "annotator": n.annotator} for n in found]}
