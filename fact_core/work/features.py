"""The run that computes the features of the pool."""

from __future__ import annotations

import dataclasses
from typing import Any

from PIL import Image

from fact_core.compute.device import describe
from fact_core.config import FeaturesConfig
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.features.extract import extract
from fact_core.features.umap_map import pca2
from fact_core.images.decode import thumbnail
from fact_core.storage import items
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.storage.thumbs import Thumbs
from fact_core.types import Pool, Step
from fact_core.work.kind import Kind, Needed, Wanted
from fact_core.work.map_files import save_map
from fact_core.work.pool_features import load_here, needs_pool, open_store, with_features
from fact_core.work.where import device_of

THUMBS_AT_ONCE = 64


def needs(project: Project, run: Run, config: FeaturesConfig) -> list[Needed]:
    """Images."""
    return needs_pool(project)


def run(project: Project, run: Run, config: FeaturesConfig) -> Step[dict[str, Any]]:
    """Compute what is missing of the pool's features, thumbnails in the same pass."""
    device = yield from device_of(project, run, config.device)
    yield Log(f"features by {config.backbone} on {describe(device)}")
    backbone = load_here(project, config.backbone, device)
    pool = items.pool(project)
    store = open_store(project, backbone)
    waiting: list[tuple[str, bytes]] = []
    thumbs = Thumbs(project)

    def keep(digest: str, image: Image.Image) -> None:
        waiting.append((digest, thumbnail(image)))
        if len(waiting) >= THUMBS_AT_ONCE:
            thumbs.put_many(waiting)
            waiting.clear()

    bad: list[tuple[str, str]] = []
    done = yield from extract(
        backbone,
        pool.digests,
        [pool.file(row) for row in range(len(pool))],
        store,
        device=device,
        batch=config.batch,
        on_image=keep,
        on_bad=lambda path, error: bad.append((str(path), str(error))),
    )
    thumbs.put_many(waiting)
    for path, reason in bad:
        yield Log(f"{path}: {reason} Left out.", "warning")
    _draw_pca(project, pool, store)
    return {**dataclasses.asdict(done), "images": len(pool), "bad": len(bad), "key": store.folder.name}


def then(project: Project, run: Run) -> list[Wanted]:
    """The map, by the same backbone."""
    return [wanted_map(run)]


def wanted_map(run: Run) -> Wanted:
    """The map by the backbone of a run; by the usual one where the run names none."""
    backbone = run.config.get("backbone")
    return "map", {"backbone": backbone} if backbone else {}


def _draw_pca(project: Project, pool: Pool, store: FeatureStore) -> None:
    """The quick picture that shows until UMAP is ready; it has the name of the features."""
    pool = with_features(pool, store)
    if not len(pool):
        raise InputError("No image of the pool could be read", str(project.images), "Scan the folder again.")
    save_map(project, store.folder.name, pool.ids, pca2(store.projected(pool.digests)))


KIND = Kind(run, needs, then=then)
