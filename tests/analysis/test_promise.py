"""Which answers may be accepted: the numbers a goal takes, the walk over thresholds, groups, who stands for whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from fact_core.analysis import promise, promise_places
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
    at = promise_places.places(evidence(40, [True] * 200))
    assert promise_places.p_value(at, len(at.rest) - 1, 0, at.most(0.98, 0.05)) == pytest.approx(40 / 240)
    assert promise.kept(evidence(40, [True] * 200), 0.98, 0.05).threshold is None


def test_images_of_one_group_count_as_one() -> None:
    alone, together = evidence(5_000, [True] * 120), evidence(5_000, [True] * 120, [row // 4 for row in range(120)])
    assert promise.kept(alone, 0.95, 0.05).accepted == 5_000
    assert promise_places.places(together).effective[-1] == pytest.approx(30)
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


def test_the_p_value_is_the_hypergeometric_tail() -> None:
    for k, images, wrong, drawn in [(0, 240, 1, 200), (3, 500, 20, 100), (7, 60, 20, 50), (5, 30, 5, 10)]:
        assert promise_places.few(k, images, wrong, drawn) == pytest.approx(
            hypergeom.cdf(k, images, wrong, drawn), rel=1e-9
        )


@pytest.mark.parametrize("goal", [0.8, 0.9])
def test_it_is_kept_over_the_whole_grid_when_every_place_lies_just_below_the_goal(goal: float) -> None:
    """The worst for a walk: wherever it goes on, a little luck is enough to break the promise. Drawn 2,000 times."""
    rng, n, checks = np.random.default_rng(0), 300, 80
    right = np.ones(n, dtype=bool)
    right[:: round(1 / (1 - goal))] = False  # of any first part less than the goal is right, or just as much
    sure, broken = np.linspace(1, 0, n, dtype=np.float32), 0
    for _ in range(2_000):
        drawn = rng.permutation(n) < checks
        ids = np.flatnonzero(~drawn)
        known = Evidence(ids, ids * 0, sure[ids], ("a",), (1,), sure[drawn], right[drawn])
        found = promise.kept(known, goal, 0.05)
        taken = right[ids][sure[ids] >= found.threshold] if found.threshold is not None else right[:0]
        broken += len(taken) > 0 and taken.mean() < goal - 1e-9
    assert broken <= 0.05 * 2_000


def test_what_more_check_images_would_buy() -> None:
    assert promise.needed(100, 0, 0.98, 0.05) == 149 == promise.fewest(0.98)
    assert promise.needed(100, 5, 0.95, 0.05) is None  # as many mistakes as the goal allows: no number helps
    more = promise.needed(100, 4, 0.95, 0.05)
    assert more is not None and binom.cdf(np.ceil(0.04 * more), more, 0.05) <= 0.05 and more > 1_000
    few = evidence(100_000, [True] * 100)
    lacks = promise.lacking(few, 0.98, 0.05)
    assert lacks is not None and promise.carries(evidence(100_000 - lacks, [True] * (100 + lacks)), 0.05) >= 0.98
    assert promise.carries(evidence(100_001 - lacks, [True] * (99 + lacks)), 0.05) < 0.98
    assert promise.lacking(evidence(60, [True] * 20), 0.995, 0.0001) is None


def test_a_class_has_a_goal_of_its_own() -> None:
    """Answers "a" are right, half of "b" are wrong: both have one part of alpha, and only the one can be accepted."""
    base = evidence(5_000, [True] * 600)
    y, check_y = np.arange(5_000) % 2, np.arange(600) % 2
    right = (check_y == 0) | (np.arange(600) % 4 == 1)
    both = replace(base, y=y, classes=("a", "b"), class_ids=(1, 2), check_y=check_y, check_right=right)
    found = promise.kept_by_class(both, 0.9, {0: 0.98}, 0.05)
    assert found[0].accepted == 2_500 and found[promise.OTHERS].threshold is None
    assert found[0] == promise.kept(promise.part(both, [0]), 0.98, 0.025)


def test_two_mistakes_among_the_surest_do_not_lose_a_goal_that_all_keep_easily() -> None:
    """Right in 95 of 100, 80 % asked, 100 of 400 are check images: one walk ended without anything in 16 % of draws."""
    nothing = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sure = rng.beta(12, 1, 400)
        right = rng.random(400) < 1 - 0.9 * (1 - sure) ** 1.2
        checks, rest = np.split(rng.permutation(400), [100])
        known = Evidence(rest, rest * 0, sure[rest], ("a",), (1,), sure[checks], right[checks])
        nothing += not promise.kept(known, 0.8, promise.level(2)).accepted
    assert nothing <= 16
    early = promise.kept(evidence(300, [False, False, *[True] * 98]), 0.5, promise.level(2))
    assert early.accepted == 300 and early.wrong == 2
