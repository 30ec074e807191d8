"""Images of a pool that belong to no class."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.analysis.novelty import LEVEL, strangers
from fact_core.analysis.rows import unit
from fact_core.types import FloatArray, IntArray


def cloud(middles: FloatArray, each: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Rows (n, D) around each of the middles (K, D), and their classes (n,)."""
    y = np.repeat(np.arange(len(middles)), each)
    noise = np.random.default_rng(seed).normal(0, 0.4, (len(y), middles.shape[1]))
    return (middles[y] + noise).astype(np.float32), y


def middles(k: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 1, (k, 32)).astype(np.float32)


def test_images_of_no_class_are_found_and_those_of_the_classes_stay() -> None:
    x, y = cloud(middles(4, 0), 10, 1)
    mine, _ = cloud(middles(4, 0), 500, 2)
    others, _ = cloud(middles(3, 9), 100, 3)
    found = strangers(x, y, np.concatenate([mine, others]))
    assert found.shape == (2300,) and found[2000:].mean() > 0.99 and found[:2000].mean() < 3 * LEVEL


def test_the_share_is_kept_on_average_whatever_the_noise() -> None:
    """Of images of the classes, at most ``LEVEL`` and what the draw of few labels adds."""
    shares = []
    for seed in range(40):
        x, y = cloud(middles(5, seed), 6, 100 + seed)
        pool, _ = cloud(middles(5, seed), 100, 200 + seed)
        shares.append(strangers(x, y, pool).mean())
    assert np.mean(shares) < LEVEL + 0.02


@pytest.mark.parametrize(("labels", "asked"), [(18, False), (20, True)])
def test_too_few_labels_say_nothing(labels: int, asked: bool) -> None:
    """Below 19 that can be left out no image can be told to be among the last twentieth."""
    x, y = cloud(middles(2, 0), labels // 2, 1)
    others, _ = cloud(middles(1, 9), 50, 3)
    assert strangers(x, y, others).any() == asked


def test_single_labels_cannot_be_left_out_and_an_empty_pool_is_no_error() -> None:
    x, y = cloud(middles(30, 0), 1, 1)
    assert not strangers(x, y, -x).any()
    assert strangers(x, y, x[:0]).shape == (0,)
    assert strangers(x[:0], y[:0], x).tolist() == [False] * 30


def test_classes_without_a_label_are_no_place_to_belong_to() -> None:
    x, y = cloud(middles(3, 0), 20, 1)
    there = y != 1
    found = strangers(x[there], y[there], x)
    assert found[~there].mean() > 0.9 and found[there].mean() <= 2 * LEVEL


def test_what_fits_no_class_stands_for_itself_and_lowers_no_bar() -> None:
    x, y = cloud(middles(3, 0), 20, 1)
    odd, _ = cloud(middles(6, 9), 1, 4)  # six images that have nothing in common
    again = odd.repeat(20, axis=0) + np.random.default_rng(5).normal(0, 0.1, (120, 32)).astype(np.float32)
    pool = np.concatenate([again, cloud(middles(4, 20), 40, 6)[0]])
    both = strangers(np.concatenate([x, odd]), np.concatenate([y, np.full(6, -1)]), pool)
    assert strangers(x, y, pool).mean() > 0.99
    assert not both[:120].any(), "what looks like one of them is no stranger any more"
    assert both[120:].mean() > 0.99, "all else still is"
    as_a_class = strangers(np.concatenate([x, odd]), np.concatenate([y, np.full(6, 3)]), pool)
    assert as_a_class[120:].mean() < 0.5, "as one class, whose images are not alike, they would hide nearly all"


def test_many_images_go_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cloud(middles(3, 0), 20, 1)
    pool, _ = cloud(np.concatenate([middles(3, 0), middles(3, 5)]), 10, 2)
    whole = strangers(x, y, pool)
    monkeypatch.setattr("fact_core.analysis.novelty.ROWS", 7)
    assert np.array_equal(strangers(x, y, pool), whole)
    means = unit(np.stack([unit(x)[y == k].sum(axis=0) for k in range(3)]))
    assert (unit(pool) @ means.T).max(axis=1)[whole].max() < (unit(pool) @ means.T).max(axis=1)[~whole].min()
