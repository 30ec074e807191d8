"""Facility location by cosine similarity: each image of the pool should have a chosen one that is like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.select.greedy import greedy, kernel_of
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.types import FloatArray, IntArray, Step


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
    """Pick ``budget`` rows of x [N,D] that raise mean_x max_l (1 + cos(x, l)) / 2 most, one after the other.

    Labeled images cover already. Nothing depends on chance. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    kernel = yield from kernel_of(pool, lambda cos: (1 + cos) / 2, "facility")
    count, weight = budget + spare(budget, len(free)), torch.full((len(x),), 1 / len(x), device=device)
    order = yield from greedy(kernel, free, count, "facility", labeled_rows, weight)
    return Picks(order[:budget], order[budget:])
