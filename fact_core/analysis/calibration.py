"""Whether confidences are honest: bins, the calibration error, temperature, and what the surest answers are worth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fact_core.types import Bin, Covered, IntArray

BINS = 15  # of confidence, equally wide, for the calibration error and its diagram
STEPS = 10  # of coverage
FEWEST = 5  # answers that a share is said of
COOLEST, HOTTEST = 0.05, 20.0
MANY, LEAST = 40, 10  # labels left out: from so many on their temperature is taken as it is; fewer say nothing
SURELY = 6.63  # chi-squared of one degree of freedom, 99 %: likelier than without a temperature, and not by chance
HELD_BACK = 20  # labels that a temperature of few is drawn towards 1 by

Floats = npt.NDArray[np.floating]
Right = npt.NDArray[np.bool_]


def bins(right: Right, confidence: Floats, count: int = BINS) -> tuple[Bin, ...]:
    """The bins that hold an answer. right (n,); confidence (n,) in 0..1."""
    sure = np.asarray(confidence, dtype=np.float64)
    place = np.minimum((sure * count).astype(np.int64), count - 1)
    sizes = np.bincount(place, minlength=count)
    sums = np.bincount(place, weights=sure, minlength=count)
    hits = np.bincount(place, weights=right.astype(np.float64), minlength=count)
    return tuple(
        Bin(b / count, (b + 1) / count, int(sizes[b]), float(sums[b] / sizes[b]), float(hits[b] / sizes[b]))
        for b in np.flatnonzero(sizes).tolist()
    )


def calibration_error(right: Right, confidence: Floats, count: int = BINS) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, by bin size (ECE)."""
    found = bins(right, confidence, count)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in found) / max(1, len(right))


def coverage(right: Right, confidence: Floats) -> tuple[Covered, ...]:
    """What the surest answers are worth, from few of them to all: right (n,), confidence (n,)."""
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    hits, n = np.cumsum(right[order]), len(right)
    ends = sorted({round(n * step / STEPS) for step in range(1, STEPS + 1)})
    return tuple(
        Covered(end / n, float(confidence[order[end - 1]]), float(hits[end - 1] / end)) for end in ends if end >= FEWEST
    )


def temperature(log_p: Floats, y: IntArray) -> float:
    """What the logits of log-probabilities (n, K) are to be divided by for the smallest mean log-loss on y (n,).

    One number for all, ``COOLEST`` to ``HOTTEST`` (temperature scaling: Guo et al. 2017, section 4.2). NaN for none.
    """
    if not len(y) or not np.isfinite(log_p).all():
        return math.nan
    from scipy.optimize import minimize_scalar  # a third of a second, which a page that starts does without

    wide = np.asarray(log_p, dtype=np.float64)

    def loss(exponent: float) -> float:
        scaled = wide / math.exp(exponent)
        most = scaled.max(axis=1)
        total = most + np.log(np.exp(scaled - most[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(y)), y]).mean())

    found = minimize_scalar(loss, bounds=(math.log(COOLEST), math.log(HOTTEST)), method="bounded")
    return math.exp(float(found.x))


def temperature_of(log_p: Floats, y: IntArray) -> float:
    """The ``temperature`` of labels y (n,) that were left out, as far as so many can tell it; NaN where they cannot.

    ``MANY`` and more are believed. Of fewer it is taken only where it makes them likelier beyond chance (likelihood
    ratio, ``SURELY``), and is drawn towards 1 (in logarithms by n / (n + ``HELD_BACK``)): left as it is, a temperature
    of 10 to 39 labels made the flowers' confidences worse in half of the draws. ``LEAST`` is the fewest.
    """
    n = len(y)
    found = temperature(log_p, y) if n >= LEAST else math.nan
    if n >= MANY or math.isnan(found):
        return found
    loss = [-np.log(at_temperature(np.exp(log_p), by)[np.arange(n), y]).sum() for by in (1.0, found)]
    return math.exp(math.log(found) * n / (n + HELD_BACK)) if 2 * (loss[0] - loss[1]) > SURELY else math.nan


def scaled(p: Floats, by: float) -> npt.NDArray[np.float64]:
    """The confidences (n,) of probabilities (n, K) whose logits are divided by a temperature."""
    return np.asarray(at_temperature(p, by).max(axis=1), dtype=np.float64)


def at_temperature(p: Floats, by: float) -> npt.NDArray[np.float64]:
    """Probabilities (n, K) whose logits are divided by a temperature; as they are where that is NaN."""
    if math.isnan(by):
        return np.asarray(p, dtype=np.float64)
    logits = np.log(np.clip(np.asarray(p, dtype=np.float64), 1e-12, 1.0)) / by
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)
