"""Two classifiers on the same images: by how much they differ, and whether it is more than chance. numpy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fact_core.analysis.intervals import Z
from fact_core.types import IntArray


@dataclass(frozen=True)
class Paired:
    """One classifier minus another on n images. won, lost: images that only the first, only the second has right.

    difference: of their accuracies; interval: 95 % of it; sure: whether it is more than chance, 19 times of 20.
    """

    n: int
    won: int
    lost: int
    difference: float
    interval: tuple[float, float]
    sure: bool


def between(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], groups: IntArray | None = None) -> Paired:
    """Compare the right answers of two classifiers on the same images (n,), at least 1.

    groups (n,): images of one number belong together, so that whole groups count: the interval has the cluster-robust
    error of the mean difference (Liang and Zeger 1986, with G / (G - 1) for G groups), and only one that leaves out 0
    is sure. With a single group nothing is.
    """
    n, won, lost = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    plain = paired(n, won, lost)
    if groups is None or len(np.unique(groups)) == n:
        return plain
    if len(np.unique(groups)) < 2:
        return Paired(n, won, lost, plain.difference, (-1.0, 1.0), False)
    half = Z * error_of(first, second, groups)
    low, high = max(-1.0, plain.difference - half), min(1.0, plain.difference + half)
    low, high = min(low, plain.interval[0]), max(high, plain.interval[1])  # groups never tell more than their images
    return Paired(n, won, lost, plain.difference, (low, high), plain.sure and (low > 0 or high < 0))


def error_of(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], groups: IntArray | None = None) -> float:
    """Standard error of the difference of two accuracies on the same images (n,), cluster-robust by groups (n,).

    sqrt(G / (G - 1) sum over groups of (d_g - n_g d)^2) / n (Liang and Zeger 1986); 0 where they never differ.
    """
    apart = first.astype(np.float64) - second
    own = np.arange(len(apart)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(own, weights=apart - apart.mean())
    count = len(sums)
    return math.sqrt(float((sums**2).sum()) * count / max(1, count - 1)) / len(apart)


def paired(n: int, won: int, lost: int) -> Paired:
    """Compare two classifiers by the images on which one is right and the other wrong; n: all images, at least 1.

    The interval is the adjusted Wald interval of Bonett and Price 2012 ("Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data"), which holds what it says from few images on. McNemar's
    exact test (1947) is a little more careful: where it finds no more than chance the interval reaches to 0, and
    ``sure`` is an interval that leaves out 0. So the two never contradict each other.
    """
    first, second = (won + 1) / (n + 2), (lost + 1) / (n + 2)
    middle = first - second
    half = Z * math.sqrt(max(0.0, first + second - middle**2) / (n + 2))
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    if mcnemar(won, lost) >= 0.05:
        low, high = min(low, 0.0), max(high, 0.0)
    return Paired(n, won, lost, (won - lost) / n, (low, high), low > 0 or high < 0)


def mcnemar(won: int, lost: int) -> float:
    """The probability that chance alone parts so many images at least so unevenly: exact, two-sided."""
    few, n = min(won, lost), won + lost
    return float(min(1.0, 2 * sum(math.comb(n, k) for k in range(few + 1)) / 2**n))
