"""Label next: what a trained model is unsure of, unlike each other and unlike what is labeled."""

from __future__ import annotations

import numpy as np

from fact_core.generators import finish
from fact_core.select.choose import choose_images
from fact_core.select.label_next import doubts
from fact_core.types import IntArray


def pick(x: np.ndarray, budget: int, labeled: list[int], y: list[int], answers: np.ndarray | None) -> IntArray:
    rng = np.random.default_rng(0)
    return finish(choose_images("next", x, budget, np.array(labeled), np.array(y), rng, answers=answers)).rows


def corners() -> np.ndarray:
    """Four groups of ten rows, each around an axis."""
    rng = np.random.default_rng(0)
    return (np.repeat(np.eye(4), 10, axis=0) + 0.05 * rng.normal(size=(40, 4))).astype(np.float32)


def test_picks_what_the_model_is_unsure_of_and_not_what_looks_like_a_label() -> None:
    answers = np.tile([0.99, 0.01], (40, 1)).astype(np.float32)
    answers[20:] = [0.5, 0.5]  # the third group and the fourth
    rows = pick(corners(), 2, [0, 10], [0, 1], answers)
    assert sorted(row // 10 for row in rows) == [2, 3]  # one of each: two of a group say the same
    answers[30:] = [0.99, 0.01]
    assert pick(corners(), 1, [0, 10], [0, 1], answers)[0] // 10 == 2
    assert pick(corners(), 1, [0, 10, 20], [0, 1, 0], answers)[0] // 10 == 3  # what is unsure is covered: a new region


def test_doubt_is_one_less_the_margin() -> None:
    p = np.array([[0.5, 0.5, 0], [0.9, 0.1, 0], [np.nan] * 3, [1, 0, 0]], dtype=np.float32)
    assert np.allclose(doubts(p), [1, 0.2, 1.2 / 3, 0], atol=1e-5)  # who was not answered counts as the mean
    assert doubts(p)[3] > 0
