"""Check images drawn by whole groups, and picks that avoid many of one."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.errors import ConfigError
from fact_core.select import checks
from fact_core.select.picks import Picks, spread


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_groups_it_is_a_plain_draw() -> None:
    free = np.arange(10, 50)
    assert checks.draw(free, 7, rng()).tolist() == rng().choice(free, 7, replace=False).tolist()
    assert checks.draw(free, 0, rng()).tolist() == []


def test_no_group_of_a_pick_is_drawn_and_one_image_of_each() -> None:
    groups = np.repeat(np.arange(40), 5)
    taken = np.array([0, 7, 100])  # groups 0, 1 and 20
    drawn = checks.draw(np.arange(200), 12, rng(), groups, taken)
    assert len(set(drawn.tolist())) == 12 and len(set(groups[drawn])) == 12
    assert not set(groups[drawn]) & {0, 1, 20}


def test_few_groups_give_more_images_each_and_leave_groups_to_picks() -> None:
    groups = np.repeat(np.arange(9), 20)
    drawn = checks.draw(np.arange(180), 30, rng(), groups, np.zeros(0, dtype=np.int64))
    assert len(set(drawn.tolist())) == 30
    assert np.bincount(np.unique(groups[drawn], return_counts=True)[1]).tolist() == [0] * 10 + [
        3
    ]  # ten of each of three


def test_where_a_third_of_the_groups_is_too_small_others_are_taken() -> None:
    groups = np.repeat(np.arange(6), 2)
    assert len(set(checks.draw(np.arange(12), 9, rng(), groups).tolist())) == 9
    with pytest.raises(ConfigError, match="13 of 12"):
        checks.draw(np.arange(12), 13, rng(), groups)


def test_every_image_has_the_same_chance() -> None:
    sizes = np.array([1] * 60 + [10] * 14)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    hits = np.zeros(len(groups))
    for seed in range(3000):
        hits[checks.draw(np.arange(200), 8, rng(seed), groups)] += 1
    alone, grouped = hits[:60].mean() / 3000, hits[60:].mean() / 3000
    assert alone == pytest.approx(8 / 200, rel=0.15) and grouped == pytest.approx(8 / 200, rel=0.15)


def picks(rows: list[int], more: list[int]) -> Picks:
    return Picks(np.array(rows, dtype=np.int64), np.array(more, dtype=np.int64))


def test_of_a_group_one_image_is_picked_until_the_budget_needs_more() -> None:
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 4])
    none = np.zeros(0, dtype=np.int64)
    found = spread(picks([0, 1, 3, 2], [5, 4, 6]), groups, none)
    assert (found.rows.tolist(), found.next_best.tolist()) == ([0, 3, 5, 6], [1, 4, 2])
    assert found.info["of_one_group"] == 2
    found = spread(picks([0, 1, 3, 2], [5]), groups, np.array([4]))  # of group 1 there is a labeled one
    assert found.rows.tolist() == [0, 5, 1, 3]


def test_where_all_stand_alone_the_order_is_the_strategy_s() -> None:
    order = rng().permutation(30)
    found = spread(Picks(order[:12], order[12:]), np.arange(30), np.zeros(0, dtype=np.int64))
    assert found.rows.tolist() == order[:12].tolist() and found.next_best.tolist() == order[12:].tolist()
