"""How good a classifier may be when no check images are labeled: cross-validation on the labels."""

from __future__ import annotations

import numpy as np
import torch

from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import able_rows, folds, smallest_class, together
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
    words: FloatArray | None = None,
) -> FloatArray | None:
    """Probabilities (n, K) of each labeled image by a linear probe that has not seen it.

    x (n, D): pretrained features. Phase 2 and the light model are not part of it: repeating them
    a fold would take several times the training. groups (n,): what belongs together is left out together. None where a
    class has a single image, or a single group. words (K, D): toward which the probe is pulled.
    """
    groups = together(x, y, groups)  # copies of one image must not answer for each other
    if smallest_class(y, groups) < 2:
        return None  # before any fit
    return _folded(x, y, n_classes, np.arange(len(y)), groups, c, balanced, seed, words)


def left_out(
    x: FloatArray,
    y: IntArray,
    n_classes: int,
    *,
    c: float,
    balanced: bool = True,
    seed: int,
    groups: IntArray | None = None,
    words: FloatArray | None = None,
) -> tuple[IntArray, FloatArray] | None:
    """(rows (m,), probabilities (m, K)) of the labels that can be left out, each by a regression that has not seen it.

    x (n, D), groups (n,), words (K, D) as for ``cross_validated``; c: on features of unit norm
    (``logistic.scaled``). An image (a group) that is the only one of its class is learned from in every fold. None
    where every class is like that.
    """
    groups = together(x, y, groups)  # copies of one image must not answer for each other
    able = able_rows(y, groups)
    return (able, _folded(x, y, n_classes, able, groups, c, balanced, seed, words)) if len(able) else None


def _folded(
    x: FloatArray,
    y: IntArray,
    n_classes: int,
    able: IntArray,
    groups: IntArray,
    c: float,
    balanced: bool,
    seed: int,
    words: FloatArray | None,
) -> FloatArray:
    """(m, K) probabilities of the rows ``able`` (m,), each by a regression on all rows but those of its fold."""
    k = min(MOST_FOLDS, smallest_class(y[able], groups[able]))
    wide, target = torch.from_numpy(x).double(), torch.from_numpy(y)
    prior = None if words is None else torch.from_numpy(words)
    answers = np.zeros((len(y), n_classes), dtype=np.float32)
    for part in folds(y[able], k, torch.Generator().manual_seed(seed), groups[able]):
        held = able[part]
        rest = np.setdiff1d(np.arange(len(y)), held)
        C = logistic.scaled(c, wide)
        line = finish(logistic.fit(wide[rest], target[rest], n_classes, C=C, balanced=balanced, prior=prior))
        answers[held] = (wide[held] @ line.weight.T + line.bias).softmax(dim=1).float().numpy()
    return answers[able]
