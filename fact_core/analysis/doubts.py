"""Which labels are likely wrong: confident learning on probabilities from models that have not seen the label.

C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021). The
thresholds and what exceeds them: section 3.1, equations 1 and 2. The order, by self-confidence: section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fact_core.analysis.neighbors import nearest
from fact_core.analysis.rows import finite_unit
from fact_core.analysis.suggest import MOST_LABELS, STRENGTH, thinned
from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.types import FloatArray, IntArray

FOLDS = 5
NEIGHBOURS, WARMTH = 15, 0.07
MOST_NEIGHBOURS = 10_000  # labels among which neighbours are looked for
#: Cosine of features, along their main directions, from which two images show the same.
SAME = 0.97
#: Confident learning takes many images that are hard for wrong ones where the models are weak. On the flowers below it
#: alone names 148 of 1,000 labels, of which 33 are wrong; with the label's own probability below this 100 and 30.
UNLIKELY = 0.2
#: Below this a label is flagged although no other class is as likely here as among its own images: of a class with few
#: labels models are seldom sure. Of 60 to 500 photos of ten kinds (Caltech-101), 5 % labeled wrong, that names 214 of
#: 237 wrong labels instead of 174 and, as before, 35 of 4,923 right ones; of 60 to 1,000 flowers 266 of 373 instead of
#: 252, and 582 of 7,067 right ones instead of 557.
HOPELESS = 0.02


@dataclass(frozen=True)
class Doubts:
    """What speaks against labels (n,).

    doubt: 1 minus the probability of the label by others, 0 where nothing can be said; other: the likeliest other
    class; flagged: the label is unlikely, and confident learning takes another class for the true one, or it is all but
    impossible; twin: a row that shows the same and has another label, -1 for none.
    """

    doubt: FloatArray
    other: IntArray
    flagged: npt.NDArray[np.bool_]
    twin: IntArray


def doubts(x: FloatArray, y: IntArray, seed: int = 0) -> Doubts | None:
    """Hold each label against the others. x (n, D) features, y (n,) classes 0..K-1; None below two classes of two.

    The probabilities are the mean of two kinds of models, which err differently: logistic regression in five folds,
    and the nearest neighbours. On flowers (1,000 labels, 5 % of them wrong, 4 draws) the first tenth of the order held
    66 % of the wrong ones by the first alone, 63 % by the second, 70 % by both.

    A class with one label is not judged: nothing is left to know it by. InputError when shapes do not fit.
    """
    if len(x) != len(y):
        raise InputError("The labels do not fit the features", f"{len(x)} rows, {len(y)} labels")
    counts = np.bincount(y, minlength=1)
    if (counts > 1).sum() < 2:
        return None
    rows = finite_unit(x)
    with threadpool_limits(limits=1):  # keys of the Label page need the other core
        near, alike = _neighbours(rows, y)
        p = (_by_folds(rows, y, len(counts), seed) + _by_neighbours(near, alike, y, len(counts))) / 2
    judged = counts[y] > 1
    own = p[np.arange(len(y)), y]
    rest = p.copy()
    rest[np.arange(len(y)), y] = -1
    twins = (alike >= SAME) & (y[near] != y[:, None])
    return Doubts(
        doubt=np.where(judged, 1 - own, 0).astype(np.float32),
        other=rest.argmax(axis=1),
        flagged=judged & ((confident(p, y) != y) & (own < UNLIKELY) | (own < HOPELESS)),
        twin=np.where(twins.any(axis=1), near[np.arange(len(y)), twins.argmax(axis=1)], -1),
    )


def confident(p: npt.NDArray[np.floating], y: IntArray) -> IntArray:
    """(n,) the class that each image truly has by p (n, K): the likeliest of those whose probability is at least their
    mean one among images of that label; the label itself where there is none (equations 1 and 2)."""
    classes = p.shape[1]
    limits = np.array([p[y == k, k].mean() if (y == k).any() else np.inf for k in range(classes)])
    above = np.where(p >= limits, p, -1)
    best = above.argmax(axis=1)
    return np.where(above.max(axis=1) >= 0, best, y)


def _by_folds(x: FloatArray, y: IntArray, classes: int, seed: int) -> FloatArray:
    """(n, K) probabilities by a model that was fitted without the label, and without a fifth of the others."""
    from sklearn.linear_model import LogisticRegression  # a second, which a start need not wait for

    p = np.zeros((len(y), classes), dtype=np.float32)
    order = np.random.default_rng(seed).permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    for part in range(FOLDS):
        held = by_class[part::FOLDS]
        rest = np.setdiff1d(by_class, held)
        rest = rest[thinned(y[rest], MOST_LABELS)]
        if len(held) and len(np.unique(y[rest])) > 1:
            model = LogisticRegression(C=STRENGTH, max_iter=200).fit(x[rest], y[rest])
            p[np.ix_(held, model.classes_)] = model.predict_proba(x[held])
    return p


def _neighbours(x: FloatArray, y: IntArray) -> tuple[IntArray, FloatArray]:
    """(n, k) rows of the nearest other labels, and the cosines to them."""
    among = thinned(y, MOST_NEIGHBOURS)
    k = min(NEIGHBOURS, len(among) - 1)
    found, far = finish(nearest(x, k + 1, x[among]))
    near, alike = among[found], 1 - far**2 / 2
    itself = near == np.arange(len(x))[:, None]
    itself[~itself.any(axis=1), -1] = True  # one too many where it is not among them
    return near[~itself].reshape(len(x), k), alike[~itself].reshape(len(x), k)


def _by_neighbours(near: IntArray, alike: FloatArray, y: IntArray, classes: int) -> FloatArray:
    """(n, K) shares of the neighbours' labels, the nearer the heavier."""
    weight = np.exp((alike - alike.max(axis=1, keepdims=True)) / WARMTH)
    p = np.zeros((len(near), classes), dtype=np.float32)
    for column in range(near.shape[1]):
        np.add.at(p, (np.arange(len(near)), y[near[:, column]]), weight[:, column])
    return np.asarray(p / p.sum(axis=1, keepdims=True), dtype=np.float32)
