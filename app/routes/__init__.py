"""Our own routes under /x/: what Gradio's events are too slow or too weak for.

Every module has ``register(app, server)``. Errors leave as JSON {what, found, do}.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from app.pages.label import import_routes, note_routes, pool_routes
from app.pages.label import routes as label
from app.pages.project import routes as projects
from app.pages.results import routes as results
from app.pages.select import routes as select
from app.pages.train import routes as train
from app.routes import assets, backbones, classes, images, maps, queue, runs, state
from app.shell.server import Server
from fact_core.errors import FactError, ProjectBusy, ProjectError, StorageError

log = logging.getLogger("fact_studio")

#: those of no page, then page by page
ROUTES = (
    *(assets, state, backbones, runs, images, classes, queue, maps),
    *(projects, select, label, import_routes, note_routes, pool_routes, train, results),
)


def register_all(app: FastAPI, server: Server) -> None:
    """Add all routes and the way errors are told."""
    app.add_exception_handler(FactError, _tell)
    app.add_exception_handler(RequestValidationError, _tell_wrong_request)
    app.add_exception_handler(Exception, _tell_unexpected)
    for module in ROUTES:
        module.register(app, server)


def _tell(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FactError)
    status = 409 if isinstance(error, ProjectBusy) else 404 if isinstance(error, ProjectError) else 400
    status = 507 if isinstance(error, StorageError) else status
    return JSONResponse({"what": error.what, "found": error.found, "do": error.do}, status)


def _tell_wrong_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return JSONResponse(
        {"what": "The request is not as it should be", "found": f"{where}: {first.get('msg', '')}", "do": ""}, 422
    )


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
