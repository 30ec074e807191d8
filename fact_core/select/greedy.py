"""Greedy choice by coverage: f(S) = sum_i w_i max over j in S of k(i, j), exactly, and without an N x N matrix.

Such an f is monotone and submodular: the greedy set is worth at least 1 - 1/e of the best of its size (Nemhauser,
Wolsey and Fisher, 1978), and a gain that was computed earlier bounds the present one from above (Minoux, 1978), so
that few gains are computed anew. A row's gain comes only from those rows to which it is nearer than all chosen ones:
soon they are few, and are then remembered instead of being looked for again. On features of CIFAR-10 all of it costs
about as much as four times all N x N similarities, whatever the budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.select.picks import Picks, spare, unit
from fact_core.types import FloatArray, IntArray, Step

#: Pairs of a candidate and a row that are remembered in all, 8 bytes each (512 MB): all pairs of 8,000 rows.
REMEMBERED = 1 << 26
#: Gains that are computed anew at once at first; twice as many each time that they do not suffice.
AT_ONCE = 8
#: Gains that differ by less than this share count as equal: two images alone together gain the same, but for rounding.
SAME = 1e-5
#: A gain below this share of the whole is rounding, or covers nothing but copies of what is covered.
NOTHING = 1e-6
#: Seconds between two signs of life.
QUIET = 0.2

Kernel = Callable[[Tensor], Tensor]
Bounds = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Aim:
    """What to cover and how: kernel turns cosines [B,N] into 0..1 and may write there; weight (N,), or all the same."""

    kernel: Kernel
    weight: FloatArray | None = None


@dataclass
class Cover:
    """How well each row of pool [N,D] is covered (N,), and for some candidates which rows they could cover better."""

    pool: Tensor
    kernel: Kernel
    weight: FloatArray
    covered: FloatArray
    near: dict[int, tuple[np.ndarray[Any, np.dtype[np.int32]], FloatArray]] = field(default_factory=dict)


def unit_pool(x: FloatArray, device: str | torch.device) -> Tensor:
    """Rows of length 1 on the device. Rows of zeros get a direction of their own, so that they are like each other."""
    rows = unit(x)
    empty = ~rows.any(axis=1)
    if empty.any():
        rows = np.column_stack([rows, empty.astype(np.float32)])
    return torch.from_numpy(rows).to(device)


def rbf(sigma: float) -> Kernel:
    """exp(-|x - y|^2 / sigma^2), which for unit rows is exp((2 cos - 2) / sigma^2)."""
    return lambda cos: cos.sub_(1).clamp_max_(0).mul_(2 / sigma**2).exp_()


def cover(
    pool: Tensor, free: IntArray, labeled_rows: IntArray, budget: int, aims: Sequence[Aim], step: str
) -> Step[Picks]:
    """Pick ``budget`` of the rows ``free`` of the unit rows pool [N,D], each the one that covers most; then the spares.

    What is labeled covers already. When nothing more can be gained for the first aim the next one takes
    over, and after the last one the rest comes in the order of its rows: copies of images that were chosen earlier.
    info: coverage, the weighted mean of the first aim that the picks and the labeled images reach, from 0 to 1.
    """
    count, order, coverage = budget + spare(budget, len(free)), np.zeros(0, dtype=np.int64), 0.0
    for number, aim in enumerate(aims):
        if len(order) == count:
            break
        weight = np.ones(len(pool), np.float32) if aim.weight is None else np.asarray(aim.weight, np.float32)
        covered = yield from _covered(pool, np.concatenate([labeled_rows, order]), aim.kernel, step)
        state = Cover(pool, aim.kernel, weight, covered)
        begun, whole = float(weight.astype(np.float64) @ covered), float(weight.sum(dtype=np.float64))
        left = np.setdiff1d(free, order)
        found, gains = yield from lazy_greedy(state, left, count - len(order), NOTHING * whole, step)
        if number == 0:
            coverage = (begun + float(gains[:budget].sum())) / max(whole, 1e-30)
        order = np.concatenate([order, found])
    order = np.concatenate([order, np.setdiff1d(free, order)[: count - len(order)]])
    yield Progress(step, count, count)
    return Picks(order[:budget], order[budget:], {"coverage": round(coverage, 6)})


def lazy_greedy(state: Cover, free: IntArray, count: int, least: float, step: str) -> Step[tuple[IntArray, Bounds]]:
    """(rows, their gains): up to ``count`` of the rows ``free``, while there is more than ``least`` to gain.

    The same order as if all gains were computed each time; ties: the lower row. ``state`` is changed.
    """
    bound = np.full(len(state.pool), -np.inf)
    bound[free] = np.inf
    order: list[int] = []
    gains: list[float] = []
    last = time.monotonic()
    while len(order) < min(count, len(free)):
        row = yield from _best(state, bound, Progress(step, len(order), count))
        if bound[row] <= least:
            break
        order.append(row)
        gains.append(float(bound[row]))
        _take(state, row)
        bound[row] = -np.inf
        if time.monotonic() - last > QUIET:
            last = time.monotonic()
            yield Progress(step, len(order), count)
    return np.array(order, dtype=np.int64), np.array(gains)


def _best(state: Cover, bound: Bounds, shown: Progress) -> Step[int]:
    """The row of the largest gain. bound (N,): upper bounds of the gains; those computed anew are written in.

    Done when no earlier bound is above the best gain, or equals it at a lower row.
    """
    fresh, size = np.zeros(len(bound), dtype=bool), AT_ONCE
    largest = max(1, (GPU_BLOCK if state.pool.is_cuda else BLOCK) // len(bound))
    row, best, level = len(bound), -np.inf, -np.inf
    began = last = time.monotonic()
    while True:
        stale = np.flatnonzero(~fresh & (bound >= level) & (bound > -np.inf))
        stale = stale[(bound[stale] > best) | (stale < row)]
        if not len(stale):
            return row
        some = _highest(stale, bound[stale], min(size, largest))
        bound[some] = _gains(state, some)
        fresh[some] = True
        best = float(bound[fresh].max())
        level = best - SAME * abs(best)
        row = int(np.flatnonzero(fresh & (bound >= level))[0])
        size *= 2
        if time.monotonic() - last > QUIET:
            last = time.monotonic()
            yield _looked(shown, bound, last - began)


def _looked(shown: Progress, bound: Bounds, seconds: float) -> Progress:
    """``shown``, or how many candidates have been looked at for the first time while not all have."""
    total, unseen = int((bound > -np.inf).sum()), int((bound == np.inf).sum())
    if not unseen:
        return shown
    rate = (total - unseen) / max(seconds, 1e-9)
    return Progress(f"{shown.step}: first look", total - unseen, total, "images", rate, unseen / rate)


def _highest(rows: IntArray, bound: Bounds, size: int) -> IntArray:
    """``size`` of the rows, those of the highest bounds; of equal ones the lower. Both ascending by row."""
    if len(rows) <= size:
        return rows
    edge = np.partition(bound, len(bound) - size)[len(bound) - size]
    above = rows[bound > edge]
    return np.concatenate([above, rows[bound == edge][: size - len(above)]])


def _gains(state: Cover, rows: IntArray) -> Bounds:
    """sum_i w_i max(k(i, j) - covered_i, 0) for each candidate j of the rows."""
    found = np.empty(len(rows))
    far = np.array([row not in state.near for row in rows.tolist()])
    for at in np.flatnonzero(~far):
        row = int(rows[at])
        where, value = state.near[row]
        more = value - state.covered[where]
        up = more > 0
        found[at] = state.weight[where] @ np.maximum(more, 0)
        if 2 * np.count_nonzero(up) < len(where):
            state.near[row] = where[up], value[up]
    if far.any():
        found[far] = _looked_up(state, rows[far])
    return found


def _looked_up(state: Cover, rows: IntArray) -> Bounds:
    """The same by one product with the whole pool. Remembers what few rows a candidate could cover better."""
    device = state.pool.device
    value = state.kernel(state.pool[torch.from_numpy(rows).to(device)] @ state.pool.T)
    more = value - torch.from_numpy(state.covered).to(device)
    better = more > 0
    count = better.sum(1)
    found = more.clamp_min_(0).mul_(torch.from_numpy(state.weight).to(device)).sum(1).double().cpu().numpy()
    few = count <= REMEMBERED // len(state.pool)
    if few.any():
        at, where = (better & few[:, None]).nonzero(as_tuple=True)
        cuts = np.cumsum(count[few].cpu().numpy())[:-1]
        lists = (np.split(each.cpu().numpy(), cuts) for each in (where.int(), value[at, where]))
        parts = zip(*lists, strict=True)
        state.near.update(zip(rows[few.cpu().numpy()].tolist(), parts, strict=True))
    gains: Bounds = found
    return gains


def _take(state: Cover, row: int) -> None:
    """Cover by this row."""
    if row in state.near:
        where, value = state.near.pop(row)
        state.covered[where] = np.maximum(state.covered[where], value)
    else:
        value = state.kernel(state.pool[row : row + 1] @ state.pool.T)[0].cpu().numpy()
        np.maximum(state.covered, value, out=state.covered)


def _covered(pool: Tensor, known: IntArray, kernel: Kernel, step: str) -> Step[FloatArray]:
    """(N,) max over the rows ``known`` (L,) of the kernel; 0 where there are none."""
    covered = np.zeros(len(pool), dtype=np.float32)
    if not len(known):
        return covered
    seen, done = pool[torch.from_numpy(known).to(pool.device)], 0
    for block in pool.split(max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // len(known))):
        covered[done : done + len(block)] = kernel(block @ seen.T).amax(1).cpu().numpy()
        done += len(block)
        yield Progress(f"{step}: labeled images", done, len(pool))
    return covered
