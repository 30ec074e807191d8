"""How a network is judged by a person's own labels, and which one is proposed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.lightweight.folds import folds
from fact_core.lightweight.held_out import GRID, held_out, judged_rows
from fact_core.lightweight.logistic import scaled


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clouds(apart: float, n: int = 60, dims: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n rows of three classes whose middles lie so far apart."""
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (draw.normal(size=(n, dims)) + apart * np.eye(dims)[y]).astype(np.float32), y


def test_every_row_is_named_by_the_others_as_scikit_learn_does() -> None:
    x, y = clouds(2.0)
    found = finish(held_out(x, y, rng()))
    named = np.zeros(len(y), dtype=int)
    for held in folds(y, 5, rng()):
        rest = np.setdiff1d(np.arange(len(y)), held)
        line = LogisticRegression(C=scaled(found.C, x), class_weight="balanced", tol=1e-8, max_iter=5000)
        named[held] = line.fit(x[rest].astype(np.float64), y[rest]).predict(x[held])
    assert found.C in GRID and (found.right == (named == y)).all() and 0.5 < found.right.mean() < 1


def test_noise_is_named_by_chance_and_clear_classes_rightly() -> None:
    x, y = clouds(0.0, n=300)
    assert finish(held_out(x, y, rng())).right.mean() < 0.45
    x, y = clouds(9.0)
    assert finish(held_out(x, y, rng())).right.all()


def test_names_of_classes_need_not_be_0_1_2() -> None:
    x, y = clouds(2.0)
    assert (finish(held_out(x, y * 7 + 3, rng())).right == finish(held_out(x, y, rng())).right).all()


def test_copies_of_one_image_are_held_out_together() -> None:
    """Noise that is there twice: named rightly only where its copy was learned from."""
    x, y = clouds(0.0, n=150, dims=200)
    x, y, groups = np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(np.arange(150), 2)
    assert finish(held_out(x, y, rng())).right.mean() > 0.6
    assert finish(held_out(x, y, rng(), groups)).right.mean() < 0.45


def test_classes_of_one_label_or_one_group_are_left_out() -> None:
    y = np.array([0] * 6 + [1] * 6 + [2] + [3] * 3)
    groups = np.array([*range(13), 13, 13, 13])
    assert judged_rows(y).tolist() == [*range(12), 13, 14, 15]
    assert judged_rows(y, groups).tolist() == list(range(12))
    for few in (np.array([], dtype=np.int64), np.zeros(20, dtype=np.int64), np.arange(30), np.array([0, 0, 1, 1])):
        with pytest.raises(InputError, match="too few labels to compare by"):
            judged_rows(few)
