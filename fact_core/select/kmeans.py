"""k-means: the image nearest to the middle of each cluster, the largest cluster first."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from fact_core.select.clusters import kmeans
from fact_core.select.nearest import nearest_free
from fact_core.select.picks import Picks, candidates, spare, unit
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

    Clusters without a labeled image come first, larger ones before smaller ones. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    k = budget + len(labeled_rows)
    centres, cluster = yield from kmeans(pool, k, rng)
    member = cluster.cpu().numpy()
    size = np.bincount(member, minlength=k).astype(np.float64)
    known = np.bincount(member[labeled_rows], minlength=k) > 0
    order = np.lexsort((np.arange(k), -size, known))[:budget]
    weight = np.arange(budget, 0, -1, dtype=np.float64)  # in this order
    u = normalize(centres[torch.from_numpy(order).to(device)], dim=1)
    # Of unit rows the one nearest to a centre is the one most similar to it.
    rows, more = yield from nearest_free(pool, u, weight, free, spare(budget, len(free)))
    return Picks(rows, more, {"smallest_cluster": int(size[order].min())})
