"""Stratified folds of few labels."""

from __future__ import annotations

import numpy as np
import torch

from fact_core.types import IntArray


def smallest_class(y: IntArray) -> int:
    """Number of labels of the rarest class that has any. y (n,)."""
    counts = np.bincount(y)
    return int(counts[counts > 0].min(initial=len(y))) if len(y) else 0


def folds(y: IntArray, k: int, generator: torch.Generator) -> list[IntArray]:
    """k lists of held-out row numbers that share each class of y (n,) out as evenly as can be.

    The next class goes on where the last one ended, so the folds' sizes differ by one at most.
    With at least two labels a class, no class is missing from what is left to train on.
    """
    order = torch.randperm(len(y), generator=generator).numpy()
    by_class = order[np.argsort(y[order], kind="stable")]
    return [np.sort(by_class[part::k]) for part in range(k)]
