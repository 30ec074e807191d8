"""k-means: the image nearest to the middle of each cluster, the largest cluster first."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.select.clusters import cluster_count, gaps, kmeans, unit_rows
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D]: as many clusters of unit rows as there are picks and labeled images.

    Clusters without a labeled image come first, larger ones before smaller ones. There are at most
    N / 2 clusters. The next best are the second nearest rows, and so on. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = unit_rows(x, device)
    centres, cluster = yield from kmeans(pool, cluster_count(budget + len(labeled_rows), len(x)), rng)
    member, gap = cluster.cpu().numpy(), gaps(pool, centres, cluster)
    order = in_turn(member, gap, free, labeled_rows)
    count = budget + spare(budget, len(free))
    info = {"clusters": len(np.unique(member)), "mean_squared_distance": float(gap.mean())}
    return Picks(order[:budget], order[budget:count], info)


def in_turn(member: IntArray, gap: FloatArray, free: IntArray, labeled_rows: IntArray) -> IntArray:
    """All rows ``free``: the nearest of each cluster, the second nearest of each, and so on; larger clusters first.

    member (N,): the row's cluster, gap (N,): its distance to the middle. A labeled row counts as one turn of its
    cluster. Ties: the lower row, the lower cluster.
    """
    size = np.bincount(member)
    own = member[free]
    within = np.lexsort((gap[free], own))
    first = np.cumsum(np.bincount(own, minlength=len(size))) - np.bincount(own, minlength=len(size))
    turn = np.bincount(member[labeled_rows], minlength=len(size))[own]
    turn[within] += np.arange(len(free)) - first[own[within]]
    return free[np.lexsort((own, -size[own], turn))]
