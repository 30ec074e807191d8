"""What lists of runs say of each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.shell.trainings import number, numbers
from fact_core.choices import PRESETS, RECIPES
from fact_core.labeling import labels_now
from fact_core.storage import run_events, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


@dataclass(frozen=True)
class RunBrief:
    """A run of any kind, as the lists show it. ``seconds``: how long it took; ``progress`` only while it works.

    ``number``: its place among the trainings, None for other kinds.
    """

    id: int
    number: int | None
    kind: str
    status: str
    reason: str
    config: dict[str, Any]
    recipe: str | None
    preset: str | None
    backbone: str | None
    created: float
    started: float | None
    ended: float | None
    seconds: float | None
    device: str
    stopping: bool
    parent: int | None
    waits_for: list[int]
    progress: dict[str, Any] | None
    accuracy: float | None
    interval: list[float] | None
    result: dict[str, Any] | None


@dataclass(frozen=True)
class TrainingBrief:
    """A training run in a line: ``number`` is its place among the trainings; recipe and preset by their titles."""

    id: int
    number: int
    recipe: str
    preset: str
    backbone: str
    status: str
    reason: str
    labels: int | None
    seconds: float | None


def run_brief(project: Project, run: Run, known: Mapping[int, int] | None = None) -> RunBrief:
    """What the lists show of a run. known: ``trainings.numbers``, where many runs are told at once."""
    report = run.result.get("report") if isinstance(run.result.get("report"), dict) else None
    return RunBrief(
        id=run.id,
        number=number(project, run) if known is None else known.get(run.id),
        kind=run.kind,
        status=run.status,
        reason=run.reason,
        config=run.config,
        recipe=run.config.get("recipe"),
        preset=run.config.get("preset"),
        backbone=run.config.get("backbone"),
        created=run.created,
        started=run.started,
        ended=run.ended,
        seconds=_seconds(run),
        device=run.device,
        stopping=run.stop_requested,
        parent=run.parent,
        waits_for=list(run.waits_for),
        progress=_progress(project, run),
        accuracy=report["accuracy"] if report else None,
        interval=report.get("interval") if report else None,
        result=run.result if run.kind in ("scan", "features", "export", "map", "compare") else None,
    )


def training_briefs(project: Project) -> dict[int, TrainingBrief]:
    """Id -> all training runs, the newest first."""
    runs = run_queue.list_runs(project, "train")
    known = numbers(runs)
    return {run.id: _training(run, known[run.id]) for run in runs}


def _training(run: Run, number: int) -> TrainingBrief:
    recipe, preset = str(run.config.get("recipe", "")), str(run.config.get("preset", ""))
    return TrainingBrief(
        id=run.id,
        number=number,
        recipe=RECIPES[recipe].title if recipe in RECIPES else recipe,
        preset=PRESETS[preset].title if preset in PRESETS else preset,
        backbone=run.config.get("backbone", ""),
        status=run.status,
        reason=run.reason,
        labels=run.result.get("labels"),
        seconds=_seconds(run),
    )


def _seconds(run: Run) -> float | None:
    # A clock that was set back meanwhile gives no negative time.
    return max(0.0, run.ended - run.started) if run.ended and run.started else None


def _progress(project: Project, run: Run) -> dict[str, Any] | None:
    if run.status != "running":
        return None
    newest = run_events.last_event(project, run.id, "progress")
    return newest.body if newest else None


def is_stale(project: Project, run: Run) -> bool:
    """Whether labels to train on were given or changed since the run started."""
    since = run.started or run.created
    states = labels_now.states(project)
    picks = {int(i) for i in labels_now.snapshot(project, "pick").ids}
    return any(state.at > since for item, state in states.items() if item in picks)
