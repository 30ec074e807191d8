"""MaxHerding (Bae et al., ECCV 2024) and UHerding (Bae et al., ICLR 2025): greedy coverage by a soft kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.select.greedy import greedy, kernel_of
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.select.probe import margins, needed
from fact_core.types import FloatArray, IntArray, Step

#: Width of MaxHerding's kernel on unit rows, and the least of UHerding's (two labeled images may be copies).
SIGMA, LEAST_SIGMA = 1.0, 0.1


def maxherding(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] that raise mean_x max_l exp(-|x-l|^2 / sigma^2) most, one after the other.

    Unit rows, sigma = 1; labeled images cover already. Nothing depends on chance. Errors: ``picks.candidates``.
    """
    return (yield from _herd(x, budget, labeled_rows, SIGMA, None, device, "maxherding"))


def uherding(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """The same where covering a row counts by its uncertainty, 1 - margin of a probe on the labels.

    sigma is the least distance of two labeled images. ConfigError without labels of two classes.
    """
    y = needed(labeled_y, "UHerding")
    candidates(x, budget, labeled_rows)
    known = unit(x)[labeled_rows]
    apart = 2 - 2 * known @ known.T
    np.fill_diagonal(apart, np.inf)
    sigma = max(float(np.sqrt(max(apart.min(), 0.0))), LEAST_SIGMA)
    weight = 1 - margins(x, labeled_rows, y)
    picks = yield from _herd(x, budget, labeled_rows, sigma, weight, device, "uherding")
    return Picks(picks.rows, picks.next_best, {"sigma": round(sigma, 4)})


def _herd(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    sigma: float,
    weight: FloatArray | None,
    device: str | torch.device,
    step: str,
) -> Step[Picks]:
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    # |x - y|^2 = 2 - 2 cos; a row of zeros is far from all but covers itself through the diagonal
    kernel = yield from kernel_of(pool, lambda cos: torch.exp((2 * cos - 2).clamp_max(0) / sigma**2), step)
    worth = torch.ones(len(x)) if weight is None else torch.from_numpy(np.asarray(weight, dtype=np.float32))
    count = budget + spare(budget, len(free))
    order = yield from greedy(kernel, free, count, step, labeled_rows, worth.to(device) / len(x))
    return Picks(order[:budget], order[budget:])
