"""The run that lays the pool out in the plane."""

from __future__ import annotations

import time
from typing import Any

from fact_core.config import MapConfig
from fact_core.features.umap_map import map_key, umap_map
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step
from fact_core.work.kind import Kind, Needed
from fact_core.work.map_files import map_file, save_map
from fact_core.work.pool_features import needs_features, pool_features

DEVICE = "auto"  # the map has no device of its own


def needs(project: Project, run: Run, config: MapConfig) -> list[Needed]:
    """The features of the pool."""
    return needs_features(project, config.backbone, DEVICE)


def run(project: Project, run: Run, config: MapConfig) -> Step[dict[str, Any]]:
    """Lay the pool out in the plane by UMAP; nothing is computed when that map is there already."""
    started = time.monotonic()
    pool, x, key = pool_features(project, config.backbone, DEVICE)
    name = map_key(key, pool.ids, pool.digests, config.neighbors, config.min_dist, config.seed)
    if not map_file(project, name).is_file():
        xy = yield from umap_map(x, config.neighbors, config.min_dist, config.seed)
        save_map(project, name, pool.ids, xy)
    return {"key": name, "kind": "umap", "n": len(pool), "seconds": time.monotonic() - started}


KIND = Kind(run, needs)
