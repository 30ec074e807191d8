"""A project in one file and back, and a second one like it: each a job of the server that the page follows."""

from __future__ import annotations

from typing import Any

from fastapi import Body, FastAPI

from app.routes.shapes import told
from app.shell.server import Server
from fact_core.errors import InputError
from fact_core.paths import typed
from fact_core.storage import pack as packing
from fact_core.storage import project as projects
from fact_core.storage.unpack import look, unpack
from fact_core.types import Step


def register(app: FastAPI, server: Server) -> None:
    """POST /x/projects/pack|unpack|duplicate; GET /x/jobs/N, POST /x/jobs/leave."""

    @app.post("/x/projects/pack")
    def pack(key: str = Body(), file: str = Body(), images: bool = Body(False)) -> dict[str, Any]:
        project, target = server.project(key), typed(_given(file, "file"))

        def step() -> Step[str]:
            yield from packing.pack(project, target, images=images)
            return key

        return told(server.jobs.start(step()))

    @app.post("/x/projects/unpack")
    def open_packed(file: str = Body(), folder: str = Body(""), images: str = Body("")) -> dict[str, Any]:
        source = typed(_given(file, "file"))
        target = typed(folder) if folder.strip() else projects.default_folder(look(source).name)

        def step() -> Step[str]:
            made = yield from unpack(source, target, typed(images) if images.strip() else None)
            return server.open(made.folder)

        return told(server.jobs.start(step()))

    @app.post("/x/projects/duplicate")
    def duplicate(key: str = Body(), name: str = Body()) -> dict[str, Any]:
        project = server.project(key)

        def step() -> Step[str]:
            made = yield from packing.duplicate(project, projects.default_folder(name), name)
            return server.open(made.folder)

        return told(server.jobs.start(step()))

    @app.get("/x/jobs/{number}")
    def job(number: int) -> dict[str, Any]:
        return told(server.jobs.told(number))

    @app.post("/x/jobs/leave")
    def stop(number: int = Body(embed=True)) -> dict[str, Any]:
        return told(server.jobs.stop(number))


def _given(path: str, what: str) -> str:
    if not path.strip():
        raise InputError(f"The {what} is not given", do=f"Give the path of the {what}.")
    return path
