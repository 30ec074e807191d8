"""POST /x/K/run-name, run-delete: what a person calls a training, and its end."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, FastAPI

from app.routes.runs import LARGEST, RunBody
from app.shell.server import Server
from fact_core.storage import run_delete


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/run-name {run, name, note}, /x/K/run-delete {run}."""

    @app.post("/x/{key}/run-name")
    def named(
        key: str,
        run: Annotated[int, Body(ge=0, le=LARGEST)],
        name: Annotated[str, Body()],
        note: Annotated[str, Body()],
    ) -> dict[str, int]:
        run_delete.describe(server.project(key), run, name, note)
        return {"run": run}

    @app.post("/x/{key}/run-delete")
    def deleted(key: str, run: RunBody) -> dict[str, int]:
        held = server.opened(key)
        if answerer := held.cache.get("answerer"):
            answerer.close()  # it may hold the model's file open
        run_delete.delete(held.project, run)
        return {"deleted": run}
