"""Routes of the Results page: the result, the predictions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app.pages.results import findings, outcome
from app.routes import binary
from app.routes.run_briefs import training_briefs
from app.routes.shapes import told
from fact_core.errors import RunError, storage_error
from fact_core.exchange import export_labels
from fact_core.storage import db
from fact_core.storage.project import Project


def register(app: FastAPI, server: Any) -> None:
    """Add the routes. ``server.project(key)`` gives an open project."""

    @app.get("/x/{key}/results")
    def results(key: str, run: int = 0) -> dict[str, Any]:
        """Everything the Results page shows of a training run (0: the newest)."""
        held = server.opened(key)
        with db.shared(held.project.db):
            return told(findings.results(held, findings.train_run(held.project, run)))

    @app.get("/x/{key}/predictions")
    def predictions(key: str, run: int = 0) -> Response:
        """See ``outcome.packed``."""
        return binary.answer(outcome.packed(_answers(server.project(key), run)))

    @app.get("/x/{key}/predictions.csv")
    def predictions_csv(key: str, run: int = 0) -> FileResponse:
        """The predictions for the pool as a CSV file to keep."""
        project = server.project(key)
        trained = findings.train_run(project, run)
        _answers(project, trained.id)
        file = _csv(project, trained.id)
        name = f"predictions-{training_briefs(project)[trained.id].number}.csv"
        return FileResponse(file, media_type="text/csv", filename=name, background=BackgroundTask(file.unlink))


def _answers(project: Project, run_id: int) -> outcome.Answers:
    answers = findings.answers_of(project, findings.train_run(project, run_id))
    if answers is None:
        raise RunError("This run has no predictions yet", do="Predict the pool first.")
    return answers


def _csv(project: Project, train_id: int) -> Path:
    try:
        handle, name = tempfile.mkstemp(suffix=".csv")
        os.close(handle)
        export_labels.write_predictions(project, train_id, Path(name))
    except OSError as error:
        raise storage_error(error, "writing the predictions") from error
    return Path(name)
