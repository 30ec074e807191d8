"""Runs: start, stop, resume, follow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI, Query

from app.routes.run_briefs import run_brief
from app.routes.shapes import told
from app.shell.server import Server
from fact_core.storage import run_events, run_process, run_queue

#: SQLite's ids are smaller than this; JavaScript counts no further.
LARGEST = 2**53
RunBody = Annotated[int, Body(embed=True, ge=0, le=LARGEST)]
Number = Annotated[int, Query(ge=0, le=LARGEST)]


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/run, stop, resume; GET /x/K/events, log."""

    @app.post("/x/{key}/run")
    def start(key: str, kind: str = Body(), config: dict[str, Any] = Body(default_factory=dict)) -> dict[str, int]:  # noqa: B008
        return {"run": server.start(key, kind, config)}

    @app.post("/x/{key}/stop")
    def stop(key: str, run: RunBody) -> dict[str, bool]:
        server.stop(key, run)
        return {"stopping": True}

    @app.post("/x/{key}/resume")
    def resume(key: str, run: RunBody) -> dict[str, bool]:
        server.resume(key, run)
        return {"queued": True}

    @app.get("/x/{key}/events")
    def events(key: str, run: Number, since: Number = 0, limit: int = 2000) -> dict[str, Any]:
        held = server.opened(key)
        project = held.project
        rows, cursor = run_events.events_since(project, run, since, min(max(limit, 1), 10_000))
        new = [{"id": row.id, "at": row.at, "kind": row.kind, "body": row.body} for row in rows]
        return {"events": new, "cursor": cursor, "run": told(run_brief(held, run_queue.get(project, run)))}

    @app.get("/x/{key}/log")
    def log(key: str, run: Number, lines: int = 400) -> dict[str, Any]:
        project = server.project(key)
        return {"text": run_process.log_tail(project, run, min(max(lines, 1), 10_000))}
