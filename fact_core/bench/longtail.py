"""Long-tailed versions of a balanced data set (LDAM-DRW's rule)."""

from __future__ import annotations

import numpy as np

from fact_core.types import IntArray

FACTOR = 0.01  # images of the rarest class for each of the most frequent one


def counts(largest: float, classes: int, factor: float = FACTOR) -> list[int]:
    """Images of class i: int(largest * factor ** (i / (K - 1)))."""
    return [int(largest * factor ** (i / (classes - 1.0))) for i in range(classes)]


def long_tailed(y: IntArray, classes: int, factor: float = FACTOR) -> IntArray:
    """Rows that stay, class after class: of each a shuffled first few. y (N,).

    numpy's legacy generator with seed 0, as the rule's authors have it: their subset, image for image,
    where y is in the data set's own order.
    """
    rng = np.random.RandomState(0)
    kept = []
    for each, count in enumerate(counts(len(y) / classes, classes, factor)):
        rows = np.flatnonzero(y == each)
        rng.shuffle(rows)
        kept.append(rows[:count])
    return np.concatenate(kept).astype(np.int64)
