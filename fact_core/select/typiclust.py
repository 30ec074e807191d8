"""TypiClust (Hacohen, Dekel and Weinshall, ICML 2022): the most typical image of each cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select.clusters import kmeans
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.types import FloatArray, IntArray, Step

#: As in the authors' code (method.md 3.2): clusters at most, smallest cluster that counts, neighbours.
MOST_CLUSTERS, SMALL, NEIGHBOURS = 500, 5, 20
#: Rows of a cluster whose distances to all others of it are computed at once.
AT_ONCE = 1024


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

    Typicality: 1 / (mean distance to the min(20, half of the cluster) nearest of the cluster + 1e-5); labeled and
    picked rows no longer count. Clusters of up to 5 rows come last. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    count = budget + spare(budget, len(free))
    k = min(len(labeled_rows) + budget, MOST_CLUSTERS)
    _, cluster = yield from kmeans(pool, k, rng)
    member = cluster.cpu().numpy()
    size, known = np.bincount(member, minlength=k), np.bincount(member[labeled_rows], minlength=k)
    rounds = np.lexsort((np.arange(k), -size, known, size <= SMALL))
    large = int((size > SMALL).sum())
    member[labeled_rows] = -1
    groups = {int(each): np.flatnonzero(member == each) for each in rounds}
    order: list[int] = []
    # The small clusters only when the large ones are used up.
    for part in (rounds[:large], rounds[large:]):
        while len(order) < count and any(len(groups[int(each)]) for each in part):
            for each in map(int, part):
                if len(groups[each]) and len(order) < count:
                    place = int(typicality(pool[torch.from_numpy(groups[each]).to(device)]).argmax())
                    order.append(int(groups[each][place]))
                    groups[each] = np.delete(groups[each], place)
                    yield Progress("typiclust", len(order), count, "images")
    rows = np.array(order, dtype=np.int64)
    return Picks(rows[:budget], rows[budget:], {"clusters": k})


def typicality(rows: Tensor) -> Tensor:
    """(n,) of the unit rows [n,C] of one cluster."""
    near = min(NEIGHBOURS, len(rows) // 2)
    if near == 0:
        return rows.new_zeros(len(rows))
    found = []
    for start in range(0, len(rows), AT_ONCE):
        block = rows[start : start + AT_ONCE]
        gap = (2 - 2 * block @ rows.T).clamp_min(0).sqrt()
        gap[torch.arange(len(block)), torch.arange(start, start + len(block))] = np.inf  # not itself
        found.append(gap.topk(near, dim=1, largest=False).values.mean(1))
    return 1 / (torch.cat(found) + 1e-5)
