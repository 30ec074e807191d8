"""TypiClust (Hacohen, Dekel and Weinshall, ICML 2022): the most typical image of each cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.events import Event, Progress
from fact_core.neighbors import nearest
from fact_core.select.clusters import cluster_count, kmeans, unit_rows
from fact_core.select.picks import Picks, candidates, spare
from fact_core.steps import through
from fact_core.types import FloatArray, IntArray, Step

#: As in the authors' code (method.md 3.2): clusters at most, smallest cluster that counts, neighbours.
MOST_CLUSTERS, SMALL, NEIGHBOURS = 500, 5, 20
#: Neighbours that are remembered beyond those, for when some of them are picked.
MORE_NEIGHBOURS = 20
#: A cluster above this is looked at through a random part: all distances within it would take minutes.
LARGE = 20_000
#: Picks between two signs of life.
QUIET = 64


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
    taken in turn, larger clusters first (``most_typical``); labeled and picked rows no longer count. Clusters of up to
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
    own = np.split(free[np.argsort(member[free], kind="stable")], np.cumsum(np.bincount(member[free], minlength=k))[:-1])
    asked = turns(np.array([len(own[each]) for each in order]), small[order], count)
    lists: list[IntArray] = []
    for place, each in enumerate(order):
        found = _of_cluster(rows, own[each], int(asked[place]), rng)
        shown = Progress("typiclust", place, k, "clusters")
        lists.append((yield from through(found, lambda event, shown=shown: shown)))  # type: ignore[misc]
        yield shown
    turn = np.concatenate([np.arange(len(each)) for each in lists])
    place = np.repeat(np.arange(k), [len(each) for each in lists])
    picked = np.concatenate(lists)[np.lexsort((place, turn, small[order][place]))]
    return Picks(picked[:budget], picked[budget:count], {"clusters": int((size > 0).sum()), "small": int(small.sum())})
