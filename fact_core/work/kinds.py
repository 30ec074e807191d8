"""What a run of each kind does, what it needs first, and what follows it.

Here storage and torch meet: the handlers read the project, call the pure steps of the
layers below, and store what comes out. Each handler is a generator: it yields events and
returns the run's result, a JSON object.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable
from importlib import metadata
from typing import Any

from fact_core.choices import pick, resolve
from fact_core.config import RUN_CONFIGS, CompareConfig, ExportConfig, PredictConfig, ScanConfig, from_dict
from fact_core.errors import RunError
from fact_core.events import Event, Saved
from fact_core.labeling import selections
from fact_core.storage import items as scanning
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import Step
from fact_core.work import scan as scan_folder

Handler = Callable[[Project, run_queue.Run, Any], Step[dict[str, Any]]]

#: kind of run -> what does it. Named, not imported: a scan need not wait for torch.
HANDLERS: dict[str, str] = {
    "scan": "fact_core.work.kinds:scan",
    "features": "fact_core.work.kinds_pool:features",
    "select": "fact_core.work.kinds_select:select",
    "compare": "fact_core.work.kinds_evidence:compare",
    "map": "fact_core.work.kinds_pool:draw_map",
    "train": "fact_core.work.kinds_model:train",
    "predict": "fact_core.work.kinds_model:predict",
    "export": "fact_core.work.kinds_model:export",
}

_PACKAGES = ("torch", "timm", "peft", "scikit-learn", "umap-learn", "numpy", "pillow")


def start(project: Project, run: run_queue.Run) -> Step[dict[str, Any]]:
    """The generator of a claimed run."""
    run_queue.note(project, run.id, versions=versions())
    handler: Handler = resolve(pick(HANDLERS, run.kind, "kind of run"))
    return handler(project, run, from_dict(RUN_CONFIGS[run.kind], run.config))


def scan(project: Project, run: run_queue.Run, config: ScanConfig) -> Step[dict[str, Any]]:
    """Look for images in the folder."""
    result = yield from scan_folder.scan(project)
    return dataclasses.asdict(result)


def lacks(project: Project, run: run_queue.Run) -> list[int | tuple[str, dict[str, Any]]]:
    """What must be done before this run: ids of open runs, or (kind, config) of runs to queue."""
    pick(HANDLERS, run.kind, "kind of run")
    config = from_dict(RUN_CONFIGS[run.kind], run.config)
    if run.kind == "scan":
        return []
    if isinstance(config, (PredictConfig, ExportConfig)):
        return _lacks_model(project, run, config)
    if not scanning.counts(project).pool:
        return [("scan", {})]
    from fact_core.work import kinds_pool

    backbone = getattr(config, "backbone", "")
    device = getattr(config, "device", "auto")  # the map has no device of its own
    if isinstance(config, CompareConfig):
        stored = selections.latest(project)
        if stored is None:
            return []  # it says so itself
        backbone, device = stored.config["backbone"], stored.config["device"]
    if run.kind != "features" and not kinds_pool.has_features(project, backbone, device):
        return [("features", {"backbone": backbone, "device": device})]
    return []


def kept(project: Project, run: run_queue.Run) -> list[Event]:
    """What a run that was stopped has saved at its very end, when it could no longer tell."""
    if run.kind != "train":
        return []
    from fact_core.finetune.checkpoint import last_saved

    found = last_saved(project.run_folder(run.id) / "checkpoint")
    return [Saved(found[0].partition(".")[0], found[1])] if found else []


def follow_ups(project: Project, run: run_queue.Run, result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What the page wants next without being asked: the map after features, predictions after training."""
    # Where the command line computed the features no map was drawn; the first selection on the page draws it.
    if run.kind == "features" or (run.kind == "select" and not run_queue.list_runs(project, "map")):
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
    project: Project, run: run_queue.Run, config: PredictConfig | ExportConfig
) -> list[int | tuple[str, dict[str, Any]]]:
    trained = run_queue.get(project, config.run)
    if trained.kind != "train" or trained.status in ("failed", "stopped"):
        raise RunError(
            f"Run {config.run} has no finished model", f"{trained.kind}, {trained.status}", "Train or resume it first."
        )
    if trained.open:
        return [trained.id]
    needs_answers = isinstance(config, ExportConfig) and "predictions" in config.items
    if needs_answers and not project.predictions_file(trained.id).is_file():
        return [("predict", {"run": trained.id})]
    return []
