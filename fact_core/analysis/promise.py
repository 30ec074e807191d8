"""Which answers may be accepted so that a goal is kept: "at least 98 % of what is accepted is right". numpy and SciPy.

Learn-then-Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021, arXiv 2110.01052, section 2 and its fixed-sequence
testing): each threshold of a grid has the hypothesis that the promise is broken there, and a p-value for it; they are
tested in an order that does not depend on the truth, from a strict threshold to laxer ones, and the first that is not
rejected ends it. The last one rejected is taken, and with a chance of 1 - alpha or more its promise is kept.

The grid: the confidences from which 1, 2, ... 100 % of the images on are accepted. The start: the strictest place at
which the check images could pass with half of the mistakes that the goal allows, at least one; where that takes more
than half of the check images, with a quarter of them; else the strictest at which they could pass without any. All this
is known before a check image's truth is looked at.

The p-value. n of the check images are accepted, k of them wrong, and m images that nobody has looked at. The promise
is about these m: it is broken by e = floor((1 - goal) m) + 1 mistakes or more. Check images are a random part of all
n + m, so that k or fewer among them while e or more are left has at most the chance
P(Hypergeometric(n + m, e + k, n) <= k):
with more mistakes in all fewer draws pass, with fewer not enough are left. For a folder that is large beside the check
images this is the binomial tail P(Binomial(n, 1 - goal) <= k) of Learn-then-Test; with (e + k) / (n + m) in the place
of 1 - goal the binomial tail is never less where it is small (Uhlmann 1966), and it is asked first, being quick.

Groups: images of one group may all be wrong together. Then n images in groups of n_g count as n^2 / sum(n_g^2) (Kish
1965, Survey Sampling, 11.7; the correlation within a group taken as 1), and the binomial tail at that number is its
continuous form, the incomplete beta function, as Korn and Graubard (1998) use it. ``bench.promise`` simulates all this.

Looks: each question that is put to the check images is a look, whatever came of it, with other images, another model or
another goal, and the looks share alpha: look t has ``DELTA`` / (t (t + 1)), which sums up to ``DELTA``. So no promise
of any look is broken with a chance of 95 % (a union bound, which asks for no independence). It does not cover a goal
that was chosen by what the check images have said; the worst such choice among all goals is simulated for one look, and
was kept as often. What is told without a look (``fewest``, ``carries``) rests on numbers of images alone.

What it rests on: check images were drawn at random from what is left open now. Images that were picked after the draw
because the model was unsure of them leave the easier ones: the promise is kept all the more. Where a person took the
surest ones out, the check images beside them in confidence are left out too (``stand_for``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc
from scipy.stats import hypergeom

from fact_core.types import Evidence, FloatArray, IntArray

DELTA = 0.05  # the chance that any promise is broken
PLACES = 100  # thresholds of the grid
LOWEST, HIGHEST, STEP = 0.80, 0.995, 0.005  # the goals that are offered
SPARES = (2, 4)  # the start can bear one in so many of the mistakes that the goal allows
EARLY = 0.5  # share of the check images that such a start takes at the most: the laxer, the likelier it fails

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """What keeps the promise. threshold: accept answers at least as sure as this; None: none may be accepted.

    accepted: how many of the open images these are; checks, wrong: of the check images as sure, and mistakes among
    them (where nothing may be accepted: at the place that failed).
    """

    threshold: float | None
    accepted: int
    checks: int
    wrong: int


@dataclass(frozen=True)
class Places:
    """The grid, strictest first: at each place (J,) the threshold, and how many open and check images are accepted.

    effective (J,): as many images that stand alone say as much as the check images there.
    """

    threshold: Numbers
    rest: IntArray
    checks: IntArray
    effective: Numbers


def level(look: int) -> float:
    """The alpha of look number 1, 2, ...: they sum up to ``DELTA``."""
    return DELTA / (look * (look + 1))


def fewest(goal: float, alpha: float = DELTA) -> int:
    """How many accepted check images a goal takes at the least, when none is wrong, in a large folder."""
    return math.ceil(math.log(alpha) / math.log(goal) - 1e-9)


def carries(evidence: Evidence, alpha: float) -> float:
    """The best of the goals offered that these check images could carry, were none of them wrong; 0 for none."""
    at = places(fair(evidence))
    goals = (float(goal) for goal in np.arange(HIGHEST, LOWEST - STEP / 2, -STEP))
    return next((round(goal, 4) for goal in goals if _start(at, goal, alpha) is not None), 0.0)


def kept(evidence: Evidence, goal: float, alpha: float) -> Kept:
    """The laxest threshold that keeps at least ``goal`` (0..1) of what is accepted right, but for a chance alpha."""
    evidence = fair(evidence)
    at = places(evidence)
    wrong = accepted(evidence.check_confidence[~evidence.check_right], at.threshold)
    start = _start(at, goal, alpha)
    if start is None:
        return Kept(None, 0, len(evidence.check_right), int((~evidence.check_right).sum()))
    quick, place = _tails(wrong, at, goal) <= alpha, start
    while place < len(at.rest) and (quick[place] or p_value(at, place, int(wrong[place]), goal) <= alpha):
        place += 1
    if place == start:
        return Kept(None, 0, int(at.checks[start]), int(wrong[start]))
    last = place - 1
    return Kept(float(at.threshold[last]), int(at.rest[last]), int(at.checks[last]), int(wrong[last]))


def fair(evidence: Evidence) -> Evidence:
    """The same with those check images alone that still speak for what is open."""
    stand = stand_for(evidence.check_confidence, evidence.confidence, evidence.gone)
    groups = evidence.check_groups
    return replace(
        evidence,
        check_confidence=evidence.check_confidence[stand],
        check_right=evidence.check_right[stand],
        check_groups=None if groups is None else groups[stand],
        gone=evidence.gone[:0],
    )


def places(evidence: Evidence) -> Places:
    """The grid of these images: nothing of it depends on what is right."""
    every = np.sort(np.concatenate([evidence.confidence, evidence.check_confidence]).astype(np.float64))[::-1]
    ends = np.ceil(np.arange(1, PLACES + 1) / PLACES * len(every)).astype(np.int64) - 1
    threshold = every[ends[ends >= 0]]
    threshold = threshold[np.append(True, np.diff(threshold) < 0)[: len(threshold)]]
    checks = accepted(evidence.check_confidence, threshold)
    effective = checks.astype(np.float64)
    if evidence.check_groups is not None:
        effective = _of_groups(evidence.check_confidence, evidence.check_groups, checks)
    return Places(threshold, accepted(evidence.confidence, threshold), checks, effective)


def p_value(at: Places, place: int, wrong: int, goal: float) -> float:
    """The chance of so few mistakes among the check images of a place where the promise is broken."""
    rest, checks = int(at.rest[place]), int(at.checks[place])
    if at.effective[place] < checks or not rest * checks:
        return float(_tails(np.full(len(at.rest), wrong), at, goal)[place])
    return float(hypergeom.cdf(wrong, rest + checks, min(rest + checks, _broken(rest, goal) + wrong), checks))


def _broken(rest: IntArray | int, goal: float) -> IntArray:
    """The least number of mistakes among so many images that breaks the promise."""
    return np.floor((1 - goal) * np.asarray(rest) + 1e-9).astype(np.int64) + 1


def _tails(wrong: IntArray, at: Places, goal: float) -> Numbers:
    """The same for each place (J,) and number of mistakes (J,) by the binomial tail: never less where it is small."""
    total = np.maximum(at.rest + at.checks, 1)
    share = np.minimum((_broken(at.rest, goal) + wrong) / total, 1)
    n = at.effective
    k = np.minimum(wrong * n / np.maximum(at.checks, 1), n)
    tail = np.where(k < n, betainc(np.maximum(n - k, 1e-9), k + 1, 1 - share), 1.0)
    return np.where(at.rest == 0, 0.0, tail)  # of nothing nothing is wrong


def stand_for(check: FloatArray, left: FloatArray, gone: FloatArray) -> npt.NDArray[np.bool_]:
    """Which check images (n,) still speak for what is open: the one nearest in confidence is open, not taken out.

    check (n,), left (m,), gone (g,): confidences of check images, of open ones, of those that a person has answered
    although nobody chose them before the check images were drawn. Of equally near ones the open one counts.
    """
    if not len(gone):
        return np.ones(len(check), dtype=np.bool_)
    if not len(left):
        return np.zeros(len(check), dtype=np.bool_)
    return _distance(check, left) <= _distance(check, gone)


def _distance(asked: FloatArray, among: FloatArray) -> Numbers:
    """How far each of (n,) is from the nearest of (m,)."""
    line = np.sort(among.astype(np.float64))
    above = np.searchsorted(line, asked)
    low, high = line[np.maximum(above - 1, 0)], line[np.minimum(above, len(line) - 1)]
    found: Numbers = np.minimum(np.abs(asked - low), np.abs(high - asked))
    return found


def _start(at: Places, goal: float, alpha: float) -> int | None:
    """The place to begin at; None where no number of right check images would do."""
    if not len(at.rest):
        return None
    some = [np.maximum(1, (at.checks * (1 - goal) / spare).astype(np.int64)) for spare in SPARES]
    for wrong, share in [*((each, EARLY) for each in some), (np.zeros_like(at.checks), 1.0)]:
        could = (_tails(wrong, at, goal) <= alpha) & (at.rest > 0) & (at.checks <= share * at.checks[-1])
        if could.any():
            return int(could.argmax())
    last = len(at.rest) - 1
    return last if at.rest[last] and p_value(at, last, 0, goal) <= alpha else None


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
