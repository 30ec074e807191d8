"""Images that a person adds to the choice, on the map of any page, and that again undone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.routes.queue import queue_of
from app.routes.shapes import told
from app.shell.server import Server
from fact_core.labeling import by_hand
from fact_core.labeling.history import LARGEST

Images = Annotated[list[Annotated[int, Body(ge=1, le=LARGEST - 1)]], Body(embed=True)]


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/choice, choice/undo {ids}: what came of it, and the queue as it is then."""

    @app.post("/x/{key}/choice")
    def choose(key: str, ids: Images) -> dict[str, Any]:
        project = server.project(key)
        return {**told(by_hand.add(project, ids)), "queue": queue_of(project)}

    @app.post("/x/{key}/choice/undo")
    def take_back(key: str, ids: Images) -> dict[str, Any]:
        project = server.project(key)
        return {**told(by_hand.take_back(project, ids)), "queue": queue_of(project)}
