"""The features of the pool, for what the page works out by itself: suggestions, groups, what looks alike."""

from __future__ import annotations

from app.routes import kept_answers
from app.shell.server import Opened
from fact_core.storage import items, run_queue
from fact_core.storage.excluded import excluded
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


def features_of(held: Opened) -> tuple[IntArray, FloatArray] | None:
    """(ids ascending (N,), features (N, P) along their main directions), kept while pool and features stay."""
    run = newest_features(held.project)
    if run is None:
        return None
    # Not by how many there are: a scan may find other bytes under a name, or as many new images as are gone.
    stamp = (run.id, kept_answers.digests_of(held).stamp, len(kept_answers.pool_ids_of(held)), excluded(held.project))
    return held.once("suggest", stamp, lambda: _projected(held.project, str(run.result["key"])))


def _projected(project: Project, key: str) -> tuple[IntArray, FloatArray] | None:
    pool, store = items.pool(project), FeatureStore(project.features_folder(key))
    missing = set(store.missing(pool.digests))
    rows = [row for row in range(len(pool)) if pool.digests[row] not in missing]
    rows.sort(key=lambda row: int(pool.ids[row]))
    return (pool.ids[rows], store.projected([pool.digests[row] for row in rows])) if rows else None


def whole_features_of(held: Opened) -> FloatArray | None:
    """The features (N, D) of the whole pool as the backbone gave them, row by row; None where an image has none."""
    run, pool = newest_features(held.project), items.pool(held.project)
    if run is None:
        return None
    store = FeatureStore(held.project.features_folder(str(run.result["key"])))
    return None if store.missing(pool.digests) else store.gather(pool.digests)


def newest_features(project: Project) -> run_queue.Run | None:
    """The newest finished run that computed features that are still there."""
    for run in run_queue.list_runs(project, "features"):
        key = str(run.result.get("key") or "")
        if run.status == "done" and key and (project.features_folder(key) / "x.f32").is_file():
            return run
    return None
