"""ActiveFT for a pool that is larger than memory: two passes over its rows, a block at a time.

The centroids learn from rows drawn at random, as many as memory holds; the authors, too, look at a part of ImageNet at
each step. A second pass over all rows finds each centroid's nearest images, exactly.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fact_core.errors import ConfigError, InputError
from fact_core.events import Log, Progress
from fact_core.select import activeft
from fact_core.select.activeft import Settings, centroids
from fact_core.select.clusters import unit_rows
from fact_core.select.nearest import TOP
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.select.picks import Picks, spare
from fact_core.types import FloatArray, IntArray, Step

#: Rows for each centroid in memory at least: of fewer its place would say little.
EACH = 10
#: Of memory for the rows: one copy, and one of unit length.
COPIES = 2
NONE = np.zeros(0, dtype=np.int64)


class Rows(Protocol):
    """What is needed of ``storage.feature_shards.FeatureShards``."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, C)."""

    def rows(self, rows: IntArray) -> FloatArray:
        """x [M,C] of row numbers (M,)."""

    def blocks(self, size: int) -> Iterator[tuple[int, FloatArray]]:
        """(number of its first row, rows [B,C]) for all rows in order."""


def select(
    pool: Rows,
    budget: int,
    labeled_rows: IntArray,
    rng: np.random.Generator,
    *,
    memory: int,
    closed: IntArray = NONE,
    settings: Settings = Settings(),  # noqa: B008  # frozen
    device: str | torch.device = "cpu",
) -> Step[Picks]:
    """Pick ``budget`` unlabeled rows of the pool [N,C], holding about ``memory`` bytes of it at a time.

    closed: further rows that are passed over, as if the pool had not got them. A pool that fits is chosen from as
    ``activeft.select`` does, with the same picks. ConfigError when memory holds too few rows (``EACH`` a pick), or the
    pool has not so many; InputError for rows that are not finite numbers.
    """
    n, width = pool.shape
    held = memory // (4 * width * COPIES) if width else 0
    if n - len(closed) <= held:
        open_rows = np.setdiff1d(np.arange(n), closed)
        more = {**vars(settings), "temperature": settings.tau}
        more.pop("tau")
        every, known = pool.rows(open_rows), np.searchsorted(open_rows, np.unique(labeled_rows))
        some = yield from activeft.select(every, budget, known, None, rng, device=device, **more)
        return replace(some, rows=open_rows[some.rows], next_best=open_rows[some.next_best])
    labeled = np.unique(np.asarray(labeled_rows, dtype=np.int64))
    barred = np.union1d(labeled, closed)
    free = n - len(barred)
    held = min(held, free)
    if not 1 <= budget <= free:
        raise ConfigError("The budget is no number of images that the pool has", f"{budget:,} of {free:,}")
    if held < EACH * budget:
        need = EACH * budget * 4 * width * COPIES / 1e9
        raise ConfigError(
            "Memory holds too few images for this budget",
            f"{held:,} for {budget:,} picks",
            f"Give {need:.1f} GB or more (--memory), or a smaller budget.",
        )
    yield Log(f"{held:,} of {n:,} images, drawn at random, place the centroids; then all are looked at once.")
    drawn = _drawn(n, held, barred, rng)
    seen = unit_rows(_finite(pool.rows(drawn), drawn), device)
    fixed = unit_rows(pool.rows(labeled), device)
    u, found, first = yield from centroids(seen, np.arange(len(seen)), fixed, budget, rng, settings)
    del seen
    weight = found.weight[:budget].cpu().numpy()
    rows, others = yield from nearest_of_blocks(pool, u, weight, barred, spare(budget, free))
    return Picks(rows, others, {"loss_first": first, "loss": found.loss, "sample": len(drawn)})


def nearest_of_blocks(
    pool: Rows, u: Tensor, weight: FloatArray, closed: IntArray, more: int
) -> Step[tuple[IntArray, IntArray]]:
    """``nearest.nearest_free`` by passes over blocks: (rows (K,), heaviest cluster first; spares (more,)).

    closed (L,): ascending row numbers that nobody takes. One pass, and another for centroids whose ``TOP`` nearest
    images are all taken by others.
    """
    taken = set(closed.tolist())
    lists = yield from _ranked(pool, u, closed)
    order = np.argsort(-weight, kind="stable")
    wanted = [*range(len(u)), *np.resize(order, more).tolist()]
    given: list[int] = []
    while len(given) < len(wanted):
        centroid = wanted[len(given)]
        row = next((int(each) for each in lists[centroid] if int(each) not in taken), -1)
        if row < 0:
            lists[centroid] = (yield from _ranked(pool, u[centroid : centroid + 1], np.array(sorted(taken))))[0]
            continue
        taken.add(row)
        given.append(row)
    rows = np.array(given, dtype=np.int64)
    return rows[: len(u)][order], rows[len(u) :]


def _ranked(pool: Rows, u: Tensor, closed: IntArray) -> Step[list[IntArray]]:
    """For each unit centroid of u [K,C] its ``TOP`` most similar open rows, best first: one pass."""
    n = pool.shape[0]
    best = u.new_full((len(u), TOP), -3.0)
    where = torch.full((len(u), TOP), -1, dtype=torch.int64, device=u.device)
    size = max(1, min(1 << 14, (GPU_BLOCK if u.is_cuda else BLOCK) // len(u)))
    began = time.monotonic()
    for start, block in pool.blocks(size):
        rows = np.arange(start, start + len(block))
        near = u @ unit_rows(_finite(block, rows), u.device).T
        low, high = np.searchsorted(closed, [start, start + len(block)])
        near[:, torch.from_numpy(closed[low:high] - start).to(u.device)] = -3.0
        # Soon few centroids find anything better in a block.
        better = torch.nonzero(near.amax(1) > best[:, -1])[:, 0]
        if len(better):
            both = torch.cat([best[better], near[better]], dim=1)
            numbers = torch.arange(start, start + len(block), device=u.device).expand(len(better), -1)
            best[better], place = both.topk(TOP, dim=1)
            where[better] = torch.cat([where[better], numbers], dim=1).gather(1, place)
        done = start + len(block)
        rate = done / max(time.monotonic() - began, 1e-9)
        yield Progress("nearest images", done, n, "images", rate, (n - done) / rate)
    return [row[row >= 0] for row in where.cpu().numpy()]


def _drawn(n: int, count: int, closed: IntArray, rng: np.random.Generator) -> IntArray:
    """``count`` of n row numbers without those of ``closed``, ascending, as a disk likes to read them."""
    drawn = rng.choice(n - len(closed), count, replace=False, shuffle=False)
    drawn.sort()
    # The numbers of what is left when ``closed`` is taken out: each closed row before it moves a number up by one.
    return np.asarray(drawn + np.searchsorted(closed - np.arange(len(closed)), drawn, side="right"), dtype=np.int64)


def _finite(x: FloatArray, rows: IntArray) -> FloatArray:
    good = np.isfinite(x).all(1)
    if not good.all():
        first = int(rows[np.flatnonzero(~good)[0]])
        raise InputError("Some features are not numbers", f"row {first} is the first", "Compute the features again.")
    return x
