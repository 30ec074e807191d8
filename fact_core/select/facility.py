"""Facility location by cosine similarity: each image of the pool should have a chosen one that is like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.select.greedy import Aim, cover, unit_pool
from fact_core.select.picks import Picks, candidates
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

    For unit rows that is 1 - mean_x min_l |x - l|^2 / 4. Labeled images cover already; nothing depends on chance.
    info: coverage, the mean above. Time and memory: as MaxHerding. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    aim = Aim(lambda cos: cos.add_(1).mul_(0.5).clamp_min_(0))
    return (yield from cover(unit_pool(x, device), free, labeled_rows, budget, [aim], "facility"))
