"""k-center, greedy (farthest-first traversal; Gonzalez, 1985): each next image is the one least like all before.

Known as farthest point sampling (FPS, FDS) and, on the features of a trained network, as CoreSet (Sener and
Savarese, 2018).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select.clusters import COPY, unit_rows
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step

#: Farthest rows that are watched at every pick; all others are looked at again only when none of these is the farthest.
WATCHED = 2048
#: Picks between two looks at all rows, at most: what all rows are compared with at once.
AT_ONCE = 256


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
    """Pick ``budget`` rows of x [N,D], each the farthest from all labeled and picked ones (unit rows).

    Without labels the first is the row nearest to the mean of the pool, where the literature draws one by lot: so
    nothing depends on chance, and one pick alone is a typical one. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool, count = unit_rows(x, device), budget + spare(budget, len(free))
    order = yield from farthest(pool, free, labeled_rows, count)
    return Picks(order[:budget], order[budget:])


def farthest(pool: Tensor, free: IntArray, known: IntArray, count: int) -> Step[IntArray]:
    """``count`` of the rows ``free`` of pool [N,C], each the farthest from the rows ``known`` and those before.

    Exact: a distance to the nearest centre only falls as centres are added, so that one from before is an upper
    bound, and only rows with a large one need be watched. 2 N C count operations at most, in large products.
    Ties, and copies of centres when nothing else is left: the lower row.
    """
    gap = torch.full((len(pool),), -1.0, device=pool.device)  # -1: cannot be picked
    gap[torch.from_numpy(free).to(pool.device)] = np.inf
    order: list[int] = []
    if not len(known):
        mean = pool.mean(0, keepdim=True)
        off = torch.cat([_gaps(block, mean) for block, _ in _blocks(pool, gap, 1)])
        order.append(int(torch.where(gap > 0, off, torch.inf).argmin()))
        gap[order[0]] = -1.0
    new, began = torch.from_numpy(np.concatenate([known, order]).astype(np.int64)).to(pool.device), time.monotonic()
    while len(order) < count:
        for block, part in _blocks(pool, gap, len(new)):
            torch.minimum(part, _gaps(block, pool[new]), out=part)
            rate = len(order) / max(time.monotonic() - began, 1e-9)
            left = (count - len(order)) / rate if rate else None
            yield Progress("kcenter", len(order), count, "images", rate, left)
        if float(gap.max()) <= COPY:
            rest = torch.nonzero(gap >= 0)[:, 0].cpu().numpy()
            order.extend(rest[: count - len(order)].tolist())
            break
        picked = _watch(pool, gap, min(AT_ONCE, count - len(order)))
        new = torch.tensor(picked, device=pool.device)
        gap[new] = -1.0
        order.extend(picked)
    return np.array(order, dtype=np.int64)


def _watch(pool: Tensor, gap: Tensor, most: int) -> list[int]:
    """The next rows in order, at least one, for as long as they are surely the farthest; gap (N,) is up to date."""
    if len(gap) <= WATCHED:
        bound = 0.0
    else:
        bound = float(gap.topk(WATCHED + 1, sorted=True).values[-1])
    rows = torch.nonzero(gap > max(bound, COPY))[:, 0]
    if not len(rows):  # as many as that are equally far
        return [int(gap.argmax())]
    own, near, picked = pool[rows], gap[rows], list[int]()
    while len(picked) < most:
        best = int(near.argmax())
        if float(near[best]) <= max(bound, COPY):
            break
        picked.append(int(rows[best]))
        near = torch.minimum(near, _gaps(own, own[best : best + 1]))
        near[best] = -1.0
    return picked


def _gaps(rows: Tensor, centres: Tensor) -> Tensor:
    """(n,) half of the squared distance of rows [n,C] to the nearest of centres [m,C]."""
    half = (centres**2).sum(1) / 2
    return torch.addmm(half, rows, centres.T, alpha=-1).amin(1).add_((rows**2).sum(1) / 2).clamp_min_(0)


def _blocks(pool: Tensor, gap: Tensor, columns: int) -> list[tuple[Tensor, Tensor]]:
    rows = max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // max(columns, pool.shape[1]))
    return list(zip(pool.split(rows), gap.split(rows), strict=True))
