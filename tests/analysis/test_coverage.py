"""Figures about a choice of images against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fact_core.analysis import coverage
from fact_core.generators import finish
from fact_core.select.objective import pull


def unit(n: int, dims: int = 4, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1 << 24, 30])
def test_figures_are_the_formulas(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "BLOCK", block)
    pool, chosen = unit(50), unit(6, seed=1)
    found = coverage.judge(pool, chosen, 0.3)
    gaps, losses = [], []
    for row in pool.astype(np.float64):
        cos = [float(row @ other) for other in chosen]
        best = int(np.argmax(cos))
        gaps.append(1 - cos[best])
        others = sum(np.exp(float(each @ chosen[best]) / 0.07) for each in chosen.astype(np.float64))
        losses.append(np.log(1 + others * np.exp(-cos[best] / 0.07)))
    assert found.mean == pytest.approx(np.mean(gaps), abs=1e-5)
    assert found.worst == pytest.approx(max(gaps), abs=1e-5)
    assert found.covered == pytest.approx(np.mean(np.array(gaps) <= 0.3))
    assert found.objective == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_objective_is_activefts() -> None:
    import torch

    pool, chosen = unit(80), unit(9, seed=1)
    theirs = pull(torch.from_numpy(pool), torch.from_numpy(chosen), 0.07, 1.0).loss
    assert coverage.judge(pool, chosen, 0.1).objective == pytest.approx(theirs, rel=1e-4)


def lots(pool: Any, count: int, known: Any) -> tuple[float, list[coverage.Evidence]]:
    take = lambda rows: pool[rows]  # noqa: E731
    return finish(coverage.by_lot(pool, take, np.arange(len(pool)), count, known, np.random.default_rng(0)))


def test_random_choices_cover_half_within_the_radius() -> None:
    pool = unit(400)
    radius, drawn = lots(pool, 10, pool[:0])
    assert len(drawn) == coverage.DRAWS and 0.4 < np.mean([each.covered for each in drawn]) < 0.6
    told = coverage.summary(drawn)
    assert told["covered"]["low"] < told["covered"]["mean"] < told["covered"]["high"]
    assert lots(pool, 10, pool[:0]) == (radius, drawn)
    beside, _ = lots(pool, 10, pool[:40])
    assert beside < radius  # what is labeled already covers too


def test_random_choices_are_judged_like_any_other() -> None:
    pool, rng = unit(60), np.random.default_rng(0)
    radius, drawn = lots(pool, 7, pool[:2])
    chosen = [np.concatenate([pool[rng.choice(60, 7, replace=False)], pool[:2]]) for _ in range(coverage.DRAWS)]
    halves = []
    for each in chosen:
        gaps = sorted(1 - max(float(row @ other) for other in each) for row in pool)
        halves.append((gaps[29] + gaps[30]) / 2)
    assert radius == pytest.approx(np.median(halves), abs=1e-6)
    assert drawn == [coverage.judge(pool, each, radius) for each in chosen]


def test_a_choice_of_everything_covers_everything() -> None:
    """Rounding must not tell an image from itself."""
    pool = unit(50, dims=300)
    radius, drawn = lots(pool, 50, pool[:0])
    assert coverage.judge(pool, pool, radius).covered == 1.0 and {each.covered for each in drawn} == {1.0}
    assert coverage.gaps(pool, np.arange(50), pool, radius) == []


def test_regions_without_a_pick() -> None:
    kind = np.repeat([0, 1, 2], [30, 20, 10])
    pool = np.eye(4, dtype=np.float32)[kind] + 0.02 * unit(60)
    pool /= np.linalg.norm(pool, axis=1, keepdims=True)
    found = coverage.gaps(pool, kind, pool[[0]], 0.2)
    assert [(each.size, kind[each.row]) for each in found] == [(20, 1), (10, 2)]
    assert found[0].distance == pytest.approx(1 - float(pool[0] @ pool[found[0].row]))
    assert coverage.gaps(pool, kind, pool[[0, 40]], 0.2)[0].size == 10
    assert coverage.gaps(pool, kind, pool[[0]], 1.5) == []  # a radius that reaches everything


def test_a_large_pool_is_judged_by_a_sample() -> None:
    rows = coverage.sample_of(25_000, np.random.default_rng(0))
    assert len(rows) == coverage.SAMPLE == len(set(rows.tolist())) and (np.diff(rows) > 0).all() and rows.max() > 20_000
    assert coverage.sample_of(7, np.random.default_rng(0)).tolist() == list(range(7))
