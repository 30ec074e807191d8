"""From centroids to images: each centroid takes the most similar image that nobody has taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.types import FloatArray, IntArray, Step

#: Most similar rows that are remembered for each centroid.
TOP = 32
#: Floats of a block of centroids by rows (128 MB).
BLOCK = 1 << 25

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def nearest_free(
    pool: Tensor, u: Tensor, weight: FloatArray, free: IntArray, more: int
) -> Step[tuple[IntArray, IntArray]]:
    """(rows (K,), spares (more,)): images nearest to unit centroids u [K,C], heaviest cluster first.

    As in the authors' code each centroid in turn takes the most similar row of pool [N,C] that is
    free and not taken yet; ours then orders them by the ``weight`` (K,) of their clusters. The spares
    are the next ones, the heaviest clusters' first. Same result as a full sort of all N x K similarities.
    """
    taken = np.ones(len(pool), dtype=bool)
    taken[free] = False
    lists: list[IntArray] = []
    closed = torch.from_numpy(taken).to(pool.device)
    for block in u.split(max(1, BLOCK // len(pool))):
        lists.extend(_ranked(pool, block, closed))
        yield Progress("nearest images", len(lists), len(u), "centroids")
    rows = np.array([_take(pool, u[j], lists[j], taken) for j in range(len(u))], dtype=np.int64)
    order = np.argsort(-weight, kind="stable")
    spares = [_take(pool, u[j], lists[j], taken) for j in np.resize(order, more)]
    return rows[order], np.array(spares, dtype=np.int64)


def _ranked(pool: Tensor, u: Tensor, closed: Tensor) -> list[IntArray]:
    """For each centroid its TOP most similar rows, best first. closed (N,): rows that come last."""
    similarity = (u @ pool.T).masked_fill_(closed, -2.0)
    top = similarity.topk(min(TOP, len(pool)), dim=1).indices.cpu().numpy()
    return list(top.astype(np.int64))


def _take(pool: Tensor, u: Tensor, ranked: IntArray, taken: Mask) -> int:
    """The first row of the list that is not taken; marks it. When all are taken, all rows are looked at again."""
    left = ranked[~taken[ranked]]
    if len(left):
        row = int(left[0])
    else:
        similarity = (pool @ u).cpu().numpy()
        similarity[taken] = -np.inf
        row = int(similarity.argmax())
    taken[row] = True
    return row
