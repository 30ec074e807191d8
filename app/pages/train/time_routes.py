"""How long a training with the form's values will take, asked before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Body, FastAPI

from app.routes.shapes import told
from app.shell.server import Server, checked
from fact_core.analysis.training_time import Amount, expected, proposed
from fact_core.choices import PRESETS
from fact_core.config import TrainConfig, from_dict
from fact_core.errors import ConfigError
from fact_core.labeling import labels_now
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Expected:
    """Seconds of a training; None while nothing is known of this computer's speed.

    efforts: effort -> seconds of the same training at that effort; proposed: the one to begin with.
    """

    seconds: float | None
    efforts: dict[str, float]
    proposed: str


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/expected."""

    @app.post("/x/{key}/expected")
    def ask(key: str, config: dict[str, Any] = Body(embed=True)) -> dict[str, Any]:  # noqa: B008
        return told(expected_by(server.project(key), config, server.gpu))


def expected_by(project: Project, values: Mapping[str, Any], gpu: str) -> Expected:
    """What a training with the form's flat values takes, and with those of each effort.

    Nothing where these values cannot be trained: the form says why, and so does the start.
    """
    kept = {name: values[name] for name in ("recipe", "backbone", "device", "view") if name in values}
    asked_for = {"": values, **{name: {**kept, "preset": name} for name in PRESETS}}
    try:
        configs = {name: from_dict(TrainConfig, checked("train", each)) for name, each in asked_for.items()}
    except ConfigError:
        return Expected(None, {}, "")
    amount, runs = _amount(project), run_queue.list_runs(project)
    times = {name: expected(each, amount, runs, _on_cpu(each, runs, gpu)) for name, each in configs.items()}
    asked = times.pop("")
    efforts = {name: sum(phases.values()) for name, phases in times.items() if phases}
    return Expected(sum(asked.values()) if asked else None, efforts, proposed(efforts))


def expected_of(project: Project, run: run_queue.Run, gpu: str) -> dict[str, float]:
    """Phase -> seconds of a training run, on the labels as they are now; empty while not known."""
    try:
        config = from_dict(TrainConfig, run.config)
    except ConfigError:  # stored by a version with other options
        return {}
    runs = run_queue.list_runs(project)
    return expected(config, _amount(project), runs, _on_cpu(config, runs, gpu))


def _amount(project: Project) -> Amount:
    picks, checks = (labels_now.snapshot(project, role) for role in ("pick", "audit"))
    return Amount(len(picks.ids), len({*picks.y.tolist()}), items.counts(project).pool, len(checks.ids))


def _on_cpu(config: TrainConfig, runs: Sequence[run_queue.Run], gpu: str) -> bool:
    """Where it will work: as the newest run that was as free to choose, else on the GPU where there is one."""
    if config.device != "auto":
        return config.device == "cpu"
    free = (run.device for run in runs if run.device and run.config.get("device", "auto") == "auto")
    return next(free, "" if gpu else "CPU").startswith("CPU")
