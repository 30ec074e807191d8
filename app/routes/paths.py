"""GET /x/path?text=: where what is typed leads, so that the page can show it in full before anything is done."""

from __future__ import annotations

from fastapi import FastAPI

from app.shell.server import Server
from fact_core.paths import typed


def register(app: FastAPI, server: Server) -> None:
    """GET /x/path?text=TEXT: {path}, or why it is none."""

    @app.get("/x/path")
    def path(text: str) -> dict[str, str]:
        return {"path": str(typed(text))}
