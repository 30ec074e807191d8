"""Photos from outside the project, answered at once; and where a model looked in an image of the pool."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.pages.results import trials
from app.routes.bodies import file_of
from app.routes.runs import LARGEST, Number
from app.routes.shapes import told
from app.shell.server import Server

Run = Annotated[int, Body(ge=0, le=LARGEST)]


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/try {run, content}, try-folder {path}, try-file {run, token, at}; GET /x/K/where?run=&id=.

    content is a photo's bytes in base64. What is answered: ``fact_core.work.trial.Answer`` and ``Where``.
    """

    @app.post("/x/{key}/try")
    def tried(key: str, run: Run, content: Annotated[str, Body()]) -> dict[str, Any]:
        return trials.try_photo(server.opened(key), run, file_of(content))

    @app.post("/x/{key}/try-folder")
    def folder(key: str, path: Annotated[str, Body(embed=True, max_length=10_000)]) -> dict[str, Any]:
        return told(trials.try_folder(server.opened(key), path))

    @app.post("/x/{key}/try-file")
    def file(key: str, run: Run, token: Annotated[str, Body()], at: Run) -> dict[str, Any]:
        return trials.try_file(server.opened(key), run, token, at)

    @app.get("/x/{key}/where")
    def where(key: str, id: Number, run: Number = 0) -> dict[str, Any]:
        return trials.where(server.opened(key), run, id)
