"""The picture of the pool in two dimensions: which one there is now, and its points.

A UMAP of a done "map" run where there is one; until then the first two axes of the features' PCA.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fact_core import runs, scan
from fact_core.errors import FactError, InputError, StorageError, storage_error
from fact_core.project import Project
from fact_core.store import FeatureStore
from fact_core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Picture:
    """Which picture the map shows: ``key`` names what it was made from, ``run`` made it."""

    kind: Literal["pca", "umap"]
    key: str
    run: int


def current(project: Project, history: list[runs.Run] | None = None) -> Picture | None:
    """The best picture there is now, or None. ``history``: the project's runs, newest first, if known."""
    features = ""
    for run in history if history is not None else runs.list_runs(project):
        if run.status != "done" or not run.result.get("key"):
            continue
        key = str(run.result["key"])
        if run.kind == "map" and _file(project, key, ".npy").is_file():
            return Picture("pca" if run.result.get("kind") == "pca" else "umap", key, run.id)
        if run.kind == "features" and not features and project.features_folder(key).is_dir():
            features, made = key, run.id
    return Picture("pca", features, made) if features else None


def points(project: Project, picture: Picture) -> tuple[FloatArray, IntArray]:
    """(xy [n, 2], ids [n]) of a picture. StorageError when the cache was deleted meanwhile."""
    if _file(project, picture.key, ".npy").is_file():
        try:
            xy = np.load(_file(project, picture.key, ".npy"), allow_pickle=False)
            ids = np.load(_file(project, picture.key, ".ids.npy"), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StorageError("The map's file cannot be read", str(error)[:200], "Draw the map again.") from error
        if xy.shape != (len(ids), 2):
            raise StorageError("The map's file is damaged", f"{xy.shape}", "Draw the map again.")
        return xy.astype(np.float32, copy=False), ids.astype(np.int64, copy=False)
    return _from_features(project, picture.key)


def packed(picture: Picture, xy: FloatArray, ids: IntArray) -> bytes:
    """u32 length of the header, header as JSON, padded to 4 bytes; float32 xy[n * 2]; int32 ids[n]. Little-endian."""
    known = np.isfinite(xy).all(axis=1)
    xy, ids = xy[known], ids[known]
    head: dict[str, Any] = {"n": len(ids), "kind": picture.kind, "key": picture.key}
    text = json.dumps(head).encode()
    text += b" " * (-(4 + len(text)) % 4)
    return struct.pack("<I", len(text)) + text + xy.astype("<f4").tobytes() + ids.astype("<i4").tobytes()


def _file(project: Project, key: str, suffix: str) -> Any:
    return project.cache / "maps" / f"{key}{suffix}"


def _from_features(project: Project, key: str) -> tuple[FloatArray, IntArray]:
    folder = project.features_folder(key)
    if not folder.is_dir():
        raise InputError("There is no map yet", do="It appears when the features of the images are computed.")
    pool = scan.pool(project)
    try:
        store = FeatureStore(folder)
        missing = set(store.missing(list(pool.digests)))
        rows = [row for row, digest in enumerate(pool.digests) if digest not in missing]
        if not rows:
            return np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
        xy = store.projected([pool.digests[row] for row in rows])[:, :2]
    except FactError:
        raise
    except OSError as error:
        raise storage_error(error, "reading the features") from error
    if xy.shape[1] < 2:
        xy = np.pad(xy, ((0, 0), (0, 2 - xy.shape[1])))
    return np.asarray(xy, dtype=np.float32), pool.ids[np.array(rows)]
