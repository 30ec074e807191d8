"""Greedy choice by coverage: f(S) = sum_i w_i max over j in S of k(i, j), lazily and exactly.

Such an f is submodular, so that the greedy order is within 1 - 1/e of the best set of each size (Nemhauser, Wolsey
and Fisher, 1978), and a gain that was computed earlier bounds the present one from above (Minoux, 1978).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.types import IntArray, Step

#: Largest pool whose N x N kernel is kept: 1 GB in float32.
MOST = 16_000
#: Candidates whose gains are computed anew at once.
AT_ONCE = 64
#: Gains that differ by less count as equal: two images alone together gain the same, but for rounding.
SAME = 1e-5
#: Seconds between two signs of life.
QUIET = 0.2


def kernel_of(pool: Tensor, kernel: Callable[[Tensor], Tensor], step: str) -> Step[Tensor]:
    """[N,N] kernel of unit rows pool [N,C]; ``kernel`` turns cosines into values from 0 to 1."""
    found = torch.empty(len(pool), len(pool), dtype=torch.float32, device=pool.device)
    rows = max(1, (1 << 24) // len(pool))
    for start in range(0, len(pool), rows):
        found[start : start + rows] = kernel(pool[start : start + rows] @ pool.T)
        yield Progress(step, min(start + rows, len(pool)), len(pool), "rows compared")
    return found


def greedy(kernel: Tensor, free: IntArray, count: int, step: str, known: IntArray, weight: Tensor) -> Step[IntArray]:
    """``count`` of the rows ``free`` in greedy order. kernel [N,N] symmetric; known (L,) rows that cover already.

    weight (N,): what it is worth to cover a row. Ties: the lower row. When nothing more can be gained all rows count
    as not covered again, so that the order goes on as a second cover.
    """
    covered = kernel.new_zeros(len(kernel))
    if len(known):
        covered = kernel[torch.from_numpy(np.asarray(known, dtype=np.int64)).to(kernel.device)].amax(0)
    bound = np.full(len(kernel), -np.inf)
    bound[free] = np.inf
    order: list[int] = []
    last = began = time.monotonic()
    for number in range(count):
        row, gain = _next(kernel, covered, weight, bound)
        if gain <= 0 and float(covered.max()) > 0:
            covered.zero_()
            bound[free] = np.inf
            bound[order] = -np.inf
            row, _ = _next(kernel, covered, weight, bound)
        order.append(row)
        bound[row] = -np.inf
        covered = torch.maximum(covered, kernel[row])
        if time.monotonic() - last > QUIET or number + 1 == count:
            last = time.monotonic()
            rate = (number + 1) / max(last - began, 1e-9)
            yield Progress(step, number + 1, count, "images", rate, (count - number - 1) / rate)
    return np.array(order, dtype=np.int64)


def _next(kernel: Tensor, covered: Tensor, weight: Tensor, bound: np.ndarray) -> tuple[int, float]:  # type: ignore[type-arg]
    """(row of the largest gain, that gain). bound (N,) are upper bounds of the gains; those computed are written in."""
    fresh = np.zeros(len(bound), dtype=bool)
    while True:
        best = float(bound[fresh].max()) if fresh.any() else -np.inf
        least = best - SAME * abs(best) if fresh.any() else -np.inf
        stale = np.flatnonzero(~fresh & (bound >= least) & (bound > -np.inf))
        if not len(stale):
            return int(np.flatnonzero(fresh & (bound >= least))[0]), best
        stale = stale[np.argsort(-bound[stale], kind="stable")[:AT_ONCE]]
        gains = (kernel[torch.from_numpy(stale).to(kernel.device)] - covered).clamp_min_(0) @ weight
        bound[stale] = gains.double().cpu().numpy()
        fresh[stale] = True
