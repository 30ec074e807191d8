"""Handlers of the runs about the pool: features, map. (Selections: kinds_select.py.)"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from PIL import Image

from fact_core.backbones import Backbone, load, pixels_for
from fact_core.compute.device import choose, describe
from fact_core.config import FeaturesConfig, MapConfig
from fact_core.errors import InputError, storage_error
from fact_core.events import Log
from fact_core.features.extract import extract, features_key
from fact_core.features.umap_map import map_key, pca2, umap_map
from fact_core.images.decode import thumbnail
from fact_core.pretrained.weights import locate
from fact_core.storage import items as scanning
from fact_core.storage import run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.thumbs import Thumbs
from fact_core.types import FloatArray, IntArray, Pool, Step

THUMBS_AT_ONCE = 64


def features(project: Project, run: run_queue.Run, config: FeaturesConfig) -> Step[dict[str, Any]]:
    """Compute what is missing of the pool's features, thumbnails in the same pass."""
    device = choose(config.device)
    run_queue.note(project, run.id, device=describe(device))
    yield Log(f"features by {config.backbone} on {describe(device)}")
    backbone = load_here(config.backbone, device)
    pool = scanning.pool(project)
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


def draw_map(project: Project, run: run_queue.Run, config: MapConfig) -> Step[dict[str, Any]]:
    """Lay the pool out in the plane by UMAP; nothing is computed when that map is there already."""
    started = time.monotonic()
    pool, x, key = pool_features(project, config.backbone, "auto")
    name = map_key(key, pool.ids, config.neighbors, config.min_dist, config.seed)
    if not (project.cache / "maps" / f"{name}.npy").is_file():
        xy = yield from umap_map(x, config.neighbors, config.min_dist, config.seed)
        _save_map(project, name, pool.ids, xy)
    return {"key": name, "kind": "umap", "n": len(pool), "seconds": time.monotonic() - started}


def has_features(project: Project, backbone: str, device: str) -> bool:
    """Whether the features of the whole pool are stored."""
    net = load_here(backbone, choose(device))
    wanted = set(scanning.pool(project).digests)
    # What could not be decoded when the features were made is no reason to try for ever.
    done = [run for run in run_queue.list_runs(project, "features") if run.status == "done" and _of(run, backbone)]
    gone = int(done[0].result.get("bad", 0)) if done else 0
    return len(open_store(project, net).missing(sorted(wanted))) <= gone


def _of(run: run_queue.Run, backbone: str) -> bool:
    return bool(run.config.get("backbone", FeaturesConfig().backbone) == backbone)


def load_here(name: str, device: torch.device) -> Backbone:
    """The backbone for that device. WeightsError when its weights are not here: only a person starts a download."""
    locate(name)
    return load(name, pixels=pixels_for(name, device))


def open_store(project: Project, backbone: Backbone) -> FeatureStore:
    """The file of this backbone's features."""
    key = features_key(backbone)
    return FeatureStore.open(project.features_folder(key), backbone.dim, {"backbone": backbone.name})


def pool_features(project: Project, backbone: str, device: str) -> tuple[Pool, FloatArray, str]:
    """The pool, its features (N, D), and their key; images that have none are left out of the pool."""
    net = load_here(backbone, choose(device))
    store = open_store(project, net)
    pool = scanning.pool(project)
    missing = set(store.missing(pool.digests))
    keep = [row for row in range(len(pool)) if pool.digests[row] not in missing]
    if not keep:
        raise InputError("No image of the pool has features", str(project.images), "Scan the folder again.")
    if missing:
        pool = _part(pool, keep)
    return pool, store.gather(pool.digests), store.folder.name


def _part(pool: Pool, rows: list[int]) -> Pool:
    return Pool(
        pool.root, pool.ids[rows], tuple(pool.paths[row] for row in rows), tuple(pool.digests[row] for row in rows)
    )


def _draw_pca(project: Project, pool: Pool, store: FeatureStore) -> None:
    """The quick picture that shows until UMAP is ready; it has the name of the features."""
    missing = set(store.missing(pool.digests))
    rows = [row for row in range(len(pool)) if pool.digests[row] not in missing]
    if not rows:
        raise InputError("No image of the pool could be read", str(project.images), "Scan the folder again.")
    _save_map(project, store.folder.name, pool.ids[rows], pca2(store.projected([pool.digests[row] for row in rows])))


def _save_map(project: Project, key: str, ids: IntArray, xy: FloatArray) -> None:
    folder = project.cache / "maps"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in ((f"{key}.ids.npy", ids), (f"{key}.npy", xy)):
            staged = folder / f".{name}.new.npy"
            np.save(staged, array, allow_pickle=False)
            staged.replace(folder / name)
    except OSError as error:
        raise storage_error(error, "writing the map") from error
