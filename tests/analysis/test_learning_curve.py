"""What more labels bring: the range against its definition, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fact_core.analysis.learning_curve import FARTHEST, MEDIAN, SPREAD, gain


@pytest.mark.parametrize(("right", "n", "growth"), [(60, 100, 2.0), (95, 100, 1.5), (30, 50, 4.0), (12.5, 20.8, 1.1)])
def test_the_range_is_that_of_errors_times_what_the_power_takes(right: float, n: float, growth: float) -> None:
    """By quadrature over both distributions in place of draws."""
    errors = stats.beta(n - right + 0.5, right + 0.5).ppf((np.arange(400) + 0.5) / 400)
    powers = stats.lognorm(SPREAD, scale=MEDIAN).ppf((np.arange(400) + 0.5) / 400)
    every = np.sort((errors[:, None] * (1 - growth ** -powers[None])).ravel())
    low, likely, high = every[[16_000, 80_000, 144_000]]
    found = gain(right, n, growth)
    assert math.isclose(found.low, low, rel_tol=0.08) and math.isclose(found.high, high, rel_tol=0.08)
    assert math.isclose(found.likely, likely, rel_tol=0.06)
    assert gain(right, n, growth) == found, "the same numbers give the same answer"


def test_more_labels_bring_more_and_better_models_less() -> None:
    assert gain(60, 100, 1.0).high == 0
    assert gain(60, 100, 1.5).likely < gain(60, 100, 3.0).likely
    assert gain(90, 100, 2.0).likely < gain(60, 100, 2.0).likely
    wide, narrow = gain(6, 10, 2.0), gain(600, 1000, 2.0)
    assert wide.high - wide.low > narrow.high - narrow.low
    assert 0 <= gain(100, 100, 2.0).low <= gain(100, 100, 2.0).high < 0.02
    assert gain(0, 10, FARTHEST).high < 1


@pytest.mark.parametrize(("n", "growth"), [(100, 0.9), (100, 4.1), (0, 2.0), (100, math.nan)])
def test_what_cannot_be_told_is_refused(n: float, growth: float) -> None:
    with pytest.raises(ValueError, match="growth"):
        gain(0, n, growth)
