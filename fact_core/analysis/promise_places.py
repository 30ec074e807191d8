"""The grid of thresholds that a promise walks over, and the chance of few mistakes at a place of it. numpy and SciPy.

``promise`` says what is tested there and why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammaln

from fact_core.types import Evidence, FloatArray, IntArray

PLACES = 100  # thresholds of the grid
SOME = 4  # mistakes among the check images

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """The grid, strictest first. All but ``rest`` and ``checks`` is known before the check images are drawn.

    threshold (J,); total (J,): images at least as sure, open and check images; rest, checks (J,): of these the open
    ones and the check images; expected (J,): check images to be expected there; n, N: check images, images in all.
    alone: the check images say as much as so many of them that stand alone, as a share (1: they do).
    effective (J,): the number that ``checks`` count as.
    """

    threshold: Numbers
    total: IntArray
    rest: IntArray
    checks: IntArray
    expected: Numbers
    n: int
    N: int
    alone: float
    effective: Numbers

    def most(self, goal: float, alpha: float) -> IntArray:
        """(J,) c_j: so many mistakes among all images of a place, and the promise may be broken there."""
        if self.alone < 1:
            of_rest: IntArray = np.floor((1 - goal) * self.rest + 1e-9).astype(np.int64) + 1
            return of_rest
        least = np.floor((1 - goal) * (self.total - self.expected) + 1e-9).astype(np.int64) + 1
        if not self.n:
            return least
        mean = self.n * least / self.N
        bears = (mean - np.sqrt(-2 * math.log(alpha) * mean)).astype(np.int64)
        more = np.where(bears >= SOME, bears // 2, 0)
        more[-1] = 0
        return np.minimum(least + more, self.total)


def places(evidence: Evidence) -> Places:
    """The grid of these images: nothing of it depends on what is right."""
    every = np.sort(np.concatenate([evidence.confidence, evidence.check_confidence]).astype(np.float64))[::-1]
    ends = np.ceil(np.arange(1, PLACES + 1) / PLACES * len(every)).astype(np.int64) - 1
    threshold = every[ends[ends >= 0]]
    threshold = threshold[np.append(True, np.diff(threshold) < 0)[: len(threshold)]]
    rest, checks = (accepted(each, threshold) for each in (evidence.confidence, evidence.check_confidence))
    n, effective, alone = len(evidence.check_confidence), checks.astype(np.float64), 1.0
    if evidence.check_groups is not None and n:
        effective = _of_groups(evidence.check_confidence, evidence.check_groups, checks)
        alone = float(_of_groups(evidence.check_confidence, evidence.check_groups, np.array([n]))[0]) / n
    total = rest + checks
    expected = total.astype(np.float64) * (n / max(1, len(every)))
    return Places(threshold, total, rest, checks, expected, n, len(every), alone, effective)


def p_value(at: Places, place: int, wrong: int, most: IntArray) -> float:
    """The chance of so few mistakes among the check images of a place, were there ``most`` (J,) among all of it."""
    if at.alone < 1:
        return float(tails(at, np.full(len(at.rest), wrong), most, at.effective)[place])
    return few(wrong, at.N, int(most[place]), at.n)


def few(k: int, images: int, wrong: int, drawn: int) -> float:
    """P(Hypergeometric(images, wrong, drawn) <= k)."""
    i = np.arange(max(0, wrong + drawn - images), min(k, wrong, drawn) + 1, dtype=np.float64)

    def ways(of: int, some: Numbers | float) -> Numbers:
        found: Numbers = gammaln(of + 1) - gammaln(some + 1) - gammaln(of - some + 1)
        return found

    told = ways(wrong, i) + ways(images - wrong, drawn - i) - ways(images, float(drawn))
    return float(min(1.0, np.exp(told).sum()))


def tails(at: Places, wrong: IntArray, most: IntArray, effective: Numbers) -> Numbers:
    """The same for each place (J,) and number of mistakes (J,) by the binomial tail: never less where it is small.

    effective (J,): the number that the check images of a place count as, where there are groups.
    """
    if at.alone < 1:
        n, share, k = effective, (most + wrong) / np.maximum(at.total, 1), wrong * at.alone
        k = np.minimum(k, n)
    else:
        n, share, k = np.full(len(wrong), float(at.n)), most / max(1, at.N), wrong.astype(np.float64)
    found: Numbers = np.where(k < n, betainc(np.maximum(n - k, 1e-9), k + 1, 1 - np.minimum(share, 1)), 1.0)
    return found


def with_more(at: Places, more: int) -> Places:
    """The grid as it would be with so many open images more as check images."""
    n = at.n + more
    expected = at.total.astype(np.float64) * (n / max(1, at.N))
    rest, checks = (np.round(each).astype(np.int64) for each in (at.total - expected, expected))
    return replace(at, n=n, expected=expected, rest=rest, checks=checks, effective=expected * at.alone)


def accepted(confidence: FloatArray, threshold: Numbers) -> IntArray:
    """How many are at least as sure as each threshold (J,)."""
    line = np.sort(confidence.astype(np.float64))
    return (len(line) - np.searchsorted(line, threshold, side="left")).astype(np.int64)


def _of_groups(confidence: FloatArray, groups: IntArray, checks: IntArray) -> Numbers:
    """Kish's number n^2 / sum(n_g^2) of the first, surest images, for so many of them (J,)."""
    order = np.argsort(-confidence, kind="stable")
    _, place, sizes = np.unique(groups[order], return_inverse=True, return_counts=True)
    before = np.empty(len(order), dtype=np.int64)  # of each image's group, among the surer ones
    before[np.argsort(place, kind="stable")] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    squares = np.concatenate([[1], np.cumsum(2 * before + 1)])  # one more image of a group of n adds 2 n + 1
    found: Numbers = checks.astype(np.float64) ** 2 / squares[checks]
    return found
