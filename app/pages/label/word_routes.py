"""Words on the Label page: whether they can be used, what fits them, and the download that they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import Body, FastAPI

from app.pages.label import words
from app.routes.backbones import text_download
from app.routes.shapes import told
from app.shell.server import Server


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/words/ready, /x/K/words?query=; POST /x/K/words."""

    @app.get("/x/{key}/words/ready")
    def ready(key: str) -> dict[str, Any]:
        found = words.ready(server.project(key))
        busy, failed = text_download(found.backbone, server.downloads)
        return told(replace(found, busy=busy, failed=failed if found.why == "missing" else ""))

    @app.get("/x/{key}/words")
    def found(key: str, query: str) -> dict[str, Any]:
        return told(words.found(server.opened(key), query))

    @app.post("/x/{key}/words")
    def ask(key: str, query: str = Body(embed=True)) -> dict[str, bool]:
        """Hold the pool against what is typed, or "" for the names of the classes; a run that waits already is it."""
        project = server.project(key)
        config = words.wanted(project, query)
        if not words.pending(project, query):
            server.start(key, "words", config)
        return {"waits": True}
