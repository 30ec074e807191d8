"""What a run of each kind does, what it needs first, and what follows it.

Here storage and torch meet: the handlers read the project, call the pure steps of the
layers below, and store what comes out. Each handler is a generator: it yields events and
returns the run's result, a JSON object.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from typing import Any

from fact_core import kinds_model, kinds_pool, runs
from fact_core.config import RUN_CONFIGS, ExportConfig, PredictConfig, from_dict
from fact_core.errors import RunError
from fact_core.project import Project
from fact_core.types import Step

Handler = Callable[[Project, runs.Run, Any], Step[dict[str, Any]]]

#: kind of run -> what does it
HANDLERS: dict[str, Handler] = {
    "scan": kinds_pool.scan,
    "features": kinds_pool.features,
    "select": kinds_pool.select,
    "map": kinds_pool.draw_map,
    "train": kinds_model.train,
    "predict": kinds_model.predict,
    "export": kinds_model.export,
}

_PACKAGES = ("torch", "timm", "peft", "scikit-learn", "umap-learn", "numpy", "pillow")


def start(project: Project, run: runs.Run) -> Step[dict[str, Any]]:
    """The generator of a claimed run."""
    runs.note(project, run.id, versions=versions())
    return HANDLERS[run.kind](project, run, from_dict(RUN_CONFIGS[run.kind], run.config))


def lacks(project: Project, run: runs.Run) -> list[int | tuple[str, dict[str, Any]]]:
    """What must be done before this run: ids of open runs, or (kind, config) of runs to queue."""
    if run.kind not in HANDLERS:
        raise RunError(f"There is no kind of run called {run.kind!r}", do=f"Known: {', '.join(HANDLERS)}.")
    config = from_dict(RUN_CONFIGS[run.kind], run.config)
    if run.kind == "scan":
        return []
    if isinstance(config, (PredictConfig, ExportConfig)):
        return _lacks_model(project, run, config)
    if not kinds_pool.is_scanned(project):
        return [("scan", {})]
    if run.kind != "features" and not kinds_pool.has_features(project, config.backbone, config.device):
        return [("features", {"backbone": config.backbone, "device": config.device})]
    return []


def follow_ups(project: Project, run: runs.Run, result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What the page wants next without being asked: the map after features, predictions after training."""
    if run.kind == "features":
        return [("map", {"backbone": run.config.get("backbone", "")})] if run.config.get("backbone") else [("map", {})]
    if run.kind == "train":
        return [("predict", {"run": run.id, "device": run.config.get("device", "auto")})]
    return []


def versions() -> dict[str, str]:
    """Versions of Python and of what the result depends on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _lacks_model(
    project: Project, run: runs.Run, config: PredictConfig | ExportConfig
) -> list[int | tuple[str, dict[str, Any]]]:
    trained = runs.get(project, config.run)
    if trained.kind != "train" or trained.status in ("failed", "stopped"):
        raise RunError(
            f"Run {config.run} has no finished model", f"{trained.kind}, {trained.status}", "Train or resume it first."
        )
    if trained.open:
        return [trained.id]
    needs_answers = isinstance(config, ExportConfig) and "predictions" in config.items
    if needs_answers and not kinds_model.predictions_file(project, trained.id).is_file():
        return [("predict", {"run": trained.id})]
    return []
