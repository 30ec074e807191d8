"""k-means on unit rows, in blocks, step by step."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.types import IntArray, Step

#: Rounds at most, and the share of rows below which it counts as settled when they change their cluster.
ROUNDS, SETTLED = 50, 1e-3
#: Rows from which k-means++ draws its starts, and how many of them a centroid at least.
START_ROWS, START_EACH = 20_000, 4


def kmeans(pool: Tensor, k: int, rng: np.random.Generator, rounds: int = ROUNDS) -> Step[tuple[Tensor, Tensor]]:
    """(centres [k,C], cluster (N,)) of the rows pool [N,C] by Lloyd's rounds from a k-means++ start; k <= N.

    A cluster that loses all its rows takes the row that is farthest from its centre.
    """
    some = max(START_ROWS, START_EACH * k)
    rows = np.arange(len(pool)) if len(pool) <= some else np.sort(rng.choice(len(pool), some, replace=False))
    begun = yield from far_apart(pool[_index(rows, pool)], rows, pool[:0], k, rng)
    centres, cluster, began = pool[_index(begun, pool)].clone(), torch.full((len(pool),), -1), time.monotonic()
    cluster = cluster.to(pool.device)
    for number in range(rounds):
        now, gap = _nearest_centre(pool, centres)
        changed = float((now != cluster).float().mean())
        cluster = now
        count = torch.bincount(cluster, minlength=k)
        for empty in torch.nonzero(count == 0)[:, 0].tolist():
            far = int(gap.argmax())
            gap[far], cluster[far] = -1.0, empty
        centres = _means(pool, cluster, k)
        rate = (number + 1) / max(time.monotonic() - began, 1e-9)
        yield Progress("k-means", number + 1, rounds, "rounds", rate, (rounds - number - 1) / rate)
        if changed < SETTLED:
            break
    return centres, cluster


def far_apart(seen: Tensor, rows: IntArray, fixed: Tensor, count: int, rng: np.random.Generator) -> Step[IntArray]:
    """k-means++ (Arthur and Vassilvitskii, 2007): each next row with a chance by its squared distance to the nearest.

    seen [S,C] are the unit rows numbered ``rows`` (S,); rows ``fixed`` [L,C] are there already. Squared distance of
    unit rows: 2 - 2 cos.
    """
    gap = torch.full((len(seen),), 2.0, device=seen.device)
    if len(fixed):
        gap = (1 - torch.cat([(block @ fixed.T).amax(1) for block in seen.split(_rows(seen, len(fixed)))])).clamp_min(0)
    chosen: list[int] = []
    for number in range(count):
        chance = gap.double().cpu().numpy()
        chance[chosen] = 0.0
        if chance.sum() <= 0:  # only copies of what is chosen are left
            chance = np.ones(len(rows))
            chance[chosen] = 0.0
        row = int(rng.choice(len(rows), p=chance / chance.sum()))
        chosen.append(row)
        gap = torch.minimum(gap, (1 - seen @ seen[row]).clamp_min(0))
        if number % 64 == 63:
            yield Progress("first centroids", number + 1, count, "centroids")
    return rows[np.array(chosen, dtype=np.int64)]


def _nearest_centre(pool: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """(cluster (N,), squared distance (N,)) by |x|^2 - 2xc + |c|^2."""
    half = (centres**2).sum(1) / 2
    found = [(block @ centres.T - half).max(dim=1) for block in pool.split(_rows(pool, len(centres)))]
    closeness = torch.cat([each.values for each in found])
    return torch.cat([each.indices for each in found]), (pool**2).sum(1) - 2 * closeness


def _means(pool: Tensor, cluster: Tensor, k: int) -> Tensor:
    sums = pool.new_zeros(k, pool.shape[1]).index_put_((cluster,), pool, accumulate=True)  # in a fixed order
    return sums / torch.bincount(cluster, minlength=k).clamp_min(1)[:, None]


def _rows(pool: Tensor, columns: int) -> int:
    return max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // columns)


def _index(rows: IntArray, pool: Tensor) -> Tensor:
    return torch.from_numpy(rows).to(pool.device)
