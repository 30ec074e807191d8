"""What lists of runs say of each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.routes.accuracy import accuracy
from app.shell.server import Opened
from app.shell.trainings import number, numbers
from fact_core.choices import BACKBONES, PRESETS, RECIPES
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
    name: str


@dataclass(frozen=True)
class TrainingBrief:
    """A training run in a line: ``number`` is its place among the trainings; recipe and preset by their titles.

    backbone: its name, as a run asks for it; net: its title.
    """

    id: int
    number: int
    recipe: str
    preset: str
    backbone: str
    net: str
    status: str
    reason: str
    labels: int | None
    seconds: float | None
    name: str
    note: str


def run_brief(held: Opened, run: Run, known: Mapping[int, int] | None = None) -> RunBrief:
    """What the lists show of a run. known: ``trainings.numbers``, where many runs are told at once."""
    project = held.project
    right, between = _accuracy(held, run)
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
        seconds=run.took,
        device=run.device,
        stopping=run.stop_requested,
        parent=run.parent,
        waits_for=list(run.waits_for),
        progress=_progress(project, run),
        accuracy=right,
        interval=between,
        result=_result(run)
        if run.kind in ("scan", "features", "export", "sort", "map", "compare", "backbones")
        else None,
        name=run.name,
    )


def _accuracy(held: Opened, run: Run) -> tuple[float | None, list[float] | None]:
    """The figure that the Results page shows of a training run, and its interval."""
    found = accuracy(held, run) if run.kind == "train" and run.status == "done" else None
    if found is not None:
        return found.share, list(found.interval)
    report = run.result.get("report")
    return (report["accuracy"], report.get("interval")) if isinstance(report, dict) else (None, None)


def _result(run: Run) -> dict[str, Any]:
    """What it gave, without lists as long as a folder."""
    return {name: value for name, value in run.result.items() if name != "bad_digests"}


def training_briefs(project: Project) -> dict[int, TrainingBrief]:
    """Id -> all training runs, the newest first."""
    known = numbers(project)
    return {run.id: _training(run, known[run.id]) for run in run_queue.list_runs(project, "train")}


def _training(run: Run, number: int) -> TrainingBrief:
    recipe, preset, backbone = (str(run.config.get(name, "")) for name in ("recipe", "preset", "backbone"))
    return TrainingBrief(
        id=run.id,
        number=number,
        recipe=RECIPES[recipe].title if recipe in RECIPES else recipe,
        preset=PRESETS[preset].title if preset in PRESETS else preset,
        backbone=backbone,
        net=BACKBONES[backbone].title if backbone in BACKBONES else backbone,
        status=run.status,
        reason=run.reason,
        labels=run.result.get("labels"),
        seconds=run.took,
        name=run.name,
        note=run.note,
    )


def _progress(project: Project, run: Run) -> dict[str, Any] | None:
    if run.status != "running":
        return None
    newest = run_events.last_event(project, run.id, "progress")
    return newest.body if newest else None
