"""k-means on unit rows, in blocks, step by step."""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.nn.functional import normalize

from fact_core.events import Progress
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.types import FloatArray, IntArray, Step

#: Rounds at most, and the share of rows below which it counts as settled when they change their cluster.
ROUNDS, SETTLED = 50, 1e-3
#: Of a larger pool the rounds see a random part, so many rows and so many for each cluster at least; then come
#: a few rounds over all rows. A round over a million rows takes a minute where there are 5,000 clusters.
PART, PART_EACH, WHOLE_ROUNDS = 100_000, 20, 2
#: Rows from which k-means++ draws its starts, and how many of them a centroid at least.
START_ROWS, START_EACH = 20_000, 4
#: Half of a squared distance of unit rows that is rounding in float32: the images are copies.
COPY = 1e-6


def unit_rows(x: FloatArray, device: str | torch.device) -> Tensor:
    """x [N,D] as rows of length 1 on the device; a row of zeros stays.

    By torch, which on a GPU spares a pass over the features on the CPU. ``analysis.rows.unit`` may differ from it in
    the last bit, so that a strategy that goes from one to the other may pick another of two images alike.
    """
    return normalize(torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device), dim=1)


def cluster_count(wanted: int, rows: int) -> int:
    """At least two rows to a cluster on average: smaller ones are single images and say nothing."""
    return max(1, min(wanted, rows // 2))


def kmeans(pool: Tensor, k: int, rng: np.random.Generator, rounds: int = ROUNDS) -> Step[tuple[Tensor, Tensor]]:
    """(centres [k,C], cluster (N,)) of the rows pool [N,C] by Lloyd's rounds from a k-means++ start; k <= N.

    Each centre is the mean of its cluster. A cluster that loses all its rows takes the row that is farthest from its
    centre, and stays empty where all rows are copies. 2 N k C operations a round; a pool above ``PART`` rows is
    seen in part before it is seen whole.
    """
    part = max(PART, PART_EACH * k)
    if len(pool) <= part:
        centres = yield from _starts(pool, k, rng)
        return (yield from _lloyd(pool, centres, rounds))
    some = pool[_index(np.sort(rng.choice(len(pool), part, replace=False)), pool)]
    centres = yield from _starts(some, k, rng)
    centres, _ = yield from _lloyd(some, centres, rounds)
    return (yield from _lloyd(pool, centres, WHOLE_ROUNDS))


def far_apart(
    seen: Tensor, rows: IntArray, fixed: Tensor, count: int, rng: np.random.Generator, tries: int = 1
) -> Step[IntArray]:
    """k-means++ (Arthur and Vassilvitskii, 2007): each next row with a chance by its squared distance to the nearest.

    seen [S,C] are the unit rows numbered ``rows`` (S,); rows ``fixed`` [L,C] are there already. Squared distance of
    unit rows: 2 - 2 cos. tries: so many rows are drawn each time, and the one that leaves the least is taken.
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
        drawn = rng.choice(len(rows), size=tries, p=chance / chance.sum())
        left = torch.minimum(gap[:, None], (1 - seen @ seen[_index(drawn, seen)].T).clamp_min(0))
        best = int(left.sum(0).argmin())
        chosen.append(int(drawn[best]))
        gap = left[:, best].contiguous()
        if number % 64 == 63:
            yield Progress("first centroids", number + 1, count, "centroids")
    return rows[np.array(chosen, dtype=np.int64)]


def nearest_centre(pool: Tensor, centres: Tensor, shown: Progress) -> Step[tuple[Tensor, Tensor]]:
    """(cluster (N,), half of the squared distance (N,) to its centre) by |x|^2 / 2 - xc + |c|^2 / 2.

    Ties: the lower centre. ``shown`` is yielded after each block of rows.
    """
    half, found = (centres**2).sum(1) / 2, []
    for block in pool.split(_rows(pool, max(centres.shape))):
        near = torch.addmm(half, block, centres.T, alpha=-1).min(dim=1)
        found.append((near.indices, near.values + (block**2).sum(1) / 2))
        yield shown
    return torch.cat([each[0] for each in found]), torch.cat([each[1] for each in found]).clamp_min(0)


def gaps(pool: Tensor, centres: Tensor, cluster: Tensor) -> FloatArray:
    """(N,) squared distance of each row to the centre of its cluster, without cancellation."""
    parts = zip(pool.split(_rows(pool, pool.shape[1])), cluster.split(_rows(pool, pool.shape[1])), strict=True)
    return torch.cat([((block - centres[each]) ** 2).sum(1) for block, each in parts]).cpu().numpy()


def _starts(pool: Tensor, k: int, rng: np.random.Generator) -> Step[Tensor]:
    """k rows [k,C] far apart, the best of 2 + log k draws each time as in scikit-learn."""
    some = max(START_ROWS, START_EACH * k)
    rows = np.arange(len(pool)) if len(pool) <= some else np.sort(rng.choice(len(pool), some, replace=False))
    begun = yield from far_apart(pool[_index(rows, pool)], rows, pool[:0], k, rng, 2 + int(np.log(k)))
    return pool[_index(begun, pool)].clone()


def _lloyd(pool: Tensor, centres: Tensor, rounds: int) -> Step[tuple[Tensor, Tensor]]:
    """(centres [k,C], cluster (N,)) after ``rounds`` rounds, or as soon as the clusters stay."""
    cluster, began = torch.full((len(pool),), -1, device=pool.device), time.monotonic()
    shown = Progress("k-means", 0, rounds, "rounds")
    for number in range(1, rounds + 1):
        now, gap = yield from nearest_centre(pool, centres, shown)
        _fill(now, gap, len(centres))
        changed = float((now != cluster).float().mean())
        cluster = now
        size = torch.bincount(cluster, minlength=len(centres))[:, None]
        centres = torch.where(size > 0, _sums(pool, cluster, len(centres)) / size.clamp_min(1), centres)
        rate = number / max(time.monotonic() - began, 1e-9)
        shown = Progress("k-means", number, rounds, "rounds", rate, (rounds - number) / rate)
        yield shown
        if changed < SETTLED:
            break
    return centres, cluster


def _fill(cluster: Tensor, gap: Tensor, k: int) -> None:
    """Give each empty cluster the row with the largest gap that is not alone in its cluster; in place."""
    size = torch.bincount(cluster, minlength=k)
    empty = torch.nonzero(size == 0)[:, 0].tolist()
    order = iter(gap.argsort(descending=True, stable=True).tolist() if empty else [])
    for each in empty:
        far = next((row for row in order if size[cluster[row]] > 1), None)
        if far is None or gap[far] <= COPY:
            return
        size[cluster[far]] -= 1
        cluster[far] = each


def _sums(pool: Tensor, cluster: Tensor, k: int) -> Tensor:
    """[k,C] sums of the rows of each cluster."""
    if pool.is_cuda:  # in a fixed order, which index_add has not
        return pool.new_zeros(k, pool.shape[1]).index_put_((cluster,), pool, accumulate=True)
    n = len(pool)  # on a CPU a sparse product is several times quicker
    member = scipy.sparse.csr_matrix((np.ones(n, np.float32), (cluster.numpy(), np.arange(n))), shape=(k, n))
    return torch.from_numpy(np.asarray(member @ pool.numpy()))


def _rows(pool: Tensor, columns: int) -> int:
    return max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // columns)


def _index(rows: IntArray, pool: Tensor) -> Tensor:
    return torch.from_numpy(rows).to(pool.device)
