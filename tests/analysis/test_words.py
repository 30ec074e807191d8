"""What images look like by the names of classes, and when the labels are asked in their place."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.analysis.words import ENOUGH, by_words, words_first


def test_the_likeliest_class_and_how_likely_it_is() -> None:
    found = by_words(np.array([[1.0, 1.0 + np.log(3.0)], [400.0, -400.0]], dtype=np.float32))
    assert found.y.tolist() == [1, 0]
    assert found.confidence.tolist() == pytest.approx([0.75, 1.0])


def apart(each: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of features that no neighbour mixes up."""
    y = np.repeat([0, 1], each)
    return np.eye(2)[y] + 0.01 * np.arange(2 * each)[:, None], y


def test_names_come_first_until_labels_are_enough_or_prove_better() -> None:
    x, y = apart(3)
    nothing = np.zeros(0, dtype=np.int64)
    assert words_first(nothing, np.zeros((0, 2)), nothing, 5)
    assert words_first(y[:3], x[:3], y[:3], 5), "labels of one class know nothing of the others"
    assert words_first(y, x, y, 5), "they are as right as the neighbours"
    assert not words_first(1 - y, x, y, 5), "wrong names give way at once"
    assert words_first(1 - y[::3], x[::3], y[::3], 5), "a single label a class has no neighbour that proves anything"
    x, y = apart(ENOUGH)
    assert not words_first(y, x, y, 2) and words_first(y, x, y, 3)
