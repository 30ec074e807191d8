"""The 95 % interval of a share of right answers: of images that stand alone, of groups, of strata. numpy and SciPy.

Images of one group are right or wrong together, so that they say less than as many that stand alone. The variance of
the share p of n images in G groups is that of a ratio (Cochran 1977, Sampling Techniques, equation 11.31, without the
finite population correction), which is the cluster-robust one of Liang and Zeger (1986) with the factor G / (G - 1):

    V = G / (G - 1) * sum over groups of (right_g - p n_g)^2 / n^2

Strata that were drawn in proportion add up instead: V = sum over strata of (n_h / n)^2 p_h (1 - p_h) / (n_h - 1).
Either way n_eff = p (1 - p) / V images that stand alone say as much, times (z / t)^2 with t of Student's distribution
with G - 1 (n - H) degrees of freedom, and Wilson's interval is taken at that number (Korn and Graubard 1998; Dean and
Pagano 2015 found Wilson's form of it to hold best). Where all are right or all wrong V says nothing: then as many count
as there are groups.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from fact_core.types import IntArray

Right = npt.NDArray[np.bool_]
Interval = tuple[float, float]

Z = 1.959963984540054


def wilson(right: float, n: float) -> Interval:
    """95 % interval of a share of ``right`` of ``n`` (Wilson 1927); (0, 1) for n = 0. Both may be effective numbers."""
    if n <= 0:
        return 0.0, 1.0
    share = right / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # at 0 and n the formula meets the end exactly; rounding does not
    return (0.0 if right == 0 else middle - half), (1.0 if right == n else middle + half)


def within(n: int) -> int:
    """Within how many points n images tell an accuracy, whatever it is: half of the widest interval, rounded up."""
    low, high = wilson(n / 2, n)
    return math.ceil(50 * (high - low) - 1e-9)


def interval(right: Right, groups: IntArray | None = None, strata: IntArray | None = None) -> Interval:
    """95 % interval of the share of right answers (n,). groups (n,): images of one number belong together; strata (n,):
    images of one number were drawn for themselves, in proportion. With both the strata are passed over."""
    n, hits = len(right), int(np.count_nonzero(right))
    if n == 0:
        return 0.0, 1.0
    effective = effective_number(right, groups, strata)
    return wilson(hits / n * effective, effective) if effective != n else wilson(hits, n)


def effective_number(right: Right, groups: IntArray | None = None, strata: IntArray | None = None) -> float:
    """How many images that stand alone say as much as these: n at the most, but for strata."""
    n = len(right)
    if groups is not None:
        _, place = np.unique(groups, return_inverse=True)
        count = int(place.max()) + 1
        return float(n) if count == n else _of_groups(right, place, count)
    if strata is not None:
        return _of_strata(right, np.unique(strata, return_inverse=True)[1])
    return float(n)


def _of_groups(right: Right, place: IntArray, count: int) -> float:
    n, share = len(right), float(right.mean())
    if count < 2:
        return 1.0
    if share in (0.0, 1.0):
        return float(count)
    off = np.bincount(place, weights=right - share)
    variance = count / (count - 1) * float((off**2).sum()) / n**2
    return _shrunk(share, variance, count - 1, n)


def _of_strata(right: Right, place: IntArray) -> float:
    n, share = len(right), float(right.mean())
    sizes = np.bincount(place).astype(np.float64)
    shares = np.bincount(place, weights=right) / sizes
    if share in (0.0, 1.0) or (sizes < 2).any():
        return float(n)
    variance = float(((sizes / n) ** 2 * shares * (1 - shares) / (sizes - 1)).sum())
    return _shrunk(share, variance, n - len(sizes), 2 * n)


def _shrunk(share: float, variance: float, freedom: int, most: float) -> float:
    """n_eff, no more than ``most``, less what the variance is uncertain by."""
    effective = share * (1 - share) / variance if variance > 0 else most
    return float(max(1.0, min(most, effective * (Z / float(stdtrit(freedom, 0.975))) ** 2)))
