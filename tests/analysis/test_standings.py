"""Which network is proposed: numbers that a child can check."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fact_core.analysis.paired import error_of
from fact_core.analysis.standings import standings


def right(n: int, wrong: int, begin: int = 0) -> np.ndarray:
    """n images, of which so many from ``begin`` on are named wrongly."""
    return ~np.isin(np.arange(n), np.arange(begin, begin + wrong))


def test_the_best_is_proposed_and_who_may_be_as_good_is_told() -> None:
    named = {"large": right(100, 10), "small": right(100, 11, 5), "poor": right(100, 50)}
    rows, proposed = standings(named, {"large": 0.5, "small": 0.1, "poor": 0.01})
    assert [row.name for row in rows] == ["large", "small", "poor"] and proposed == "large"
    assert [row.accuracy for row in rows] == [0.9, 0.89, 0.5]
    assert [row.worse for row in rows] == [False, False, True]
    assert rows[0].behind == rows[0].error == 0 and rows[1].behind == pytest.approx(0.01)
    assert rows[0].interval[0] < 0.9 < rows[0].interval[1]


def test_the_error_of_a_difference() -> None:
    """9 images won, none lost, of 100: an error of 2.9 points, and 9 points behind."""
    rows, proposed = standings({"good": right(100, 0), "cheap": right(100, 9)}, {"good": 1.0, "cheap": 0.1})
    assert proposed == "good" and rows[1].error == pytest.approx(math.sqrt(9 - 0.81) / 100 * math.sqrt(100 / 99))


def test_equal_ones_are_told_apart_by_their_cost_alone() -> None:
    rows, proposed = standings({"a": right(9, 1), "b": right(9, 1)}, {"a": 2.0, "b": 1.0})
    assert proposed == "b" and [row.name for row in rows] == ["b", "a"]


def test_images_that_belong_together_count_once() -> None:
    """Ten frames of one film that only the first names: as one image, which may be chance."""
    first, second = right(40, 0), right(40, 10)
    film = np.r_[np.zeros(10), np.arange(1, 31)].astype(np.int64)
    assert error_of(first, second, film) > 2 * error_of(first, second)
    named, seconds = {"a": first, "b": second}, {"a": 2.0, "b": 1.0}
    assert standings(named, seconds)[0][1].worse and not standings(named, seconds, film)[0][1].worse
