"""Which labels are likely wrong: by hand, on real images with planted mistakes, and where nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.analysis.doubts import confident, doubts
from fact_core.errors import InputError
from fact_core.types import FloatArray, IntArray


def test_the_true_class_is_the_likeliest_above_its_mean() -> None:
    """Means among the labels: class 0 (0.9 + 0.3) / 2 = 0.6, class 1 (0.8 + 0.6) / 2 = 0.7."""
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.4, 0.6]])
    y = np.array([0, 0, 1, 1])
    assert confident(p, y).tolist() == [0, 1, 1, 1]  # the last reaches no mean: its label stays


def digits(labels: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Real handwritten digits, as their pixels (labels, 64)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    some = np.random.default_rng(seed).choice(len(found.target), labels, replace=False)
    return found.data[some].astype(np.float32), found.target[some].astype(np.int64)


def flip(y: IntArray, share: float, seed: int) -> tuple[IntArray, IntArray]:
    """(labels, rows): that share of them is another class now."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(y), round(share * len(y)), replace=False)
    wrong = y.copy()
    wrong[rows] = (y[rows] + rng.integers(1, 10, len(rows))) % 10
    return wrong, rows


@pytest.mark.parametrize("seed", [0, 1])
def test_the_first_tenth_holds_most_of_the_wrong_labels(seed: int) -> None:
    x, y = digits(600, seed)
    wrong, rows = flip(y, 0.05, seed)
    found = doubts(x, wrong, seed)
    assert found is not None
    first = np.argsort(-found.doubt, kind="stable")[:60]
    assert np.isin(rows, first).mean() >= 0.9
    assert found.flagged[rows].mean() >= 0.5 and np.delete(found.flagged, rows).mean() <= 0.05
    assert (found.other[rows] == y[rows]).mean() >= 0.8  # and what they are in truth is what they look like


def test_an_image_that_is_there_twice_with_two_labels_is_told() -> None:
    x, y = digits(200, 0)
    x, y = np.concatenate([x, x[:1]]), np.concatenate([y, [(y[0] + 1) % 10]])
    found = doubts(x, y)
    assert found is not None
    assert (found.twin[200], found.twin[0]) == (0, 200)


def test_what_nobody_can_tell_is_not_doubted() -> None:
    x, y = digits(60, 0)
    y = np.where(np.arange(60) == 7, 10, y)  # a class with one label
    found = doubts(x, y)
    assert found is not None and found.doubt[7] == 0 and not found.flagged[7]
    assert doubts(x, np.zeros(60, dtype=np.int64)) is None
    assert doubts(x[:2], np.array([0, 1])) is None
    assert doubts(x[:0], y[:0]) is None
    tiny = doubts(x[:4], np.array([0, 0, 1, 1]))
    assert tiny is not None and np.isfinite(tiny.doubt).all()
    with pytest.raises(InputError):
        doubts(x, y[:3])


def test_wrong_labels_are_flagged_where_no_class_has_enough_for_models_to_be_sure() -> None:
    """Eight labels a class: what is all but impossible is told, though nothing else is as likely as its own are."""
    flagged, right = [], []
    for seed in (2, 3, 5):
        x, y = digits(80, seed)
        wrong, rows = flip(y, 0.05, seed)
        found = doubts(x, wrong, seed)
        assert found is not None
        flagged += found.flagged[rows].tolist()
        right += np.delete(found.flagged, rows).tolist()
    assert np.mean(flagged) >= 0.75 and np.mean(right) <= 0.05
