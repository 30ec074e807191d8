"""What every strategy takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fact_core.errors import ConfigError, InputError
from fact_core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Picks:
    """rows (K,) in labeling order, the most telling first; next_best (R,) replace rejected ones; info for the log."""

    rows: IntArray
    next_best: IntArray
    info: dict[str, Any] = field(default_factory=dict)


def candidates(x: FloatArray, budget: int, labeled_rows: IntArray) -> IntArray:
    """The rows that may be picked: those not labeled yet.

    ConfigError for a budget that cannot be, InputError for features that are not finite numbers.
    """
    if x.ndim != 2 or len(x) == 0:
        raise InputError("There are no features to select from", f"an array of shape {x.shape}")
    bad = np.flatnonzero(~np.isfinite(x).all(1))
    if len(bad):
        raise InputError(
            "Some features are not numbers",
            f"{len(bad)} of {len(x)} images, the first is row {bad[0]}",
            "Compute the features again.",
        )
    free = np.setdiff1d(np.arange(len(x)), labeled_rows).astype(np.int64)
    if budget < 1:
        raise ConfigError("The budget must be at least 1 image", str(budget))
    if budget > len(free):
        raise ConfigError("The budget is larger than the pool", f"{budget} of {len(free)} images without a label")
    return free


def spare(budget: int, free: int) -> int:
    """How many next-best images to name: as many as the budget and at least 20, where there are so many."""
    return min(max(budget, 20), free - budget)
