from __future__ import annotations

import math
from typing import Any

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


def few_answers(n: int, sure: float, right: float) -> tuple[Any, Any]:
    """Log-probabilities (n, 4) of answers that are so sure, and the classes: so many of them are right."""
    p = np.full((n, 4), (1 - sure) / 3)
    p[:, 0] = sure
    y = np.zeros(n, dtype=np.int64)
    y[: n - round(right * n)] = 1
    return np.log(p), y


def test_many_labels_are_believed_and_next_to_none_are_not() -> None:
    for n in (40, 200):
        log_p, y = few_answers(n, 0.6, 0.62)
        assert calibration.temperature_of(log_p, y) == calibration.temperature(log_p, y)
    assert math.isnan(calibration.temperature_of(*few_answers(9, 0.3, 1.0)))


def test_some_labels_tell_as_far_as_they_speak_beyond_chance() -> None:
    log_p, y = few_answers(30, 0.6, 0.7)  # 21 of 30 where 18 were to be expected: that may be chance
    assert calibration.temperature(log_p, y) < 0.9 and math.isnan(calibration.temperature_of(log_p, y))
    for n in (10, 20, 39):
        log_p, y = few_answers(n, 0.3, 0.9)  # hardly sure of anything, and right
        alone, told = calibration.temperature(log_p, y), calibration.temperature_of(log_p, y)
        assert alone < told < 1
        assert math.log(told) == pytest.approx(math.log(alone) * n / (n + 20))
    log_p, y = few_answers(24, 0.99, 0.5)  # far too sure
    assert 1 < calibration.temperature_of(log_p, y) < calibration.temperature(log_p, y)
