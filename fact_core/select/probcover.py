"""ProbCover (Yehuda et al., NeurIPS 2022): as much of the pool as possible within a radius of a chosen image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.select.clusters import kmeans
from fact_core.select.greedy import greedy, kernel_of
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.types import FloatArray, IntArray, Step

#: Share of the balls that should hold one kind of image only, and how many kinds to expect while no label tells.
PURE, CLASSES = 0.95, 10
#: A radius below this would not even cover the copies of an image.
LEAST = 1e-3


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    delta: float = 0.0,
    classes: int = 0,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D], each the one with the most rows within ``delta`` that no other covers yet.

    delta 0: the largest radius at which ``PURE`` of all balls are pure, with the clusters of k-means for the
    classes (as many as ``classes``, else as the labels have, else ``CLASSES``). Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    if delta <= 0:
        told = 0 if labeled_y is None else len(np.unique(labeled_y))
        kinds = min(classes or (told if told >= 2 else CLASSES), len(x))
        _, cluster = yield from kmeans(pool, kinds, rng)
        delta = radius(pool, cluster)
    # cos > 1 - delta^2 / 2 is |x - y| < delta; an image always covers itself
    kernel = yield from kernel_of(pool, lambda cos: (cos > 1 - delta**2 / 2).float(), "probcover")
    kernel.fill_diagonal_(1.0)
    count, weight = budget + spare(budget, len(free)), torch.ones(len(x), device=device)
    order = yield from greedy(kernel, free, count, "probcover", labeled_rows, weight)
    return Picks(order[:budget], order[budget:], {"delta": round(delta, 4)})


def radius(pool: Tensor, cluster: Tensor) -> float:
    """The largest delta at which ``PURE`` of the balls around unit rows [N,C] hold rows of one cluster (N,) only.

    A ball is pure up to the distance of the nearest row of another cluster: delta is a quantile of those.
    """
    found = []
    rows = max(1, (1 << 24) // len(pool))
    for block, own in zip(pool.split(rows), cluster.split(rows), strict=True):
        cos = (block @ pool.T).masked_fill_(own[:, None] == cluster[None], -1.0)
        found.append((2 - 2 * cos.amax(1)).clamp_min(0).sqrt())
    return max(float(np.quantile(torch.cat(found).cpu().numpy(), 1 - PURE)), LEAST)
