"""What a model says of classes that were made one since: it has an output for each, and their probabilities add up.

The one rule, p(A or B) = p(A) + p(B), wherever an answer is shown, stored, sorted by, promised or exported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fact_core.types import FloatArray, IntArray


def joined(classes: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """(each name once, the place of each class among them (K,)); see ``labels_now.names_now``."""
    place: dict[str, int] = {}
    at = [place.setdefault(name, len(place)) for name in classes]
    return tuple(place), np.array(at, dtype=np.int64)


def added_up(p: FloatArray, classes: Sequence[str]) -> tuple[FloatArray, tuple[str, ...]]:
    """(probabilities (..., k) of the names, each once, the names), from those of a model's classes (..., K)."""
    names, place = joined(classes)
    if len(names) == len(place):
        return p, names
    found = np.zeros((*p.shape[:-1], len(names)), dtype=p.dtype)
    for column, at in enumerate(place.tolist()):
        found[..., at] += p[..., column]
    return np.minimum(found, 1), names  # rounding may add up to more


def answers(
    p: FloatArray | None, y: IntArray, confidence: FloatArray, classes: Sequence[str]
) -> tuple[IntArray, FloatArray]:
    """The answers (N,), as places in ``joined``'s names, and how sure they are (N,): as stored where no two are one.

    p (N, K): the probabilities; where they are not known, or not of these classes, the surer output stands for both.
    """
    names, place = joined(classes)
    if len(names) == len(place) or (len(y) and int(y.max()) >= len(place)):
        return y, confidence  # of more classes than the run tells of: who reads them sees it
    if p is None or p.shape != (len(y), len(place)):
        return place[y], confidence
    sums, _ = added_up(p, classes)
    return sums.argmax(axis=1), sums.max(axis=1)
