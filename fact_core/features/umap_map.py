"""The two-dimensional picture of a pool: PCA at once, UMAP when it is ready."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from fact_core.analysis.neighbors import Rows, nearest
from fact_core.compute import device
from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.features import compiled_umap
from fact_core.types import FloatArray, IntArray, Step

#: Raised by one whenever the same features would give another map.
VERSION = 2
#: Fewer images than this have no neighbourhood worth the name.
UMAP_MIN = 15
#: UMAP sees this many principal components.
UMAP_DIMS = 50
#: UMAP draws at most so many images itself, and puts others among so many of their nearest.
UMAP_MOST, AMONG = 200_000, 8
#: Rows that are turned to float64 at once.
PART = 20_000


def pca2(x: FloatArray) -> FloatArray:
    """[N,D] -> [N,2] in the unit square: the two directions of largest spread. InputError for NaN."""
    return _fill_square(_principal(_checked(x), 2))


def umap_map(x: FloatArray, neighbors: int = 15, min_dist: float = 0.1, seed: int = 0) -> Step[FloatArray]:
    """[N,D] -> [N,2] in the unit square by UMAP, turned to lie like the PCA picture.

    The nearest neighbours are exact, in the space of ``UMAP_DIMS`` principal components. Above ``UMAP_MOST`` images
    UMAP draws a random part and each other image is put among its nearest ones there.
    Below ``UMAP_MIN`` images, or when UMAP fails, the PCA picture comes back and a Log says so.
    With a CUDA GPU and cuML (``pip install cuml-cu12``, not one of the requirements) the GPU draws it, from its own
    neighbours. Closing this step stops it within an epoch (not on the GPU, where it takes seconds).
    The same seed gives the same map on the same device. InputError for NaN.
    """
    picture = pca2(x)
    if len(x) < UMAP_MIN:
        yield Log(f"A map of {len(x)} images is drawn by PCA; UMAP needs {UMAP_MIN}.")
        return picture
    rows = _principal(x, UMAP_DIMS)
    drawn = np.arange(len(x))
    if len(x) > UMAP_MOST:
        drawn = np.sort(np.random.default_rng(seed).choice(len(x), UMAP_MOST, replace=False))
        yield Log(f"UMAP draws {UMAP_MOST:,} of {len(x):,} images; the others are put among their nearest ones.")
    found = yield from _by_umap(rows[drawn], min(neighbors, len(drawn) - 1), min_dist, seed)
    if isinstance(found, Exception):
        yield Log(f"UMAP could not draw the map ({found}); it is drawn by PCA.", "warning")
        return picture
    if len(drawn) < len(x):
        found = yield from _spread_out(rows, drawn, found)
    return _like(_fill_square(found), picture)


def _by_umap(x: FloatArray, neighbors: int, min_dist: float, seed: int) -> Step[FloatArray | Exception]:
    """What UMAP draws, [N,2], or what is wrong with it."""
    if on_gpu():
        options = {"n_neighbors": neighbors, "min_dist": min_dist, "random_state": seed, "output_type": "numpy"}
        found = _finite((yield from _in_thread(lambda hook: _cuml(x, options))))
        if not isinstance(found, Exception):
            return found
        yield Log(f"cuML could not draw the map ({found}); the processor draws it.", "warning")
    near = yield from nearest(x, neighbors)
    return _finite((yield from _in_thread(lambda hook: _umap(x, near, min_dist, seed, hook))))


def on_gpu() -> bool:
    """Whether there is a CUDA GPU and a library that draws a UMAP on it."""
    return find_spec("cuml") is not None and device.device_named("auto").type == "cuda"


def _cuml(x: FloatArray, options: dict[str, Any]) -> FloatArray:
    manifold = import_module("cuml.manifold")
    return np.asarray(manifold.UMAP(**options).fit_transform(x), dtype=np.float32)


def _finite(found: FloatArray | Exception) -> FloatArray | Exception:
    if isinstance(found, Exception) or np.isfinite(found).all():
        return found
    return ValueError("its coordinates are not numbers")


def _in_thread(work: Callable[[_Hook], FloatArray]) -> Step[FloatArray | Exception]:
    """What ``work`` gives, or what it raised; meanwhile its progress. Closing ends the work at its next epoch."""
    found: list[FloatArray | Exception] = []
    hook = _Hook()

    def run() -> None:
        try:
            found.append(work(hook))
        except Exception as error:  # whatever numba or a solver raises: the map is an extra
            found.append(error)

    thread = threading.Thread(target=run, name="umap", daemon=True)
    start = time.monotonic()
    thread.start()
    try:
        while thread.is_alive():
            spent, (done, total) = time.monotonic() - start, hook.seen
            if done:  # what came before the first epoch (compiling, the graph) is not part of the rate
                rate = done / max(time.monotonic() - hook.began, 1e-9)
                yield Progress("umap", done, total, "epochs", rate, (total - done) / rate)
            else:
                yield Progress("umap", int(spent), 0, "seconds")
            thread.join(0.5)
    finally:
        hook.stopped = True
    return found[0]


class _Hook:
    """A text file for tqdm's progress bar: remembers how far it is, and ends the work when it is told to stop."""

    def __init__(self) -> None:
        self.seen, self.began, self.stopped = (0, 0), 0.0, False

    def write(self, text: str) -> int:
        if self.stopped:
            raise _Stopped("stopped")
        counted = re.search(r"(\d+)/(\d+)", text)
        if counted:
            self.began = self.began or time.monotonic()
            self.seen = (int(counted[1]), int(counted[2]))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


class _Stopped(Exception):
    """Ends UMAP from within its progress bar."""


def _spread_out(rows: FloatArray, drawn: IntArray, xy: FloatArray) -> Step[FloatArray]:
    """[N,2]: drawn images where they are, each other one at the mean of its nearest drawn ones, nearer ones more."""
    others = np.setdiff1d(np.arange(len(rows)), drawn)
    near, far = yield from nearest(rows[others], AMONG, rows[drawn])
    weight = 1 / (far + far.mean(1, keepdims=True) + 1e-12)
    out = np.empty((len(rows), 2), dtype=np.float32)
    out[drawn] = xy
    out[others] = (xy[near] * (weight / weight.sum(1, keepdims=True))[..., None]).sum(1)
    return out


def map_key(
    features_key: str, ids: IntArray, digests: Sequence[str], neighbors: int, min_dist: float, seed: int
) -> str:
    """A file name for a UMAP map: everything it depends on, the images' bytes by their digests among it."""
    whole = hashlib.sha256(json.dumps([VERSION, features_key, neighbors, min_dist, seed]).encode())
    whole.update(np.ascontiguousarray(ids, dtype="<i8").tobytes())
    whole.update("".join(digests).encode())
    return f"umap-{whole.hexdigest()[:16]}"


def _umap(x: FloatArray, near: tuple[Rows, FloatArray], min_dist: float, seed: int, hook: _Hook) -> FloatArray:
    start = x[:, :2] / max(float(np.abs(x[:, 0]).max()), 1e-12) * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        umap = compiled_umap.load()  # says on import what it could do with other packages
        model = umap.UMAP(
            n_neighbors=near[0].shape[1],
            min_dist=min_dist,
            init=start.astype(np.float32),
            random_state=seed,
            n_jobs=1,  # the same seed gives the same map only in one thread
            precomputed_knn=near,
            tqdm_kwds={"disable": False, "file": hook, "mininterval": 0.2, "ascii": True},
        )
        try:
            return np.asarray(model.fit_transform(x), dtype=np.float32)
        except _Stopped:
            _give_back()
            raise


def _give_back() -> None:
    """Release tqdm's lock: it keeps it where writing its bar raises, and the next map would wait for it for ever."""
    from tqdm import tqdm

    with contextlib.suppress(RuntimeError, AssertionError):  # it was not kept
        tqdm.get_lock().release()


def _checked(x: FloatArray) -> FloatArray:
    if x.ndim != 2 or len(x) == 0:
        raise InputError("There are no features to draw a map of", f"an array of shape {x.shape}")
    if not np.isfinite(x).all():
        raise InputError("Some features are not numbers", do="Compute the features again.")
    return x


def _principal(x: FloatArray, dims: int) -> FloatArray:
    """Scores on the first ``dims`` principal components [N,dims], padded with zeros; signs are fixed."""
    mean = x.mean(0, dtype=np.float64)
    products = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), PART):  # in parts: a million rows in float64 would not fit
        centred = x[start : start + PART] - mean
        products += centred.T @ centred
    values, vectors = np.linalg.eigh(products)
    top = vectors[:, np.argsort(-values, kind="stable")[:dims]]
    top = top * np.where(top[np.abs(top).argmax(0), np.arange(top.shape[1])] < 0, -1.0, 1.0)
    scores = np.zeros((len(x), dims), dtype=np.float32)
    for start in range(0, len(x), PART):
        scores[start : start + PART, : top.shape[1]] = (x[start : start + PART] - mean) @ top
    return scores


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
