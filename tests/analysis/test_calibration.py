from __future__ import annotations

import math

import numpy as np
import pytest

from fact_core.analysis import calibration
from fact_core.analysis.calibration import Bin, Covered, bins, coverage, scaled, temperature


def test_bins_and_the_calibration_error_by_hand() -> None:
    right, sure = np.array([1, 1, 0, 1], dtype=bool), np.array([0.1, 0.55, 0.95, 1.0])
    found = bins(right, sure, 2)
    assert found == (Bin(0.0, 0.5, 1, 0.1, 1.0), Bin(0.5, 1.0, 3, pytest.approx(2.5 / 3), pytest.approx(2 / 3)))
    assert calibration.calibration_error(right, sure, 2) == pytest.approx((0.9 + 0.5) / 4)


def test_the_surest_answers_first() -> None:
    right, sure = np.array([1, 0, 1, 1, 1, 0, 1, 1, 0, 1], dtype=bool), np.linspace(1.0, 0.1, 10)
    found = coverage(right, sure)
    assert found[0] == Covered(0.5, pytest.approx(0.6), 0.8) and found[-1] == Covered(1.0, pytest.approx(0.1), 0.7)
    assert len(found) == 6 and coverage(right[:4], sure[:4]) == ()


def test_a_boastful_network_is_cooled_to_what_is_true() -> None:
    """Answers drawn from the softmax of some logits, told three times too sure."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) for row in p])
    boast = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    by = temperature(np.log(boast), y)
    assert by == pytest.approx(3, rel=0.08)
    right = boast.argmax(axis=1) == y
    before, after = (calibration.calibration_error(right, each) for each in (boast.max(axis=1), scaled(boast, by)))
    assert before > 0.15 and after < 0.04
    assert scaled(boast, 1.0) == pytest.approx(boast.max(axis=1))


def test_no_temperature_of_nothing() -> None:
    assert math.isnan(temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)))
    assert math.isnan(temperature(np.full((2, 3), np.nan), np.array([0, 1])))
