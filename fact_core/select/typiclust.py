"""TypiClust (Hacohen, Dekel and Weinshall, ICML 2022): the most typical image of each cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.analysis.neighbors import Rows, nearest
from fact_core.events import Progress
from fact_core.generators import map_events
from fact_core.select.clusters import cluster_count, kmeans, unit_rows
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step

#: As in the authors' code: clusters at most, smallest cluster that counts, neighbours.
MOST_CLUSTERS, SMALL, NEIGHBOURS = 500, 5, 20
#: Neighbours that are remembered beyond those, for when some of them are picked.
MORE_NEIGHBOURS = 20
#: A cluster above this is looked at through a random part: all distances within it would take minutes.
LARGE = 20_000
#: Picks between two signs of life.
QUIET = 64

Mask = np.ndarray[Any, np.dtype[np.bool_]]


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
    """Pick ``budget`` rows of x [N,D]: cluster the unit rows, go round the clusters with the fewest labels first.

    As many clusters as picks and labeled images, at most ``MOST_CLUSTERS`` and N / 2. Of each the most typical row is
    taken in turn, larger clusters first (``most_typical``); labeled and picked rows no longer
    count. Clusters of up to
    ``SMALL`` rows, or of half the mean size where that is less, come last. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool, count = unit_rows(x, device), budget + spare(budget, len(free))
    k = cluster_count(min(budget + len(labeled_rows), MOST_CLUSTERS), len(x))
    _, cluster = yield from kmeans(pool, k, rng)
    member, rows = cluster.cpu().numpy(), pool.cpu().numpy()
    size, known = np.bincount(member, minlength=k), np.bincount(member[labeled_rows], minlength=k)
    small = size <= min(SMALL, len(x) // (2 * k))
    order = np.lexsort((-size, known, small))
    own = np.split(
        free[np.argsort(member[free], kind="stable")], np.cumsum(np.bincount(member[free], minlength=k))[:-1]
    )
    asked = turns(np.array([len(own[each]) for each in order]), small[order], count)
    lists: list[IntArray] = []
    for place, each in enumerate(order):
        seen, shown = own[each], Progress("typiclust", place, k, "clusters")
        if len(seen) > LARGE:
            seen = np.sort(rng.choice(seen, min(len(seen), max(LARGE, 2 * asked[place])), replace=False))
        found = yield from most_typical(rows[seen], int(asked[place]), shown)
        lists.append(seen[found])
    turn = np.concatenate([np.arange(len(each)) for each in lists])
    own_place = np.repeat(np.arange(k), [len(each) for each in lists])
    picked = np.concatenate(lists)[np.lexsort((own_place, turn, small[order][own_place]))]
    return Picks(picked[:budget], picked[budget:count], {"clusters": int((size > 0).sum()), "small": int(small.sum())})


def turns(sizes: IntArray, small: Mask, count: int) -> IntArray:
    """How many rows to take of each cluster, going round until ``count`` are there; ``small`` ones only at the end."""
    asked = np.zeros_like(sizes)
    for part in (~small, small):
        rounds, left = 0, count - int(asked.sum())
        while asked[part].sum() < min(left, sizes[part].sum()):
            rounds += 1
            asked[part] = np.minimum(sizes[part], rounds)
    return asked


def most_typical(x: FloatArray, count: int, shown: Progress) -> Step[IntArray]:
    """``count`` of the unit rows x [n,C] of a cluster, each the most typical of those that are left then.

    Typicality: 1 / (mean distance to the k nearest that are left + 1e-5) with k = min(20, half of those left); the
    paper's, whose code squares the distances. Ties: the lower row. ``shown`` is yielded now and then. Each row's
    neighbours are looked up once, with some to spare, and again when too many of them are picked.
    """
    picked, left, k = list[int](), np.ones(len(x), dtype=bool), 0
    mean = np.zeros(len(x), dtype=np.float32)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    keep = 1 + NEIGHBOURS + min(count, MORE_NEIGHBOURS)
    near, gap = yield from map_events(nearest(x, keep), lambda event: shown)
    while len(picked) < count:
        now = min(NEIGHBOURS, int(left.sum()) // 2)
        stale = np.flatnonzero(left & (near == picked[-1]).any(1) if picked and now == k else left)
        k = now
        mean[stale], short = _means(near[stale], gap[stale], stale, left, k)
        if short.any():
            again, others = stale[short], np.flatnonzero(left)
            found, near_gap = yield from map_events(nearest(x[again], near.shape[1], x[others]), lambda event: shown)
            width = found.shape[1]
            near[again, :width], gap[again, :width] = others[found], near_gap
            near[again, width:] = again[:, None]  # itself, which does not count
            mean[again], _ = _means(near[again], gap[again], again, left, k)
        best = int(np.where(left, mean, np.inf).argmin())
        picked.append(best)
        left[best] = False
        if len(picked) % QUIET == 0:
            yield shown
    yield shown
    return np.array(picked, dtype=np.int64)


def _means(near: IntArray | Rows, gap: FloatArray, rows: IntArray, left: Mask, k: int) -> tuple[FloatArray, Mask]:
    """(mean of the first k gaps to rows that are left (n,), which rows know fewer than k). near, gap [n,K] in order."""
    counts = left[near] & (near != rows[:, None])
    among = np.cumsum(counts, axis=1)
    mean = np.where(counts & (among <= k), gap, 0).sum(1) / max(k, 1)
    return mean.astype(np.float32), among[:, -1] < k
