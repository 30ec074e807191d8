"""What more labels would let be accepted: on made-up folders whose next model is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from fact_core.analysis import promise
from fact_core.analysis.forecast import Forecast, LabelGrowth, forecast
from fact_core.types import Evidence

OPEN, CHECKS, GOAL = 3000, 200, 0.8
Folder = tuple[np.random.Generator, np.ndarray, np.ndarray]


def folder(seed: int, middle: float) -> Folder:
    """How easy each image is (OPEN + CHECKS,), and what luck it has with a model: it is right below its chance."""
    rng = np.random.default_rng(seed)
    return rng, middle + 1.6 * rng.normal(size=OPEN + CHECKS), rng.random(OPEN + CHECKS)


def answered(made: Folder, better: float, labeled: np.ndarray | None = None) -> Evidence:
    """What a model says whose logits are ``better`` by so much. labeled: places that are no longer open."""
    rng, easy, luck = made
    logits = easy + better
    right, sure = luck < expit(logits), expit(logits + 0.5 * rng.normal(size=len(easy))).astype(np.float32)
    ids = np.arange(OPEN)
    ids = ids if labeled is None else np.setdiff1d(ids, labeled)
    return Evidence(ids, ids * 0, sure[ids], ("a",), (1,), sure[OPEN:], right[OPEN:])


def told(evidence: Evidence, labels: LabelGrowth, seed: int = 0, goal: float = GOAL) -> Forecast:
    return forecast(evidence, goal, promise.DELTA, labels, np.random.default_rng(seed), draws=60)


@pytest.mark.slow
def test_what_comes_lies_between_the_ends_and_the_middle_is_nearer_than_now() -> None:
    """Twenty folders whose error falls by a sixth as the labels double; the unsure ones are labeled."""
    held, off, as_now = 0, [], []
    for seed in range(20):
        made = folder(seed, 0.7 + 0.04 * seed)
        before = answered(made, 0.0)
        unsure = before.ids[np.argsort(before.confidence)[:: len(before.ids) // 200][:100]]
        after = answered(made, 0.3, unsure)
        found = told(before, LabelGrowth(100, 0, 100), seed)
        now, came = (promise.kept(each, GOAL, promise.DELTA).accepted for each in (before, after))
        held += found.low <= came <= found.high
        off.append(abs(found.likely - came))
        as_now.append(abs(now - came))
    assert held >= 14  # eight in ten are told: 16 of 20, give or take two
    assert np.mean(off) < 0.9 * np.mean(as_now)


def test_more_labels_promise_more_and_none_changes_little() -> None:
    made = answered(folder(3, 0.9), 0.0)
    few, many = told(made, LabelGrowth(100, 0, 20)), told(made, LabelGrowth(100, 0, 800))
    assert many.likely / (OPEN - 800) > few.likely / (OPEN - 20)
    assert told(made, LabelGrowth(100, 300, 20)).likely > few.likely  # what is labeled already is learned as well
    now = promise.kept(made, GOAL, promise.DELTA).accepted
    nothing = told(made, LabelGrowth(100, 0, 0))
    assert nothing.low <= now <= nothing.high


def test_the_check_images_are_believed_and_not_the_confidences() -> None:
    """The same confidences: a model that is wrong more often than it says has little to hope for."""
    sure = answered(folder(4, 1.2), 0.0)
    wrong = replace(sure, check_right=sure.check_right & (np.arange(CHECKS) % 2 == 0))
    assert told(wrong, LabelGrowth(100, 0, 100)).likely == 0 < told(sure, LabelGrowth(100, 0, 100)).likely
    assert told(wrong, LabelGrowth(100, 0, 100)).none > 0.8


def test_a_model_of_many_classes_that_is_right_where_it_is_least_sure() -> None:
    """Confidences near 1 / 51 and all answers right: the fit goes on by half a step where a whole one leads astray."""
    rng = np.random.default_rng(0)
    sure, check = (rng.uniform(0.02, 0.06, n).astype(np.float32) for n in (OPEN, CHECKS))
    ids = np.arange(OPEN)
    made = Evidence(ids, ids * 0, sure, ("a",), (1,), check, rng.random(CHECKS) < 0.97)
    found = told(made, LabelGrowth(75, 0, 75), goal=0.9)
    assert found.likely == OPEN - 75 and found.none < 0.1


def test_images_unlike_every_class_may_come_in_as_the_classes_fill() -> None:
    made = replace(answered(folder(5, 3.0), 0.0), strange=500)
    found = told(made, LabelGrowth(100, 0, 100))
    assert OPEN - 200 < found.low < found.likely < found.high <= OPEN + 400


def test_without_check_images_or_with_nothing_left_nothing_is_promised() -> None:
    made = answered(folder(6, 2.0), 0.0)
    none = replace(made, check_confidence=made.check_confidence[:0], check_right=made.check_right[:0])
    for found in (told(none, LabelGrowth(100, 0, 100)), told(made, LabelGrowth(100, 0, OPEN))):
        assert found == Forecast(0, 0, 0, 1.0)


def test_a_large_folder_is_looked_at_in_part() -> None:
    """The middle comes to the same share; groups go with their check images."""
    made = answered(folder(7, 1.5), 0.0)
    many = np.tile(np.arange(OPEN), 10)
    large = replace(made, ids=np.arange(10 * OPEN), y=many * 0, confidence=made.confidence[many])
    few, lots = told(made, LabelGrowth(100, 0, 0)), told(large, LabelGrowth(100, 0, 0))
    assert abs(few.likely / OPEN - lots.likely / (10 * OPEN)) < 0.1
    grouped = replace(made, check_groups=np.arange(CHECKS) // 40)
    assert told(grouped, LabelGrowth(100, 0, 100)).likely == 0 < told(made, LabelGrowth(100, 0, 100)).likely
