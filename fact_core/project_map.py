"""The two-dimensional picture of a pool: PCA at once, UMAP when it is ready."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import warnings

import numpy as np

from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.types import FloatArray, IntArray, Step

#: Raised by one whenever the same features would give another map.
VERSION = 1
#: Fewer images than this have no neighbourhood worth the name.
UMAP_MIN = 15
#: UMAP sees this many principal components.
UMAP_DIMS = 50


def pca2(x: FloatArray) -> FloatArray:
    """[N,D] -> [N,2] in the unit square: the two directions of largest spread. InputError for NaN."""
    return _fill_square(_principal(_checked(x), 2))


def umap_map(x: FloatArray, neighbors: int = 15, min_dist: float = 0.1, seed: int = 0) -> Step[FloatArray]:
    """[N,D] -> [N,2] in the unit square by UMAP, turned to lie like the PCA picture.

    Below ``UMAP_MIN`` images, or when UMAP fails, the PCA picture comes back and a Log says so.
    It cannot be stopped inside; closing this step abandons the thread. InputError for NaN.
    """
    picture = pca2(x)
    if len(x) < UMAP_MIN:
        yield Log(f"A map of {len(x)} images is drawn by PCA; UMAP needs {UMAP_MIN}.")
        return picture
    found: list[FloatArray] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            found.append(_umap(_principal(x, UMAP_DIMS), neighbors, min_dist, seed))
        except Exception as error:  # whatever numba or a solver raises: the map is an extra
            failed.append(error)

    thread = threading.Thread(target=work, name="umap", daemon=True)
    start = time.monotonic()
    thread.start()
    while thread.is_alive():
        yield Progress("umap", int(time.monotonic() - start), 0, "seconds")
        thread.join(0.5)
    if failed or not np.isfinite(found[0]).all():
        reason = str(failed[0]) if failed else "its coordinates are not numbers"
        yield Log(f"UMAP could not draw the map ({reason}); it is drawn by PCA.", "warning")
        return picture
    return _like(_fill_square(found[0]), picture)


def map_key(features_key: str, ids: IntArray, neighbors: int, min_dist: float, seed: int) -> str:
    """A file name for a UMAP map: everything it depends on."""
    whole = hashlib.sha256(json.dumps([VERSION, features_key, neighbors, min_dist, seed]).encode())
    whole.update(np.ascontiguousarray(ids, dtype="<i8").tobytes())
    return f"umap-{whole.hexdigest()[:16]}"


def _umap(x: FloatArray, neighbors: int, min_dist: float, seed: int) -> FloatArray:
    import umap

    start = x[:, :2] / max(float(np.abs(x[:, 0]).max()), 1e-12) * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = umap.UMAP(
            n_neighbors=min(neighbors, len(x) - 1),
            min_dist=min_dist,
            init=start.astype(np.float32),
            random_state=seed,
            n_jobs=1,  # the same seed gives the same map only in one thread
        )
        return np.asarray(model.fit_transform(x), dtype=np.float32)


def _checked(x: FloatArray) -> FloatArray:
    if x.ndim != 2 or len(x) == 0:
        raise InputError("There are no features to draw a map of", f"an array of shape {x.shape}")
    if not np.isfinite(x).all():
        raise InputError("Some features are not numbers", do="Compute the features again.")
    return x


def _principal(x: FloatArray, dims: int) -> FloatArray:
    """Scores on the first ``dims`` principal components [N,dims], padded with zeros; signs are fixed."""
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    top = vectors[:, np.argsort(-values, kind="stable")[:dims]]
    top = top * np.where(top[np.abs(top).argmax(0), np.arange(top.shape[1])] < 0, -1.0, 1.0)
    scores = centred @ top
    if scores.shape[1] < dims:
        scores = np.pad(scores, ((0, 0), (0, dims - scores.shape[1])))
    return np.asarray(scores, dtype=np.float32)


def _fill_square(xy: FloatArray) -> FloatArray:
    """Turn the picture so that it needs the smallest square, and scale that to 0..1; proportions stay."""
    centred = xy.astype(np.float64) - xy.mean(0)

    def turned(degrees: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        a = np.deg2rad(degrees)
        return np.asarray(centred @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]))

    best = turned(min(range(90), key=lambda degrees: float(np.ptp(turned(degrees), axis=0).max())))
    side = max(float(np.ptp(best, axis=0).max()), 1e-12)
    middle = (best.max(0) + best.min(0)) / 2
    return np.asarray((best - middle) / side + 0.5, dtype=np.float32)


def _like(xy: FloatArray, reference: FloatArray) -> FloatArray:
    """The one of the eight turned and mirrored pictures that lies most like the reference."""
    around = xy - 0.5
    eight = [part * np.array(sign) for part in (around, around[:, ::-1]) for sign in _SIGNS]
    best = max(eight, key=lambda each: float((each * (reference - 0.5)).sum()))
    return np.asarray(best + 0.5, dtype=np.float32)


_SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
