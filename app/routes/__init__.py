"""Our own routes under /x/: what Gradio's events are too slow or too weak for.

A module of routes has ``register(app, server)``; the others help them. Errors leave as JSON {what, found, do}.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.pages.label import import_routes, note_routes, pool_routes, word_routes
from app.pages.label import routes as label
from app.pages.project import browse_routes, pack_routes
from app.pages.project import routes as projects
from app.pages.results import finish_routes, review_routes, run_routes, sort_routes, try_routes
from app.pages.results import routes as results
from app.pages.select import routes as select
from app.pages.train import routes as train
from app.pages.train import time_routes
from app.routes import assets, backbones, choice, classes, gradio_assets, images, maps, odd, paths, queue, runs, state
from app.routes.bodies import CheckedRoute
from app.shell.server import Server
from fact_core.errors import FactError, ProjectBusy, ProjectChanged, ProjectError, StorageError, storage_error

log = logging.getLogger("fact_studio")

#: Characters of an error that are told.
LONGEST = 1000

#: those of no page, then page by page
ROUTES = (
    *(assets, gradio_assets, state, backbones, runs, images, classes, queue, choice, maps, odd, paths),
    *(projects, browse_routes, pack_routes, select, label, import_routes, note_routes, pool_routes, word_routes),
    *(train, time_routes, results, review_routes, run_routes, finish_routes, sort_routes, try_routes),
)


def register_all(app: FastAPI, server: Server) -> None:
    """Add all routes and the way errors are told."""
    app.add_exception_handler(FactError, _tell)
    app.add_exception_handler(OSError, _tell_disk)
    app.add_exception_handler(RequestValidationError, _tell_wrong_request)
    app.add_exception_handler(HTTPException, _tell_refused)
    app.add_exception_handler(Exception, _tell_unexpected)
    app.router.route_class = CheckedRoute
    for module in ROUTES:
        module.register(app, server)

    # Behind them all: what is none of them is not Gradio's either.
    @app.api_route("/x/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
    def nothing(rest: str) -> None:
        raise HTTPException(404, "There is nothing here")


def _tell(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FactError)
    status = 409 if isinstance(error, ProjectBusy) else 404 if isinstance(error, ProjectError) else 400
    status = 410 if isinstance(error, ProjectChanged) else status
    status = 507 if isinstance(error, StorageError) else status
    return JSONResponse({"what": _short(error.what), "found": _short(error.found), "do": error.do}, status)


def _tell_disk(request: Request, error: Exception) -> JSONResponse:
    """A folder that may not be looked at, or a disk that is gone, somewhere where nobody thought of it."""
    assert isinstance(error, OSError)
    log.error("a file could not be used", exc_info=error)
    return _tell(request, storage_error(error, "answering"))


def _short(text: str) -> str:
    """What was sent is not told back at its full length, which can be millions of characters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 100]} ... {text[-80:]}"


def _tell_wrong_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return JSONResponse(
        {"what": "The request is not as it should be", "found": f"{where}: {first.get('msg', '')}"[:300], "do": ""}, 422
    )


def _tell_refused(_request: Request, error: Exception) -> JSONResponse:
    """No such route, no such way to ask it, a body that is no JSON of ours (``bodies.py``)."""
    assert isinstance(error, HTTPException)
    told = error.detail if isinstance(error.detail, dict) else {"what": str(error.detail), "found": "", "do": ""}
    return JSONResponse(told, error.status_code, error.headers)


def _tell_unexpected(_request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return JSONResponse(
        {
            "what": "Something went wrong inside the program",
            "found": type(error).__name__,
            "do": "The file server.log says more.",
        },
        500,
    )
