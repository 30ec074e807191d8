"""Routes of the Train and Results pages: the charts' figure, the result, predictions, plotly.js."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app import findings, outcome, plots
from fact_core import exchange, labels, runs
from fact_core.config import TrainConfig, from_dict
from fact_core.errors import ConfigError, RunError, storage_error
from fact_core.events import Event, PhaseStarted, from_row
from fact_core.project import Project

#: Kinds of events that the page's log and notes show; points and progress are read separately.
TOLD = ("phase_started", "phase_done", "decision", "log", "saved")
#: Events read at a time: a long run has tens of thousands.
AT_A_TIME = 5000
PLOTLY = version("plotly")


def register(app: FastAPI, server: Any) -> None:
    """Add the routes. ``server.project(key)`` gives an open project."""

    @app.get("/x/plotly.js")
    def plotly_js() -> FileResponse:
        """plotly.js of the installed package; its address carries the version, so it may be kept."""
        script = Path(str(files("plotly") / "package_data" / "plotly.min.js"))
        return FileResponse(
            script, media_type="text/javascript", headers={"Cache-Control": "max-age=31536000, immutable"}
        )

    @app.get("/x/{key}/chart")
    def chart(key: str, run: int) -> dict[str, Any]:
        """The charts of a training run as they stand now, its log, and the cursor to go on from."""
        return chart_of(server.project(key), run)

    @app.get("/x/{key}/results")
    def results(key: str, run: int = 0) -> dict[str, Any]:
        """Everything the Results page shows of a training run (0: the newest)."""
        project = server.project(key)
        return findings.results(project, findings.train_run(project, run))

    @app.get("/x/{key}/predictions")
    def predictions(key: str, run: int = 0) -> Response:
        """u32 header length, header JSON padded to 4, ids i32[n], class u16[n], confidence u8[n]."""
        project = server.project(key)
        header, columns = outcome.pack(_answers(project, run))
        text = json.dumps(header, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 4)
        body = len(text).to_bytes(4, "little") + text + columns
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    @app.get("/x/{key}/predictions.csv")
    def predictions_csv(key: str, run: int = 0) -> FileResponse:
        """The predictions for the pool as a CSV file to keep."""
        project = server.project(key)
        trained = findings.train_run(project, run)
        _answers(project, trained.id)
        file = _csv(project, trained.id)
        name = f"predictions-{findings.run_brief(project, trained)['number']}.csv"
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
        exchange.write_predictions(project, train_id, Path(name))
    except OSError as error:
        raise storage_error(error, "writing the predictions") from error
    return Path(name)


def chart_of(project: Project, run_id: int) -> dict[str, Any]:
    """The figure of a training run and what the page says beside it."""
    run = runs.get(project, run_id)
    if run.kind != "train":
        raise RunError("This run trains nothing", run.kind)
    rows, cursor = [], 0
    while True:
        more, cursor = runs.events_since(project, run_id, cursor, AT_A_TIME)
        rows += more
        if len(more) < AT_A_TIME:
            break
    events = [from_row(row.kind, json.dumps(row.body)) for row in rows]
    newest = {row.kind: row.body for row in rows}
    peaks = [row.body.get("peak_memory_mb") for row in rows if row.kind == "phase_done"]
    return {
        "run": {"id": run.id, "status": run.status},
        "figure": plots.training_figure(events, _phases(run, events)),
        "cursor": cursor,
        "plotly": PLOTLY,
        "log": [{"id": row.id, "at": row.at, "kind": row.kind, "body": row.body} for row in rows if row.kind in TOLD],
        "point": newest.get("point"),
        "progress": _progress(rows),
        "saved": newest.get("saved"),
        "memory_mb": max((peak for peak in peaks if peak), default=None),
        "labels": _labels(project, run),
        "checks": _checks(project, run, newest),
        "stale": run.status == "done" and findings.is_stale(project, run),
    }


def _phases(run: runs.Run, events: Sequence[Event]) -> tuple[str, ...]:
    """The phases of a training run: as it told itself when it began one, else as its options say.

    A version with other recipes may have made the run.
    """
    told = [each.phases for each in events if isinstance(each, PhaseStarted)]
    if told:
        return told[-1]
    try:
        return from_dict(TrainConfig, run.config).phases
    except ConfigError:  # stored by a version with other options
        return tuple(dict.fromkeys(each["phase"] for each in run.result.get("phases") or ()))


def _progress(rows: Sequence[runs.EventRow]) -> dict[str, Any] | None:
    """What is under way beside the curves: the newest progress, unless a point or a phase's end came after it."""
    told = next((row for row in reversed(rows) if row.kind in ("progress", "point", "phase_done")), None)
    return told.body if told and told.kind == "progress" else None


def _labels(project: Project, run: runs.Run) -> int:
    """How many labels the run learns from."""
    return int(run.result.get("labels") or len(labels.snapshot(project, "pick").ids))


def _checks(project: Project, run: runs.Run, newest: dict[str, dict[str, Any]]) -> int:
    """How many check images its curves rest on; 0 without any."""
    if "phase_done" in newest:
        return int(newest["phase_done"].get("check_n") or 0)
    return len(labels.snapshot(project, "audit").ids)
