"""Exact nearest neighbours of rows, block by block; numpy only."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from fact_core.events import Progress
from fact_core.types import FloatArray, IntArray, Step

Rows = npt.NDArray[np.int32]  # as UMAP wants them

#: Floats of a block of squared distances (16 MB): larger ones are no quicker.
BLOCK = 1 << 22
#: Columns that are looked at to guess how near the neighbours of a block's rows are, one in so many.
SAMPLED = 16


def nearest(x: FloatArray, k: int, among: FloatArray | None = None) -> Step[tuple[Rows, FloatArray]]:
    """(rows [N,k] int32, distances [N,k] float32) of the k nearest rows, nearest first, equal ones by number.

    x [N,D] float32. Without ``among`` a row is its own first neighbour, as UMAP wants it; with ``among`` [M,D] the
    neighbours are rows of that. k is at most M. Euclidean distances, computed as |a|^2 - 2ab + |b|^2 in float32.
    """
    base = x if among is None else among
    k = min(k, len(base))
    # One product gives |b|^2 - 2ab; |a|^2 does not change the order in a row and is added at the end.
    wide = np.concatenate([-2 * base, (base.astype(np.float32) ** 2).sum(1, keepdims=True)], axis=1).T
    rows = np.empty((len(x), k), dtype=np.int32)
    distances = np.empty((len(x), k), dtype=np.float32)
    step, began = max(1, BLOCK // len(base)), time.monotonic()
    for start in range(0, len(x), step):
        part = x[start : start + step]
        gap = np.concatenate([part, np.ones((len(part), 1), dtype=np.float32)], axis=1) @ wide
        if among is None:
            gap[np.arange(len(part)), np.arange(start, start + len(part))] = -np.inf
        found = _smallest(gap, k)
        rows[start : start + step] = found
        near = np.take_along_axis(gap, found, axis=1) + (part**2).sum(1, keepdims=True)
        distances[start : start + step] = np.sqrt(np.maximum(near, 0))
        done = min(start + step, len(x))
        rate = done / max(time.monotonic() - began, 1e-9)
        yield Progress("neighbours", done, len(x), "images", rate, (len(x) - done) / rate)
    return rows, distances


def _smallest(gap: FloatArray, k: int) -> IntArray:
    """[B,k] columns of the k smallest of each row of gap [B,M], in order; ties by the lower column.

    A limit for each row, guessed from a part of the columns, leaves few of them to sort.
    """
    rows, columns = gap.shape
    part = gap[:, ::SAMPLED]
    wanted = min(part.shape[1], 4 + 2 * k // SAMPLED + 2)
    if columns <= 64 * k or part.shape[1] <= wanted:
        return _sorted(gap, k)
    limit = np.partition(part, wanted - 1, axis=1)[:, wanted - 1 : wanted]
    close = gap <= limit
    counts = np.count_nonzero(close, axis=1)
    out = np.empty((rows, k), dtype=np.int64)
    few = np.flatnonzero(counts < k)
    if len(few):  # the guess was too low
        out[few] = _sorted(gap[few], k)
    many = np.flatnonzero(counts >= k)
    if len(many):
        # Flat, because numpy finds the places of a flat mask several times faster.
        at, column = np.divmod(np.flatnonzero(close[many] if len(few) else close), columns)
        value = gap[many[at], column]
        order = np.lexsort((column, value, at))
        first = np.concatenate([[0], np.cumsum(counts[many])[:-1]])
        out[many] = column[order][first[:, None] + np.arange(k)[None]]
    return out


def _sorted(gap: FloatArray, k: int) -> IntArray:
    found: IntArray = np.argsort(gap, axis=1, kind="stable")[:, :k]
    return found
