"""ActiveFT by blocks: the same picks where memory is enough, the exact nearest images where it is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fact_core.errors import ConfigError, InputError
from fact_core.events import Log
from fact_core.generators import finish
from fact_core.select import activeft, objective, streamed
from fact_core.select.clusters import unit_rows
from fact_core.select.nearest import nearest_free
from tests.select.test_activeft import NONE, blobs
from tests.steps_help import heard


class Pool:
    """Rows of an array as shards give them; the most rows that were asked for at once."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.shape, self.most = x, x.shape, 0

    def rows(self, rows: np.ndarray) -> np.ndarray:
        self.most = max(self.most, len(rows))
        return self.x[rows]

    def blocks(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(self.x), size):
            self.most = max(self.most, min(size, len(self.x) - start))
            yield start, self.x[start : start + size].copy()


def chosen(pool: Pool, budget: int, held: int, labeled: np.ndarray = NONE, closed: np.ndarray = NONE, **options: float):
    step = streamed.select(
        pool,
        budget,
        labeled,
        np.random.default_rng(0),
        memory=held * pool.shape[1] * 4 * streamed.COPIES,
        closed=closed,
        settings=activeft.Settings(**options),
    )
    return heard(step)


def test_a_pool_that_fits_gives_the_picks_of_activeft() -> None:
    x = blobs(400)
    picks, _ = chosen(Pool(x), 9, 400, np.array([3, 5]), iterations=30)
    wanted = finish(activeft.select(x, 9, np.array([3, 5]), None, np.random.default_rng(0), iterations=30))
    assert np.array_equal(picks.rows, wanted.rows) and np.array_equal(picks.next_best, wanted.next_best)


@pytest.mark.parametrize("held", [400, 200, 385])
def test_rows_that_are_closed_are_passed_over_as_if_they_were_not_there(held: int) -> None:
    """Also where memory holds more than what is open, but not all."""
    x, labeled, closed = blobs(400), np.array([3, 5]), np.arange(380, 390)
    picks, _ = chosen(Pool(x), 9, held, labeled, closed, iterations=30)
    everyone = np.concatenate([picks.rows, picks.next_best])
    assert len(set(everyone.tolist())) == len(everyone) > 9 and not np.isin(everyone, [*labeled, *closed]).any()
    assert len(chosen(Pool(x), 9, 399, labeled, iterations=3)[0].rows) == 9
    if held == 400:
        there = np.setdiff1d(np.arange(400), closed)
        wanted = finish(activeft.select(x[there], 9, labeled, None, np.random.default_rng(0), iterations=30))
        assert np.array_equal(picks.rows, there[wanted.rows])


def test_a_larger_pool_is_chosen_from_as_well_and_never_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "BLOCK", 40 * 256)
    x = blobs(6000)
    pool, labeled = Pool(x), np.arange(10, 2000, 100)
    picks, events = chosen(pool, 40, 1500, labeled)
    assert pool.most <= 1500 and any(isinstance(event, Log) and "1,500 of 6,000" in event.text for event in events)
    everyone = np.concatenate([picks.rows, picks.next_best])
    assert len(set(everyone.tolist())) == 80 and not np.isin(everyone, labeled).any()
    whole = finish(activeft.select(x, 40, labeled, None, np.random.default_rng(0)))
    unit = unit_rows(x, "cpu")
    losses = [
        objective.pull(unit, unit[np.concatenate([rows, labeled])], 0.07, 1.0).loss for rows in (picks.rows, whole.rows)
    ]
    by_lot = np.random.default_rng(1).choice(6000, 40, replace=False)
    assert losses[0] < 1.05 * losses[1]
    assert losses[0] < objective.pull(unit, unit[np.concatenate([by_lot, labeled])], 0.07, 1.0).loss


@pytest.mark.parametrize("top", [32, 2])
def test_nearest_images_are_those_of_the_whole_pool(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where centroids lie together and take each other's images, so that the lists run out."""
    monkeypatch.setattr(streamed, "TOP", top)
    monkeypatch.setattr(streamed, "BLOCK", 12 * 64)
    x, closed = blobs(700), np.array([0, 7, 63, 64, 650])
    u = unit_rows(np.concatenate([blobs(6, seed=1), np.tile(blobs(1, seed=2), (6, 1))]), "cpu")
    weight = np.arange(12, dtype=np.float32) % 5
    rows, more = finish(streamed.nearest_of_blocks(Pool(x), u, weight, closed, 15))
    free = np.setdiff1d(np.arange(700), closed)
    wanted = finish(nearest_free(unit_rows(x, "cpu"), u, weight, free, 15))
    assert np.array_equal(rows, wanted[0]) and np.array_equal(more, wanted[1])


def test_rows_are_drawn_from_all_that_are_open() -> None:
    closed = np.array([0, 1, 5, 9])
    assert streamed._drawn(10, 6, closed, np.random.default_rng(0)).tolist() == [2, 3, 4, 6, 7, 8]
    counts = np.zeros(10, int)
    for seed in range(300):
        counts[streamed._drawn(10, 2, closed, np.random.default_rng(seed))] += 1
    assert (counts[closed] == 0).all() and (counts[[2, 3, 4, 6, 7, 8]] > 60).all()


def test_what_cannot_be_is_told() -> None:
    pool = Pool(blobs(300))
    with pytest.raises(ConfigError, match=r"too few images.*--memory"):
        chosen(pool, 20, 100)
    for budget in (0, 301):
        with pytest.raises(ConfigError, match="budget"):
            chosen(pool, budget, 299)
    pool.x[123, 2] = np.nan
    with pytest.raises(InputError, match=r"not numbers.*row 123"):
        chosen(pool, 3, 200, iterations=6)
