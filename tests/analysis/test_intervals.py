from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from fact_core.analysis.intervals import Z, effective_number, interval, wilson, within


def right(*values: int) -> np.ndarray:
    return np.array(values, dtype=bool)


def test_images_that_stand_alone_have_wilson_s_interval() -> None:
    some = right(1, 1, 1, 0)
    assert interval(some) == interval(some, np.arange(4)) == wilson(3, 4)
    assert wilson(3, 4) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))
    assert interval(right()) == wilson(0, 0) == (0.0, 1.0)


def test_groups_by_hand() -> None:
    """Four groups of two that are right or wrong together: p = 3/4, right_g - p n_g = .5, .5, .5, -1.5."""
    some, groups = right(1, 1, 1, 1, 1, 1, 0, 0), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    variance = 4 / 3 * (3 * 0.25 + 2.25) / 64
    wanted = 0.75 * 0.25 / variance * (Z / student.ppf(0.975, 3)) ** 2
    assert effective_number(some, groups) == pytest.approx(max(1.0, wanted))
    low, high = interval(some, groups)
    assert low < interval(some)[0] and high > interval(some)[1]


def test_copies_say_nothing_new() -> None:
    rng = np.random.default_rng(0)
    some = rng.random(400) < 0.8
    copies, groups = np.repeat(some, 5), np.repeat(np.arange(400), 5)
    assert effective_number(copies, groups) == pytest.approx(400, rel=0.02)
    assert interval(copies, groups) == pytest.approx(interval(some), abs=2e-3)


def test_all_right_counts_groups_and_one_group_says_nearly_nothing() -> None:
    groups = np.repeat(np.arange(10), 6)
    assert interval(np.ones(60, dtype=bool), groups) == wilson(10, 10)
    assert interval(np.zeros(60, dtype=bool), groups) == wilson(0, 10)
    low, high = interval(right(1, 0, 1, 1), np.zeros(4, dtype=np.int64))
    assert high - low > 0.7


def test_strata_by_hand() -> None:
    """Two strata of ten, right 9 and 5 times: sum of (1/2)^2 p (1 - p) / 9."""
    some = np.array([True] * 9 + [False] + [True] * 5 + [False] * 5)
    strata = np.repeat([0, 1], 10)
    variance = 0.25 * (0.09 + 0.25) / 9
    wanted = 0.7 * 0.3 / variance * (Z / student.ppf(0.975, 18)) ** 2
    assert effective_number(some, None, strata) == pytest.approx(wanted)
    assert effective_number(some, None, np.arange(20)) == 20  # one of each says nothing of the spread within
    assert math.isclose(effective_number(np.ones(20, dtype=bool), None, strata), 20)


def test_what_check_images_buy() -> None:
    assert [within(n) for n in (1, 10, 30, 100, 400)] == [45, 27, 17, 10, 5]
    assert within(100) == math.ceil(100 * (wilson(50, 100)[1] - 0.5))
