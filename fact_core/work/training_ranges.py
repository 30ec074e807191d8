"""How a training run sees deep pixels: as at its first start, so that it goes on whatever images came meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from fact_core.config import TrainConfig
from fact_core.errors import ImageError
from fact_core.events import Log
from fact_core.features.extract import extract
from fact_core.files import write_text
from fact_core.images.decode import Ranges
from fact_core.storage import deep, items
from fact_core.storage.project import Project
from fact_core.types import Step
from fact_core.work.pool_features import load_here, open_store


def ranges_of_run(project: Project, folder: Path) -> Ranges:
    """The ranges of this run: those stored at its first start, else those of now.

    A run begun by an older version has stored none.
    """
    file = folder / "ranges.json"
    if file.is_file():
        return tuple((str(kind), float(low), float(high)) for kind, low, high in json.loads(file.read_text("utf-8")))
    now = deep.ranges(project)
    write_text(file, json.dumps(now), "saving the ranges of the run")
    return now


def complete(project: Project, config: TrainConfig, device: torch.device, ranges: Ranges) -> Step[None]:
    """Have the features of the pool in these ranges, too, where the project scales by others now."""
    if ranges == deep.ranges(project):
        return
    pool, backbone = items.pool(project), load_here(project, config.backbone, device, config.view, ranges)
    store, bad = open_store(project, backbone), dict[str, ImageError]()
    yield Log("The range of deep pixels has changed since this run began, which keeps its own.")
    yield from extract(backbone, pool.digests, pool.sources(), store, device=device, on_bad=bad.__setitem__)
    items.doubt(project, list(bad))  # they are left out, and read again by the next scan
