"""Which answers may be accepted: the numbers a goal takes, the walk over thresholds, groups, who stands for whom."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from fact_core.analysis import promise
from fact_core.types import Evidence


def evidence(open_images: int, right: list[bool], groups: list[int] | None = None) -> Evidence:
    """Check images spread evenly over the confidences of the open images, the surest first."""
    sure = np.linspace(1, 0, open_images, dtype=np.float32)
    of_check = np.linspace(0.999, 0.001, len(right), dtype=np.float32)
    together = None if groups is None else np.array(groups)
    ids = np.arange(open_images)
    return Evidence(ids, ids * 0, sure, ("a",), (1,), of_check, np.array(right, dtype=bool), together)


def test_so_many_check_images_a_goal_takes() -> None:
    assert [promise.fewest(goal) for goal in (0.98, 0.9, 0.95, 0.5)] == [149, 29, 59, 5]
    assert 0.98**149 <= 0.05 < 0.98**148
    assert promise.fewest(0.98, promise.level(1)) == 183


def test_looks_share_what_may_go_wrong() -> None:
    assert sum(promise.level(look) for look in range(1, 10_000)) == pytest.approx(promise.DELTA, rel=1e-3)


@pytest.mark.parametrize(("checks", "accepted"), [(150, 100_000), (148, 0)])
def test_without_a_mistake_the_numbers_decide(checks: int, accepted: int) -> None:
    found = promise.kept(evidence(100_000, [True] * checks), 0.98, 0.05)
    assert (found.accepted, found.wrong, found.checks) == (accepted, 0, checks)
    assert promise.carries(evidence(100_000, [True] * checks), 0.05) == (0.98 if accepted else 0.975)


def test_it_stops_before_the_mistakes() -> None:
    """Right while sure, a coin below: what is accepted ends near the middle, and says less than the half for sure."""
    known = evidence(20_000, [True] * 500 + [True, False] * 250)
    found = promise.kept(known, 0.95, 0.05)
    assert found.threshold is not None and 9_000 < found.accepted < 11_400
    assert found.accepted == int((known.confidence >= found.threshold).sum())
    assert binom.cdf(found.wrong, found.checks, 0.05) <= 0.05


def test_a_first_mistake_is_borne_where_there_are_enough() -> None:
    assert promise.kept(evidence(5_000, [False] + [True] * 400), 0.95, 0.05).accepted > 4_000
    assert promise.kept(evidence(5_000, [False] + [True] * 70), 0.95, 0.05).accepted == 0


def test_more_is_asked_where_few_images_are_left() -> None:
    """98 % of 40 images are 39.2: none may be wrong. One wrong image of the 240 is among these with a chance of 1/6."""
    at = promise.places(evidence(40, [True] * 200))
    assert promise.p_value(at, len(at.rest) - 1, 0, 0.98) == pytest.approx(40 / 240)
    assert promise.kept(evidence(40, [True] * 200), 0.98, 0.05).threshold is None


def test_images_of_one_group_count_as_one() -> None:
    alone, together = evidence(5_000, [True] * 120), evidence(5_000, [True] * 120, [row // 4 for row in range(120)])
    assert promise.kept(alone, 0.95, 0.05).accepted == 5_000
    assert promise.places(together).effective[-1] == pytest.approx(30)
    assert promise.kept(together, 0.95, 0.05).accepted == 0 < promise.kept(together, 0.9, 0.05).accepted
    assert promise.carries(together, 0.05) < promise.carries(alone, 0.05)


def test_the_order_does_not_know_the_truth() -> None:
    """Whatever is wrong, the walk begins where it would begin otherwise: the place that fails is the same."""
    first = [promise.kept(evidence(5_000, [False] * wrong + [True] * (200 - wrong)), 0.9, 0.05) for wrong in (20, 40)]
    assert [each.threshold for each in first] == [None, None]
    assert first[0].checks == first[1].checks < 200


def test_a_check_image_beside_what_was_taken_out_speaks_for_nobody() -> None:
    check, left = np.array([0.95, 0.8, 0.3], dtype=np.float32), np.array([0.78, 0.2, 0.31], dtype=np.float32)
    gone = np.array([0.99, 0.94, 0.7], dtype=np.float32)
    assert promise.stand_for(check, left, gone).tolist() == [False, True, True]
    assert promise.stand_for(check, left, gone[:0]).all() and not promise.stand_for(check, left[:0], gone).any()


def test_nothing_to_go_by() -> None:
    nothing = evidence(0, [])
    assert promise.kept(nothing, 0.9, 0.05) == promise.Kept(None, 0, 0, 0) and promise.carries(nothing, 0.05) == 0
    assert promise.kept(evidence(100, []), 0.9, 0.05).threshold is None
    assert promise.kept(evidence(0, [True] * 100), 0.9, 0.05).accepted == 0
