"""What to label next: images that a trained model is unsure of, unlike each other and unlike those that are labeled.

The soft coverage of UHerding (Bae et al., ICLR 2025, "Uncertainty Herding"), mean_x u(x) max_l k(x, l), with the
answers of the trained model for u in place of a probe's. More weight for the classes that left-out labels show to fail
was tried: on flowers two rounds of 50 then came 1.8 points lower, on CIFAR-10 half a point (RESULTS.md: rounds).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.select.greedy import Aim, cover, rbf, unit_pool
from fact_core.select.herding import SUREST, least_distance, uncertainty
from fact_core.select.picks import Picks, candidates
from fact_core.select.probe import needed
from fact_core.types import FloatArray, IntArray, Step


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    answers: FloatArray | None = None,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] that cover best what is unsure, one after the other.

    answers [N,K]: the trained model's probabilities, column j for the class labeled_y == j; rows of NaN where it has
    not answered. None: a probe on the labels answers, as in ``herding.uncertainty``. The width of the kernel is the
    least distance of two labeled images: these and the picks cover what looks like them, and regions without either
    come first. info: sigma, coverage. ConfigError without labels of two classes; else as ``picks.candidates``.
    """
    y = needed(labeled_y, "Label next")
    free = candidates(x, budget, labeled_rows)
    pool = unit_pool(x, device)
    if answers is None:
        unsure, _ = yield from uncertainty(pool, labeled_rows, y, rng)
    else:
        unsure = doubts(answers)
    sigma = least_distance(pool[torch.from_numpy(np.asarray(labeled_rows)).to(pool.device)])
    aims = [Aim(rbf(sigma), unsure), Aim(rbf(sigma))]
    picks = yield from cover(pool, free, labeled_rows, budget, aims, "next")
    return Picks(picks.rows, picks.next_best, {**picks.info, "sigma": round(sigma, 6)})


def doubts(answers: FloatArray) -> FloatArray:
    """(N,) 1 - margin of probabilities [N,K]: 1 where two classes are as likely; the mean of all where none are."""
    two = np.sort(answers, axis=1)[:, -2:]
    found: FloatArray = np.clip(1 - two[:, 1] + two[:, 0], SUREST, 1).astype(np.float32)
    known = np.isfinite(found)
    return np.where(known, found, found[known].mean() if known.any() else 1).astype(np.float32)
