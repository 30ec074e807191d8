"""How long a training with the form's values will take, asked before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Body, FastAPI

from app.routes.learned import labels_since
from app.routes.shapes import told
from app.shell.server import Server, checked
from app.shell.trainings import numbers
from fact_core.analysis.training_time import Amount, expected, proposed
from fact_core.choices import PRESETS, RECIPES
from fact_core.choices.devices import FREE
from fact_core.config import TrainConfig, from_dict, options
from fact_core.errors import ConfigError
from fact_core.labeling import labels_now
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Expected:
    """Seconds of a training; None while nothing is known of this computer's speed.

    efforts: effort -> seconds of the same training at that effort; proposed: the one to begin with. recipes: recipe ->
    seconds at the form's effort, for each that the form offers; None where they are not known, or it does not fit.
    same: the number of the newest training that has learned from these labels with these values, None without one;
    seed: one that no such training has had.
    """

    seconds: float | None
    efforts: dict[str, float]
    proposed: str
    recipes: dict[str, float | None]
    same: int | None = None
    seed: int = 0


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/expected."""

    @app.post("/x/{key}/expected")
    def ask(key: str, config: dict[str, Any] = Body(embed=True)) -> dict[str, Any]:  # noqa: B008
        return told(expected_by(server.project(key), config, server.gpu))


def expected_by(project: Project, values: Mapping[str, Any], gpu: str) -> Expected:
    """What a training with the form's flat values takes, and with those of each effort.

    Nothing where these values cannot be trained: the form says why, and so does the start.
    """
    amount, runs = _amount(project), run_queue.list_runs(project)

    def seconds(asked: Mapping[str, Any]) -> float | None:
        try:
            config = from_dict(TrainConfig, checked("train", asked))
        except ConfigError:
            return None
        phases = expected(config, amount, runs, _on_cpu(config, runs, gpu))
        return sum(phases.values()) if phases else None

    plain = {name: values[name] for name in ("backbone", "device", "view") if name in values}
    recipe, preset = ({name: values[name]} if name in values else {} for name in ("recipe", "preset"))
    recipes = {name: seconds({**plain, **preset, "recipe": name}) for name in offered()}
    try:
        config = from_dict(TrainConfig, checked("train", values))
    except ConfigError:
        return Expected(None, {}, "", recipes)
    found = {name: seconds({**plain, **recipe, "preset": name}) for name in PRESETS}
    efforts = {name: taken for name, taken in found.items() if taken is not None}
    return Expected(seconds(values), efforts, proposed(efforts), recipes, *_repeated(project, config))


def _repeated(project: Project, config: TrainConfig) -> tuple[int | None, int]:
    """(number of the newest training of just this, a seed of its own), as ``Expected`` tells them."""
    alike = {
        run.id: seed
        for run in run_queue.list_runs(project, "train")
        if run.status == "done" and (seed := _seed_of(run, config)) is not None and labels_since(project, run) is None
    }
    same = max((run for run, seed in alike.items() if seed == config.seed), default=None)
    return numbers(project)[same] if same else None, (max(alike.values(), default=config.seed) + 1) % 2**31


def _seed_of(run: run_queue.Run, config: TrainConfig) -> int | None:
    """The seed of a run whose other settings are these; None where they are not."""
    try:
        theirs = from_dict(TrainConfig, run.config)
    except ConfigError:  # stored by a version with other options
        return None
    return theirs.seed if replace(theirs, seed=config.seed) == config else None


def offered() -> list[str]:
    """The recipes that the form offers: what only reproduces the paper is left to the command line."""
    hidden = dict(options(TrainConfig))["recipe"].metadata["paper"] or ()
    return [name for name in RECIPES if name not in hidden]


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
    if config.device not in FREE:
        return config.device.startswith("cpu")
    free = (run.device for run in runs if run.device and run.config.get("device", "auto") in FREE)
    return next(free, "" if gpu else "CPU").startswith("CPU")
