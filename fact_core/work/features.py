"""The run that computes the features of the pool."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

from PIL import Image

from fact_core.backbones import Backbone
from fact_core.config import FeaturesConfig
from fact_core.errors import ImageChanged, ImageError, InputError
from fact_core.events import Log
from fact_core.features.extract import Extracted, extract
from fact_core.features.umap_map import pca2
from fact_core.images.decode import thumbnail
from fact_core.storage import deep, items
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.storage.thumbs import Thumbs
from fact_core.types import Pool, Step
from fact_core.work.kind import Kind, Needed, Wanted
from fact_core.work.map_files import save_map
from fact_core.work.pool_features import load_here, needs_pool, open_store, with_features
from fact_core.work.scan import scan
from fact_core.work.where import Where, devices_of

THUMBS_AT_ONCE = 64
TRIES = 4  # passes over the pool, where files change while the run goes on


def needs(project: Project, run: Run, config: FeaturesConfig) -> list[Needed]:
    """Images."""
    return needs_pool(project)


def run(project: Project, run: Run, config: FeaturesConfig) -> Step[dict[str, Any]]:
    """Compute what is missing of the pool's features, thumbnails in the same pass.

    Files that are not what the scan saw are scanned again, and then taken as they are now.
    """
    where = yield from devices_of(project, run, config.device)
    yield Log(f"features by {config.backbone} on {where.told}")
    backbone, done = load_here(project, config.backbone, where.device, config.view), Extracted(0, 0.0, 0.0)
    for _ in range(TRIES):
        pool, store, bad = items.pool(project), open_store(project, backbone), dict[str, ImageError]()
        more = yield from _extract(project, pool, store, backbone, config.batch, where, bad)
        done = _together(done, more)
        changed = [digest for digest, error in bad.items() if isinstance(error, ImageChanged)]
        if not changed:
            break
        yield Log(f"{len(changed)} files have changed since the scan: they are scanned again.", "warning")
        items.doubt(project, changed)
        yield from scan(project)
        backbone.preprocess = replace(backbone.preprocess, ranges=deep.ranges(project))
    view = backbone.preprocess.view
    names = dict(zip(pool.digests, pool.paths, strict=True))
    for digest, error in bad.items():
        yield Log(f"{names[digest]}: {error} Left out.", "warning")
    _draw_pca(project, pool, store)
    about = {"images": len(pool), "bad": len(bad), "bad_digests": sorted(bad), "key": store.folder.name, "view": view}
    return {**dataclasses.asdict(done), **about}


def _extract(
    project: Project,
    pool: Pool,
    store: FeatureStore,
    backbone: Backbone,
    batch: int,
    where: Where,
    bad: dict[str, ImageError],
) -> Step[Extracted]:
    """The missing features and thumbnails of the pool; what cannot be read goes to ``bad``, by digest."""
    thumbs, waiting = Thumbs(project), list[tuple[str, bytes]]()
    thumbs.drop_older()
    keys = {digest: digest + looks for digest, looks in deep.looks(project).items()}

    def keep(digest: str, image: Image.Image) -> None:
        waiting.append((keys.get(digest, digest), thumbnail(image)))
        if len(waiting) >= THUMBS_AT_ONCE:
            thumbs.put_many(waiting)
            waiting.clear()

    done = yield from extract(
        backbone,
        pool.digests,
        pool.sources(),
        store,
        device=where.device,
        others=where.others,
        batch=batch,
        on_image=keep,
        on_bad=bad.__setitem__,
    )
    thumbs.put_many(waiting)
    return done


def _together(one: Extracted, more: Extracted) -> Extracted:
    """Two passes as one; the bad ones are those of the last."""
    n_new, seconds = one.n_new + more.n_new, one.seconds + more.seconds
    return replace(more, n_new=n_new, seconds=seconds, images_per_s=n_new / seconds if seconds > 0 else 0.0)


def then(project: Project, run: Run) -> list[Wanted]:
    """The map, and the odd images, by the same backbone."""
    map, options = wanted_map(run)
    return [(map, options), ("odd", options)]


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
