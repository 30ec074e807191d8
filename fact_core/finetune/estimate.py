"""How good a classifier may be when no check images are labeled: cross-validation on the labels."""

from __future__ import annotations

import numpy as np
import torch

from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds, smallest_class, together
from fact_core.types import FloatArray, IntArray

MOST_FOLDS = 5


def cross_validated(
    x: FloatArray,
    y: IntArray,
    n_classes: int,
    *,
    c: float,
    balanced: bool = True,
    seed: int,
    groups: IntArray | None = None,
) -> FloatArray | None:
    """Probabilities (n, K) of each labeled image by a linear probe that has not seen it.

    x (n, D): pretrained features. Phase 2 and the light model are not part of it: repeating them
    a fold would take several times the training. groups (n,): what belongs together is left out together. None where a
    class has a single image, or a single group.
    """
    groups = together(x, y, groups)  # copies of one image must not answer for each other
    k = min(MOST_FOLDS, smallest_class(y, groups))
    if k < 2:
        return None
    wide, target = torch.from_numpy(x).double(), torch.from_numpy(y)
    answers = np.zeros((len(y), n_classes), dtype=np.float32)
    for held in folds(y, k, torch.Generator().manual_seed(seed), groups):
        rest = np.setdiff1d(np.arange(len(y)), held)
        fitting = logistic.fit(wide[rest], target[rest], n_classes, C=logistic.scaled(c, wide), balanced=balanced)
        line = finish(fitting)
        answers[held] = (wide[held] @ line.weight.T + line.bias).softmax(dim=1).float().numpy()
    return answers
