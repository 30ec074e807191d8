"""What images look like by the names of classes, and when labels know better. NumPy only: the page asks it."""

from __future__ import annotations

import numpy as np

from fact_core.analysis.rows import finite_unit
from fact_core.analysis.suggest import CHUNK, MOST_LABELS, Suggestions, thinned
from fact_core.types import FloatArray, IntArray

#: With so many labels a class a regression on CLIP's own features names as many images rightly as the names of the
#: classes do, on average over 20 data sets (Radford et al. 2021, arXiv 2103.00020, section 3.1.5, figure 6).
ENOUGH = 4


def by_words(logits: FloatArray) -> Suggestions:
    """The likeliest class of each image: place (N,) among the K columns of logits (N, K), confidence by softmax."""
    best, sure = np.empty(len(logits), dtype=np.int64), np.empty(len(logits), dtype=np.float32)
    for start in range(0, len(logits), CHUNK):
        part = logits[start : start + CHUNK].astype(np.float64)
        share = np.exp(part - part.max(axis=1, keepdims=True))
        best[start : start + CHUNK] = share.argmax(axis=1)
        sure[start : start + CHUNK] = share.max(axis=1) / share.sum(axis=1)
    return Suggestions(best, sure, 0)


def labels_suffice(y: IntArray, classes: int) -> bool:
    """Whether there are so many labels y (M,) of so many classes that their names need not be asked."""
    return len(np.unique(y)) > 1 and len(y) >= ENOUGH * classes


def words_first(named: IntArray, x: FloatArray, y: IntArray, classes: int) -> bool:
    """Whether the names of the classes are to be asked, not the labels so far.

    named (M,): what the names say of the labelled images; x (M, D), y (M,): their features and labels; classes: how
    many there are. The labels are asked from ``ENOUGH`` a class on, and before where they prove better: where the
    nearest other labelled image names more of them rightly than the names do. Below two classes they know nothing.
    """
    if len(np.unique(y)) < 2:
        return True
    if labels_suffice(y, classes):
        return False
    kept = thinned(y, MOST_LABELS)
    named, y, unit = named[kept], y[kept], finite_unit(x[kept])
    near = unit @ unit.T
    np.fill_diagonal(near, -np.inf)
    return int((named == y).sum()) >= int((y[near.argmax(axis=1)] == y).sum())
