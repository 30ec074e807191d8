"""Routes by which a folder is finished: the goal, the questions to the check images, what is accepted, what is left."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Response

from app.pages.results import findings, finish, forecast
from app.routes import binary
from app.routes.runs import LARGEST, Number
from app.routes.shapes import told
from app.shell.server import Opened, Server
from fact_core.labeling import acceptances
from fact_core.storage.run_queue import Run

RunNumber = Annotated[int, Body(ge=0, le=LARGEST)]
Goal = Annotated[float, Body(gt=0, lt=1)]
Own = Annotated[dict[Annotated[int, Body(ge=1, le=LARGEST)], Goal], Body(max_length=200)]


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/finish, rest, forecast; POST /x/K/finish/ask, accept {run, goal, own, by}, undo, redo {run, step}."""

    def of(key: str, run: int) -> tuple[Opened, Run]:
        held = server.opened(key)
        return held, findings.train_run(held.project, run)

    @app.get("/x/{key}/finish")
    def finished(key: str, run: Number = 0) -> dict[str, Any]:
        return told(finish.finish_of(*of(key, run)))

    @app.get("/x/{key}/rest")
    def rest(key: str, run: Number = 0) -> Response:
        """See ``finish.rest_of``."""
        return binary.answer(finish.rest_of(*of(key, run)))

    @app.get("/x/{key}/forecast")
    def forecast_of(key: str, goal: Annotated[float, Query(gt=0, lt=1)], run: Number = 0) -> dict[str, Any]:
        return told(forecast.forecast_of(*of(key, run), goal))

    @app.post("/x/{key}/finish/ask")
    def ask(key: str, run: RunNumber, goal: Goal, own: Own = {}) -> dict[str, Any]:  # noqa: B006
        return told(finish.ask(*of(key, run), goal, own))

    @app.post("/x/{key}/finish/accept")
    def accept(key: str, run: RunNumber, goal: Goal, own: Own = {}, by: RunNumber = 0) -> dict[str, Any]:  # noqa: B006
        held, shown = of(key, run)
        return told(finish.accept(held, shown, goal, own, of(key, by)[1] if by else shown))

    @app.post("/x/{key}/finish/undo")
    def undo(key: str, run: RunNumber, step: RunNumber) -> dict[str, Any]:
        held, trained = of(key, run)
        acceptances.undo(held.project, step)
        return told(finish.finish_of(held, trained))

    @app.post("/x/{key}/finish/redo")
    def redo(key: str, run: RunNumber, step: RunNumber) -> dict[str, Any]:
        held, trained = of(key, run)
        acceptances.redo(held.project, step)
        return told(finish.finish_of(held, trained))
