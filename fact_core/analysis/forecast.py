"""How many images may be accepted once more are labeled: many draws of what the next model and the check images may be.

What is known now: how sure the model is of the open images, and of which check images it is right. Each draw:

1. The confidences c are held against the check images: logit q = a + b logit c, with a and b from their normal
   approximation (Platt 1999, "Probabilistic outputs", with a weak prior at the confidences as they are).
2. The next model errs less: the mean error falls as labels^-g, a power law (Hestness et al. 2017, arXiv 1712.00409,
   section 2), with g from ``GROWTH``. All logits rise by one number, so that it comes to that.
3. Another model is not sure of the same images: each logit is moved at random (``MOVED``).
4. What is labeled is no longer open. It is drawn as "Label next" chooses it: the likelier, the likelier it is wrong
   (by this chance to the power of ``UNSURE``).
5. A check image's answer is kept where its chance of being right did not fall, a wrong one is mended by as much as the
   chance rose; a share of them is answered anew (``ANEW``), as another model does not err on the same images.
6. Images that are unlike every class may not be accepted; some of them will no longer be, as the classes fill: from
   none to all of them.
7. The promise is asked (``promise.kept``).

The middle of the draws is the forecast, and eight in ten lie between its ends. ``bench forecast`` holds it against what
came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from fact_core.analysis import promise
from fact_core.types import Evidence

DRAWS = 200
GROWTH = (0.1, 0.6)  # 0.05 to 0.4 between two numbers of labels of the tables in RESULTS.md, more with 51 classes
MOVED, ANEW, UNSURE = 0.5, 0.2, 3.0  # chosen, with GROWTH, on the flowers and on Caltech's classes
WEAK = (0.05, 4.0)  # the prior's precision of a at 0 and of b at 1
FLATTEST = 0.1  # b of a draw: a model that is surer where it is wrong more often would say nothing
SHIFTS = (-6.0, 12.0)  # of all logits
ENDS = (10, 50, 90)  # per cent of the draws
STEPS, SMALL = 50, 1e-6
LARGEST = 10_000  # open images that are looked at: more of them change nothing but the time

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """Images that may be accepted: the middle of the draws, and between what eight in ten lie.

    none: the share of draws (0..1) in which nothing may be.
    """

    low: int
    likely: int
    high: int
    none: float


@dataclass(frozen=True)
class LabelGrowth:
    """Images to learn from: those of the model that answered, those labeled since (of which none is open), and more.

    since is less than 0 where more labels were taken back since than given.
    """

    learned: int
    since: int
    more: int

    @property
    def growth(self) -> float:
        """How many times as many the next model learns from."""
        return max(1, self.learned + self.since + self.more) / max(1, self.learned)


def forecast(
    evidence: Evidence, goal: float, alpha: float, labels: LabelGrowth, rng: np.random.Generator, draws: int = DRAWS
) -> Forecast:
    """What may be accepted at a goal (0..1) and a chance of error alpha, once so many labels more are learned.

    evidence is of the model of ``labels.learned``.
    """
    evidence = promise.fair(evidence)
    left = max(0, evidence.open - labels.more)
    able = len(evidence.ids) / max(1, evidence.open)
    some = rng.permutation(len(evidence.ids))[:LARGEST]
    size = round(len(some) * left / max(1, evidence.open))
    if not size or not len(evidence.check_right):
        return Forecast(0, 0, 0, 1.0)
    rest, check = _logits(evidence.confidence[some]), _logits(evidence.check_confidence)
    mean, spread = _fitted(check, evidence.check_right)
    found = np.empty(draws, dtype=np.int64)
    for draw in range(draws):
        a, b = rng.multivariate_normal(mean, spread)
        fall = labels.growth ** -rng.uniform(*GROWTH)
        before, q, ahead = _next(a, max(b, FLATTEST), rest, check, fall, rng)
        drawn = UNSURE * np.log(np.maximum(1 - before[0], 1e-9)) + rng.gumbel(size=len(some))
        kept = np.argpartition(drawn, size - 1)[:size]
        asked = replace(
            evidence,
            ids=evidence.ids[some[kept]],
            y=evidence.y[some[kept]],
            confidence=q[kept].astype(np.float32),
            check_confidence=ahead.astype(np.float32),
            check_right=_answered(evidence.check_right, before[1], ahead, rng),
        )
        share = promise.kept(asked, goal, alpha).accepted / size
        found[draw] = round(share * rng.uniform(able, 1) * left)
    low, likely, high = (round(float(each)) for each in np.percentile(found, ENDS))
    return Forecast(low, likely, high, float((found == 0).mean()))


def _next(
    a: float, b: float, rest: Numbers, check: Numbers, fall: float, rng: np.random.Generator
) -> tuple[tuple[Numbers, Numbers], Numbers, Numbers]:
    """Chances of being right: of open images (m,) and check images (n,) now; then of the ones; of the others.

    fall: of the mean error.
    """
    open_now, check_now = a + b * rest, a + b * check
    up = _shift(open_now, float((1 - expit(open_now)).mean()) * fall)

    def moved(now: Numbers) -> Numbers:
        chance: Numbers = expit(now + up + MOVED * rng.standard_normal(len(now)))
        return chance

    return (expit(open_now), expit(check_now)), moved(open_now), moved(check_now)


def _answered(
    right: npt.NDArray[np.bool_], now: Numbers, then: Numbers, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which check images (n,) the next model answers rightly, given which are right now and the chances of both."""
    mended = (then - now) / np.maximum(1 - now, 1e-9)
    lost = 1 - then / np.maximum(now, 1e-9)
    luck = rng.random(len(right))
    same = np.where(right, luck >= lost, luck < mended)
    return np.where(rng.random(len(right)) < ANEW, rng.random(len(right)) < then, same)


def _logits(confidence: npt.NDArray[np.floating]) -> Numbers:
    found: Numbers = logit(np.clip(confidence.astype(np.float64), 1e-6, 1 - 1e-6))
    return found


def _fitted(x: Numbers, right: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Mean (2,) and covariance (2, 2) of a and b in logit P(right) = a + b x. Newton's steps, halved where too far."""
    design, weak, start = np.stack([np.ones_like(x), x], axis=1), np.diag(WEAK), np.array([0.0, 1.0])

    def loss(at: Numbers) -> float:
        told = np.logaddexp(0, np.where(right, -1, 1) * (design @ at)).sum()
        return float(told + (at - start) @ weak @ (at - start) / 2)

    at, precise = start, weak
    for _ in range(STEPS):
        p = expit(design @ at)
        precise = design.T @ (design * (p * (1 - p))[:, None]) + weak
        step, size = np.linalg.solve(precise, design.T @ (right - p) - weak @ (at - start)), 1.0
        while loss(at + size * step) > loss(at) and size > SMALL:
            size /= 2
        at = at + size * step
        if size * np.abs(step).max() < SMALL:
            break
    return at, np.linalg.inv(precise)


def _shift(logits: Numbers, error: float) -> float:
    """The number by which all logits (m,) rise so that their mean error comes to ``error``: Newton's steps, bounded."""
    (low, high), at = SHIFTS, 0.0
    for _ in range(STEPS):
        wrong = expit(-(logits + at))
        miss = float(wrong.mean()) - error
        low, high = (at, high) if miss > 0 else (low, at)
        if abs(miss) < SMALL * error or high - low < SMALL:
            break
        at += miss / max(float((wrong * (1 - wrong)).mean()), SMALL)
        if not low < at < high:
            at = (low + high) / 2
    return at
