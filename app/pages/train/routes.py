"""Routes of the Train page: the charts' figure, and plotly.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse

from app.pages.train import plots
from app.pages.train.time_routes import expected_of
from app.routes.learned import Since, labels_since
from app.routes.shapes import told
from app.shell.server import Opened
from fact_core.config import TrainConfig, from_dict
from fact_core.errors import ConfigError, RunError
from fact_core.events import Event, PhaseStarted, from_body
from fact_core.labeling import labels_now
from fact_core.storage import run_events, run_queue
from fact_core.storage.project import Project

#: Kinds of events that the page's log and notes show; points and progress are read separately.
TOLD = ("phase_started", "phase_done", "decision", "log", "saved")
#: Events read at a time: a long run has tens of thousands.
AT_A_TIME = 5000
PLOTLY = version("plotly")


@dataclass(frozen=True)
class Chart:
    """A training run as the Train page draws it. ``cursor``: the last event in it; new ones are asked for from there.

    point, progress, saved: the newest of each; labels: learned from; checks: images that its curves rest on;
    since: the labels that it has not learned from; expected: phase -> seconds it will take, while it waits or works.
    """

    run: dict[str, Any]
    figure: dict[str, Any]
    cursor: int
    plotly: str
    log: list[dict[str, Any]]
    point: dict[str, Any] | None
    progress: dict[str, Any] | None
    saved: dict[str, Any] | None
    memory_mb: float | None
    labels: int
    checks: int
    since: Since | None
    expected: dict[str, float]


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
        return told(chart_of(server.opened(key), run, server.gpu))


def chart_of(held: Opened, run_id: int, gpu: str) -> Chart:
    """The figure of a training run and what the page says beside it."""
    project = held.project
    run = run_queue.get(project, run_id)
    if run.kind != "train":
        raise RunError("This run trains nothing", run.kind)
    rows, cursor = [], 0
    while True:
        more, cursor = run_events.events_since(project, run_id, cursor, AT_A_TIME)
        rows += more
        if len(more) < AT_A_TIME:
            break
    events = [from_body(row.kind, row.body) for row in rows]
    newest = {row.kind: row.body for row in rows}
    peaks = [row.body.get("peak_memory_mb") for row in rows if row.kind == "phase_done"]
    return Chart(
        run={"id": run.id, "status": run.status},
        figure=plots.training_figure(events, _phases(run, events)),
        cursor=cursor,
        plotly=PLOTLY,
        log=[{"id": row.id, "at": row.at, "kind": row.kind, "body": row.body} for row in rows if row.kind in TOLD],
        point=newest.get("point"),
        progress=_progress(rows),
        saved=newest.get("saved"),
        memory_mb=max((peak for peak in peaks if peak), default=None),
        labels=_labels(project, run),
        checks=_checks(project, run, newest),
        since=labels_since(project, run) if run.status == "done" else None,
        expected=_expected(held, run, gpu) if run.open else {},
    )


def _expected(held: Opened, run: run_queue.Run, gpu: str) -> dict[str, float]:
    """Phase -> seconds; once known it is kept: the charts ask with every point, and the run's labels are fixed."""
    known: dict[int, dict[str, float]] = held.cache.setdefault("expected", {})
    if not known.get(run.id):
        known[run.id] = expected_of(held.project, run, gpu)
    return known[run.id]


def _phases(run: run_queue.Run, events: Sequence[Event]) -> tuple[str, ...]:
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


def _progress(rows: Sequence[run_events.EventRow]) -> dict[str, Any] | None:
    """What is under way beside the curves: the newest progress, unless a point or a phase's end came after it."""
    told = next((row for row in reversed(rows) if row.kind in ("progress", "point", "phase_done")), None)
    return told.body if told and told.kind == "progress" else None


def _labels(project: Project, run: run_queue.Run) -> int:
    """How many labels the run learns from."""
    return int(run.result.get("labels") or len(labels_now.snapshot(project, "pick").ids))


def _checks(project: Project, run: run_queue.Run, newest: dict[str, dict[str, Any]]) -> int:
    """How many check images its curves rest on; 0 without any."""
    if "phase_done" in newest:
        return int(newest["phase_done"].get("check_n") or 0)
    return len(labels_now.snapshot(project, "audit").ids)
