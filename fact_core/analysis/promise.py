"""Which answers may be accepted so that a goal is kept: "at least 98 % of what is accepted is right". numpy and SciPy.

Learn-then-Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021, arXiv 2110.01052, section 2 and its fixed-sequence
testing): each threshold of a grid has the hypothesis that the promise is broken there, and a p-value for it; they are
tested in an order that does not depend on the truth, from a strict threshold to laxer ones, and the first that is not
rejected ends it. The last one rejected is taken, and with a chance of 1 - alpha or more its promise is kept.

The hypotheses. The n check images are a random part of all N images, open and check images together. The grid: the
confidences from which 1, 2, ... 100 % of these N are at least as sure: N_j images at place j, W_j of them wrong. All
these numbers are fixed before the check images are drawn, and so is each hypothesis W_j >= c_j; that is what makes the
walk exact over the whole grid, and not at one of its thresholds alone. c_j = floor((1 - goal) (N_j - h_j)) + 1 + a_j,
where h_j is the number of check images to be expected at the place. a_j is half of the mistakes that these bear by a
Chernoff bound where a_j = 0, if they bear 4 or more, and 0 at the last place. K_j of the check images are wrong
there; P(Hypergeometric(N, c_j, n) <= K_j) is the p-value, for each of the wrong images is a check image or not.

The promise is about the m_j open images there, which nobody has looked at. Where W_j < c_j is shown, at most
c_j - 1 - K_j of them are wrong; the last place is taken where that is at most (1 - goal) m_j. For a folder that is
large beside the check images this is the binomial tail of Learn-then-Test. The binomial tail is never less than the
hypergeometric where both are small (Uhlmann 1966), and it is asked first, being quick.

The start: the strictest place at which as many check images as are to be expected could pass with half of the mistakes
that the goal allows, at least one; where that takes more than half of the check images, with a quarter of them; else
the strictest at which they could pass without any.

Two walks: where few check images lie at the start, two mistakes by chance end a walk although the whole folder would
keep the goal easily. So a second walk begins at the place of three quarters of the check images, and has a tenth of
alpha; the first has the rest, where it can begin with that (multi-start testing, section 2 there, by a union bound).
The laxest place of both is taken. In simulated folders of 400 whose answers are right in 95 of 100, goal 80 %, nothing
could be accepted in 16 % of draws by one walk and in 5 % by two; near the goal two accept up to 4 points less.

Groups: images of one group may all be wrong together. Then n images in groups of n_g count as n^2 / sum(n_g^2) (Kish
1965, Survey Sampling, 11.7; the correlation within a group taken as 1), and the binomial tail at that number is its
continuous form, the incomplete beta function, as Korn and Graubard (1998) use it, with c_j + K_j in the place of c_j.
This is no proof: ``bench.promise`` simulates it, as it does all the others.

Classes: where a class has a goal of its own, its answers and those of the other classes are parts with a promise each,
which share alpha (Bonferroni: so all are kept together). A class's goal is no lower than the one for all, so that this
one holds for what is accepted in all.

Looks: each question that is put to the check images is a look, whatever came of it, with other images, another model or
another goal, and the looks share alpha: look t has ``DELTA`` / (t (t + 1)), which sums up to ``DELTA``. So no promise
of any look is broken with a chance of 95 % (a union bound, which asks for no independence). It does not cover a goal
that was chosen by what the check images have said; the worst such choice among all goals is simulated for one look, and
was kept as often. What is told without a look (``fewest``, ``carries``, ``lacking``) rests on numbers of images alone.

What it rests on: check images were drawn at random from what is left open now. Images that were picked after the draw
because the model was unsure of them leave the easier ones: the promise is kept all the more. Where a person took the
surest ones out, the check images beside them in confidence are left out too (``stand_for``).
A check image that the person was shown and gave no class counts as wrong (``labeling.finishing``): the others would be
the easy ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from fact_core.analysis.promise_places import Numbers, Places, accepted, p_value, places, tails, with_more
from fact_core.types import Evidence, FloatArray, IntArray

DELTA = 0.05  # the chance that any promise is broken
LOWEST, HIGHEST, STEP = 0.80, 0.995, 0.005  # the goals that are offered
SPARES = (2, 4)  # the start can bear one in so many of the mistakes that the goal allows
EARLY = 0.5  # share of the check images that such a start takes at the most: the laxer, the likelier it fails
LATE, LITTLE = 0.75, 0.1  # the second walk: begins at this share of the check images, and has this share of alpha
MOST_NEEDED = 20_000  # check images that anybody would label
OTHERS = -1  # stands for the classes without a goal of their own


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


def carries_goal(evidence: Evidence, goal: float, alpha: float) -> bool:
    """Whether these check images could carry a goal, were none of them wrong."""
    return _start(places(fair(evidence)), goal, alpha) is not None


def lacking(evidence: Evidence, goal: float, alpha: float) -> int | None:
    """So many open images more as check images could carry a goal, were none of all wrong; None: not even all."""
    at = places(fair(evidence))
    least, most = 0, at.N - at.n
    if not most or _start(with_more(at, most - 1), goal, alpha) is None:
        return None
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if _start(with_more(at, middle), goal, alpha) is not None else (middle + 1, most)
    return least


def needed(checks: int, wrong: int, goal: float, alpha: float) -> int | None:
    """So many check images carry a goal in a large folder, were the same share of them wrong; None: no number does.

    checks, wrong: what a look has told of the check images at its place. No look is spent: nothing else is asked.
    """
    share = wrong / max(1, checks)
    if share >= 1 - goal:
        return None
    for n in range(max(1, fewest(goal, alpha)), MOST_NEEDED):
        wrong = math.ceil(share * n - 1e-9)
        if betainc(n - wrong, wrong + 1, goal) <= alpha:
            return n
    return None


def carried(checks: int, wrong: int, alpha: float) -> float:
    """The best of the goals offered that so many check images, so many of them wrong, carry in a large folder; 0: none.

    Asked with numbers that a look has told, times what more check images would make of them: arithmetic, no forecast.
    """
    goals = (round(float(goal), 4) for goal in np.arange(HIGHEST, LOWEST - STEP / 2, -STEP))
    return next((goal for goal in goals if wrong < checks and betainc(checks - wrong, wrong + 1, goal) <= alpha), 0.0)


def kept(evidence: Evidence, goal: float, alpha: float) -> Kept:
    """The laxest threshold that keeps at least ``goal`` (0..1) of what is accepted right, but for a chance alpha."""
    evidence = fair(evidence)
    at = places(evidence)
    wrong = accepted(evidence.check_confidence[~evidence.check_right], at.threshold)
    walks = [_walk(at, wrong, goal, start, share) for start, share in _starts(at, goal, alpha)]
    if not walks:
        return Kept(None, 0, len(evidence.check_right), int((~evidence.check_right).sum()))
    if (last := max(good for good, _ in walks)) < 0:
        last = walks[0][1]
        return Kept(None, 0, int(at.checks[last]), int(wrong[last]))
    return Kept(float(at.threshold[last]), int(at.rest[last]), int(at.checks[last]), int(wrong[last]))


def _walk(at: Places, wrong: IntArray, goal: float, start: int, alpha: float) -> tuple[int, int]:
    """(the laxest place of this walk that keeps the goal, -1 for none; the last place that it came to)."""
    most, place = at.most(goal, alpha), start
    quick = tails(at, wrong, most, at.effective) <= alpha
    while place < len(at.rest) and (quick[place] or p_value(at, place, int(wrong[place]), most) <= alpha):
        place += 1
    shown, left = np.arange(start, place), most - 1 - (wrong if at.alone == 1 else 0)
    good = shown[(left <= (1 - goal) * at.rest + 1e-9)[shown] & (at.rest[shown] > 0)]
    return int(good[-1]) if len(good) else -1, max(start, place - 1)


def kept_by_class(evidence: Evidence, goal: float, own: Mapping[int, float], alpha: float) -> dict[int, Kept]:
    """The same where classes have goals of their own: class (a place in ``classes``) -> what keeps its goal.

    own: class -> its goal, no lower than ``goal``. Under ``OTHERS`` stands what keeps the goal of all other classes.
    """
    evidence, share = fair(evidence), alpha / (1 + len(own))
    found = {each: kept(part(evidence, [each]), its, share) for each, its in own.items()}
    others = [each for each in range(len(evidence.classes)) if each not in own]
    return {**found, OTHERS: kept(part(evidence, others), goal, share)}


def part(evidence: Evidence, classes: Sequence[int]) -> Evidence:
    """The images whose answers are one of these classes (places in ``classes``)."""
    if evidence.check_y is None:
        raise ValueError("what the check images were taken for is not known")
    mine, checks = np.isin(evidence.y, classes), np.isin(evidence.check_y, classes)
    groups = evidence.check_groups
    return replace(
        evidence,
        ids=evidence.ids[mine],
        y=evidence.y[mine],
        confidence=evidence.confidence[mine],
        check_confidence=evidence.check_confidence[checks],
        check_right=evidence.check_right[checks],
        check_y=evidence.check_y[checks],
        check_groups=None if groups is None else groups[checks],
    )


def fair(evidence: Evidence) -> Evidence:
    """The same with those check images alone that still speak for what is open."""
    stand = stand_for(evidence.check_confidence, evidence.confidence, evidence.gone)
    groups = evidence.check_groups
    return replace(
        evidence,
        check_confidence=evidence.check_confidence[stand],
        check_right=evidence.check_right[stand],
        check_y=None if evidence.check_y is None else evidence.check_y[stand],
        check_groups=None if groups is None else groups[stand],
        gone=evidence.gone[:0],
    )


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


def _starts(at: Places, goal: float, alpha: float) -> list[tuple[int, float]]:
    """Where each walk begins, and its part of alpha: nothing of it depends on what is right."""
    first = _start(at, goal, (1 - LITTLE) * alpha)
    late = int(np.searchsorted(_counted(at)[0], LATE * at.n - 1e-9))
    if first is not None and first < late < len(at.rest):
        return [(first, (1 - LITTLE) * alpha), (late, LITTLE * alpha)]
    only = _start(at, goal, alpha)
    return [] if only is None else [(only, alpha)]


def _start(at: Places, goal: float, alpha: float) -> int | None:
    """The place where one walk begins; None where no number of right check images would do."""
    if not at.n or not len(at.rest) or at.n >= at.N:
        return None
    checks, effective = _counted(at)
    most, last = at.most(goal, alpha), len(at.rest) - 1
    some = [np.maximum(1, (checks * (1 - goal) / spare).astype(np.int64)) for spare in SPARES]
    for wrong, share in [*((each, EARLY) for each in some), (np.zeros_like(at.checks), 1.0)]:
        could = tails(at, wrong, most, effective) <= alpha
        could &= (at.total - checks >= 1) & (checks <= share * at.n)
        if could.any():
            return int(could.argmax())
    return last if p_value(at, last, 0, most) <= alpha else None


def _counted(at: Places) -> tuple[Numbers, Numbers]:
    """(check images at each place (J,), what they count as), as they are known before the truth."""
    return (at.expected, at.expected) if at.alone == 1 else (at.checks.astype(np.float64), at.effective)
