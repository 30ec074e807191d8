"""Numbers about how good a classifier is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fact_core.analysis.evaluate import calibration_error, confusion, log_loss, report, wilson
from fact_core.errors import InputError
from fact_core.types import About


def test_wilson_of_known_values() -> None:
    # Wilson 1927, as in any table of the score interval
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_report_counts_by_hand() -> None:
    truth = np.array([0, 0, 1, 2])
    answers = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.5, 0.3, 0.2]])
    found = report(truth, answers, ("cat", "dog", "owl"), "4 check images")
    assert found.n == 4 and found.accuracy == 0.5 and found.basis == "4 check images"
    assert found.interval == wilson(2, 4)
    assert found.confusion == ((1, 1, 0), (0, 1, 0), (1, 0, 0))
    cat, dog, owl = found.per_class
    assert (cat.name, cat.n, cat.found, cat.named) == ("cat", 2, 1, 2)
    assert (dog.n, dog.found, dog.named) == (1, 1, 2)
    assert (owl.n, owl.found, owl.named) == (1, 0, 0)
    # right with 0.8 and 0.6, wrong with 0.8 and 0.5: bins 0.8 (gap 0.6), 0.6 (0.4), 0.5 (0.5) over 4
    assert found.ece == pytest.approx((0.6 + 0.4 + 0.5) / 4)


def test_report_of_class_numbers_has_no_calibration() -> None:
    found = report(np.array([0, 1]), np.array([0, 1]), ("a", "b"), "")
    assert found.accuracy == 1.0 and math.isnan(found.ece)
    sure = report(np.array([0, 1]), np.array([0, 1]), ("a", "b"), "", confidence=np.array([1.0, 1.0]))
    assert sure.ece == 0.0


def test_calibration_error_of_a_calibrated_and_a_boastful_classifier() -> None:
    right = np.array([True, True, True, False])
    assert calibration_error(right, np.full(4, 0.75)) == pytest.approx(0.0)
    assert calibration_error(np.zeros(4, dtype=bool), np.ones(4)) == pytest.approx(1.0)


def test_log_loss() -> None:
    half = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert log_loss(np.array([0, 1]), half) == pytest.approx(math.log(2))
    assert log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-math.log(1e-7))


@pytest.mark.parametrize(
    ("truth", "answers"),
    [
        (np.array([], dtype=np.int64), np.zeros((0, 2))),
        (np.array([0, 1]), np.zeros((2, 3))),
        (np.array([0, 1]), np.array([[np.nan, 1.0], [0.5, 0.5]])),
        (np.array([0, 2]), np.array([0, 1])),
        (np.array([0, 1]), np.array([0])),
    ],
)
def test_what_does_not_fit_is_an_error_in_words(truth: np.ndarray, answers: np.ndarray) -> None:
    with pytest.raises(InputError):
        report(truth, answers, ("a", "b"), "")


def test_confusion_has_truth_in_rows() -> None:
    assert confusion(np.array([0, 0, 1]), np.array([1, 1, 1]), 2).tolist() == [[0, 2], [0, 1]]


def test_macro_f1_by_hand_and_classes_without_an_image_do_not_count() -> None:
    found = report(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ("a", "b", "c"), "test")
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    first = found.per_class[0]
    assert (first.recall, first.precision) == (wilson(1, 2), wilson(1, 1))
    assert found.per_class[2].recall == (0.0, 1.0)
    assert found.bins == found.coverage == () and (found.groups, found.leaks, found.clean) == (0, 0, None)


def test_groups_leaks_and_temperature_stand_in_the_report() -> None:
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    named = np.array([0, 0, 1, 1, 1, 1, 1, 1])
    groups = np.repeat([0, 1, 2, 3], 2)
    leaks = np.array([True] + [False] * 7)
    about = About(groups=groups, leaks=leaks, temperature=2.0, scaled=np.full(8, 0.75))
    found = report(y, named, ("a", "b"), "test", np.full(8, 0.99), about)
    assert (found.groups, found.leaks, found.clean) == (4, 1, (5, 7))
    assert found.interval[1] - found.interval[0] > wilson(6, 8)[1] - wilson(6, 8)[0]
    assert found.ece == pytest.approx(0.24) and found.ece_scaled == pytest.approx(0.0)
    assert found.temperature == 2.0 and found.bins_scaled[0].accuracy == 0.75
    assert report(y, named, ("a", "b"), "test", None, About(leaks=np.zeros(8, dtype=bool))).clean is None
