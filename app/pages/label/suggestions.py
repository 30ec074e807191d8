"""Suggestions for the Label page: learned from the labels of the moment, kept until a label or the pool changes."""

from __future__ import annotations

import numpy as np

from app.routes import binary
from app.shell.server import Opened
from fact_core.analysis.suggest import suggest
from fact_core.labeling import classes, labels_now
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


def packed(held: Opened) -> bytes:
    """Header {n, classes, labels, why}; columns: ids i32[n], class u16[n], confidence u8[n].

    classes: ids, the u16 is a place among them; labels: learned from; why: "" or what is missing ("features",
    "labels"). The labels of check images teach nothing.
    """
    project = held.project
    learned = labels_now.snapshot(project, "pick")
    listed = [each.id for each in classes.classes(project)]
    known = features_of(held)
    if known is None:
        return binary.packed({"n": 0, "classes": listed, "labels": 0, "why": "features"})
    ids, x = known
    place = np.searchsorted(ids, learned.ids)
    place[place == len(ids)] = 0
    here = ids[place] == learned.ids if len(ids) else np.zeros(0, dtype=bool)
    found = suggest(x, place[here], learned.y[here])
    if found is None:
        return binary.packed({"n": 0, "classes": listed, "labels": int(here.sum()), "why": "labels"})
    columns = ids.astype("<i4"), found.y.astype("<u2"), binary.sure(found.confidence)
    return binary.packed({"n": len(ids), "classes": listed, "labels": found.labels, "why": ""}, *columns)


def features_of(held: Opened) -> tuple[IntArray, FloatArray] | None:
    """(ids ascending (N,), features (N, P) along their main directions), kept while pool and features stay."""
    run = _newest(held.project)
    if run is None:
        return None
    stamp = (run.id, items.counts(held.project).pool)
    kept = held.cache.get("suggest")
    if kept is None or kept[0] != stamp:
        pool = items.pool(held.project)
        store = FeatureStore(held.project.features_folder(str(run.result["key"])))
        missing = set(store.missing(pool.digests))
        rows = [row for row in range(len(pool)) if pool.digests[row] not in missing]
        rows.sort(key=lambda row: int(pool.ids[row]))
        if not rows:
            return None
        kept = (stamp, (pool.ids[rows], store.projected([pool.digests[row] for row in rows])))
        held.cache["suggest"] = kept
    found: tuple[IntArray, FloatArray] = kept[1]
    return found


def _newest(project: Project) -> run_queue.Run | None:
    """The newest finished run that computed features that are still there."""
    for run in run_queue.list_runs(project, "features"):
        key = str(run.result.get("key") or "")
        if run.status == "done" and key and (project.features_folder(key) / "x.f32").is_file():
            return run
    return None
