"""The answers of a trained model as strategies take them: probabilities for the pool, by the classes of now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fact_core.analysis.calibration import at_temperature
from fact_core.choices import STRATEGIES, named
from fact_core.config import SelectConfig
from fact_core.errors import RunError
from fact_core.labeling import checked, labels_now
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray
from fact_core.work.kind import Needed
from fact_core.work.strategy_request import StrategyRequest
from fact_core.work.trained_model import needs_model


def needed(project: Project, config: SelectConfig) -> list[Needed]:
    """The predictions of the model whose answers the strategy takes, where they are not there."""
    run = _model(project, config)
    if run is None or project.predictions_file(run.id).is_file():
        return []
    return needs_model(project, run.id) or [("predict", {"run": run.id, "device": config.device})]


def told(project: Project, config: SelectConfig, asked: StrategyRequest) -> StrategyRequest:
    """The request with the answers of the model, where the strategy takes them and there are some."""
    run = _model(project, config)
    if run is None or not project.predictions_file(run.id).is_file():
        return asked
    ids, raw = _read(project.predictions_file(run.id))
    p = at_temperature(raw, checked.temperature(run.result.get("temperature")))
    now = {name: place for place, name in enumerate(labels_now.snapshot(project, "pick").classes)}
    found = np.full((len(asked.pool), len(now)), np.nan, dtype=np.float32)
    rows = np.flatnonzero(np.isin(asked.pool.ids, ids))
    place = {int(item): row for row, item in enumerate(ids)}
    answered = p[[place[int(item)] for item in asked.pool.ids[rows]]]
    found[rows] = 0
    for column, name in enumerate(checked.class_names(project, run)):
        if name in now:  # two that were made one since are added up
            found[rows, now[name]] += answered[:, column]
    return replace(asked, answers=found)


def _model(project: Project, config: SelectConfig) -> run_queue.Run | None:
    """The training that is meant; None where the strategy takes no answers, or nothing was trained yet."""
    if not named(STRATEGIES, config.strategy, "strategy").answers or config.restart:
        return None
    if config.model:
        return run_queue.get(project, config.model)
    done = (run for run in run_queue.list_runs(project, "train") if run.status == "done")
    return next(done, None)


def _read(file: Path) -> tuple[IntArray, FloatArray]:
    """(ids (n,), probabilities [n,K]) of stored predictions. RunError when they are damaged."""
    try:
        with open(file, "rb") as content, np.load(content, allow_pickle=False) as kept:
            return kept["ids"].astype(np.int64), kept["probabilities"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError("The predictions of this run are damaged", str(file), "Predict the pool again.") from error
