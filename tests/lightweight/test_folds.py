"""Folds where images belong together, also those of several classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fact_core.finetune.weight_mix import halves
from fact_core.lightweight.folds import folds, smallest_class, together


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed(seed: int, n: int = 60, groups: int = 15, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.integers(0, groups, n)


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_several_classes_stay_whole_and_classes_are_spread(seed: int) -> None:
    y, groups = mixed(seed)
    parts = folds(y, 3, generator(seed), groups)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(y)))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not set(groups[parts[one]]) & set(groups[parts[other]])
    counts = np.array([np.bincount(y[part], minlength=3) for part in parts])
    assert (counts >= 0.1 * np.bincount(y)).all(), counts  # a third each, as far as whole groups allow
    assert [part.tolist() for part in folds(y, 3, generator(seed), groups)] == [part.tolist() for part in parts]


def test_a_class_counts_by_its_groups() -> None:
    y, groups = np.array([0, 0, 0, 1, 1, 1]), np.array([7, 7, 8, 8, 9, 9])
    assert smallest_class(y, groups) == 2 and smallest_class(y) == 3
    assert smallest_class(y, np.array([7, 7, 7, 8, 9, 9])) == 1
    assert smallest_class(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)) == 0


def test_copies_and_groups_together() -> None:
    x = np.eye(6, dtype=np.float32)
    x[3] = x[0]  # a copy
    y = np.array([0, 0, 0, 0, 1, 1])
    found = together(x, y, np.array([0, 1, 1, 2, 2, 3]))
    assert (found[:, None] == found).tolist() == (
        np.array([0, 1, 1, 0, 0, 2])[:, None] == np.array([0, 1, 1, 0, 0, 2])
    ).tolist()  # 0 and 3 are copies, 3 and 4 a group
    assert together(x, y).tolist() == [0, 1, 2, 0, 4, 5]


@pytest.mark.parametrize("seed", range(10))
def test_halves_leave_no_class_without_labels(seed: int) -> None:
    y, groups = mixed(seed, n=24, groups=7)
    both = halves(torch.from_numpy(y), generator(seed), torch.from_numpy(groups))
    assert not set(groups[both[0].numpy()]) & set(groups[both[1].numpy()])
    for held in both:
        rest = np.setdiff1d(np.arange(len(y)), held.numpy())
        assert set(y[held.numpy()]) <= set(y[rest])
