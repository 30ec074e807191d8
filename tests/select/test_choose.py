"""What every strategy gets for free: limits, first labels, taken images without a class, near-duplicates."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from fact_core.choices import STRATEGIES, StrategyChoice
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.select import choose as module
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks, distinct, same_from

NONE = np.zeros(0, dtype=np.int64)


def rows_of(*angles: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit rows in the plane; degrees."""
    turned = np.deg2rad(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def run(name: str, x: Any, budget: int, taken: Any = NONE, y: Any = NONE, **options: Any) -> tuple[Picks, list[str]]:
    """(picks, what was said)."""
    step, said = choose_images(name, x, budget, np.asarray(taken, np.int64), y, np.random.default_rng(0), **options), []
    try:
        while True:
            event = next(step)
            said += [event.text] if isinstance(event, Log) else []
    except StopIteration as end:
        return end.value, said


def literal(order: list[int], x: Any, labeled: list[int], near: float, budget: int) -> list[int]:
    """One at a time: an image is taken when no taken or labeled one is as near."""
    kept: list[int] = []
    for row in order:
        if all(float(x[row] @ x[other]) < near for other in [*labeled, *kept]):
            kept.append(row)
    left = [row for row in order if row not in kept]
    return (kept + left)[:budget]


@pytest.mark.parametrize("block", [1024, 3])
def test_near_duplicates_are_passed_over(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fact_core.select.picks.BLOCK_ROWS", block)
    rng = np.random.default_rng(0)
    x = rows_of(*rng.uniform(0, 360, 60))
    order = rng.permutation(np.arange(2, 60))
    near = float(np.cos(np.deg2rad(7)))
    for budget in (1, 9, 40):
        found = distinct(x, Picks(order[:budget], order[budget:50]), np.array([0, 1]), near)
        assert found.rows.tolist() == literal(order[:50].tolist(), x, [0, 1], near, budget)
        assert len(found.rows) == budget and not set(found.rows.tolist()) & set(found.next_best.tolist())


def test_the_budget_is_met_where_all_are_alike() -> None:
    found = distinct(np.ones((9, 3), np.float32), Picks(np.arange(4), np.arange(4, 9)), NONE, 0.9)
    assert found.rows.tolist() == [0, 1, 2, 3] and found.next_best.tolist() == []
    assert found.info == {"near": 0.9, "near_duplicates": 5}


def test_a_repeat_of_a_labeled_image_is_not_chosen() -> None:
    x = rows_of(0, 0.5, 90, 91, 180, 270, 300, 330)  # half of the images have none within 25 degrees
    picks, said = run("random", x, 2, [0], np.array([0]), near=0.5)
    assert 1 not in picks.rows and not {2, 3} <= set(picks.rows.tolist())
    assert picks.info["near_duplicates"] == 2 and "2 near-duplicates" in said[0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random looks at 20 rows at most."""
    monkeypatch.setitem(STRATEGIES, "random", dataclasses.replace(STRATEGIES["random"], most=20))


@pytest.mark.usefixtures("small")
def test_a_large_pool_is_looked_at_through_a_sample() -> None:
    x = rows_of(*range(0, 300, 3))
    seen: set[int] = set()
    picks, said = run("random", x, 5, [50, 99], np.array([0, 1]))
    assert picks.info["sample"] == 20 and "20 images at most: a random sample of the 100" in said[0]
    everything = set(picks.rows.tolist()) | set(picks.next_best.tolist())
    assert len(picks.rows) == 5 and len(everything) == 18 and not everything & {50, 99} and max(everything) > 20
    for seed in range(30):
        step = choose_images("random", x, 5, NONE, None, np.random.default_rng(seed))
        try:
            while True:
                next(step)
        except StopIteration as end:
            seen |= set(end.value.rows.tolist())
    assert len(seen) > 60  # another part of the pool each time
    with pytest.raises(ConfigError, match="11 images and 0 labeled ones, where it can look at 20"):
        run("random", x, 11)


class Asked:
    """A strategy that notes what it is given and picks the first free rows."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []

    def select(self, x: Any, budget: int, labeled_rows: Any, labeled_y: Any, rng: Any, **options: Any) -> Any:
        self.given.append((x, labeled_rows, labeled_y))
        free = np.setdiff1d(np.arange(len(x)), labeled_rows)
        yield Log("asked")
        return Picks(free[:budget], free[budget:])


@pytest.mark.parametrize("needs", [True, False])
def test_what_is_taken_without_a_class(needs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It teaches nothing: a strategy that learns does not see it, another one sees that it is taken."""
    asked = Asked()
    monkeypatch.setitem(STRATEGIES, "asked", StrategyChoice("Asked", "Notes.", "x:y", needs_labels=needs))
    monkeypatch.setattr(module, "resolve", lambda target: asked.select)
    x = rows_of(*range(10))
    picks, _ = run("asked", x, 3, [0, 1, 2, 5], np.array([1, -1, 0, -1]))
    given, rows, y = asked.given[0]
    if needs:
        assert len(given) == 8 and given[rows].tolist() == x[[0, 2]].tolist() and y.tolist() == [1, 0]
    else:
        assert len(given) == 10 and rows.tolist() == [0, 1, 2, 5] and y is None
    assert picks.rows.tolist() == [3, 4, 6] and picks.next_best.tolist() == [7, 8, 9]


@pytest.mark.parametrize("y", [None, np.array([1, 1]), np.array([1, -1])])
def test_the_first_images_of_a_strategy_that_learns(y: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "learns", StrategyChoice("Learner", "Learns.", "none:none", needs_labels=True))
    x = rows_of(*range(0, 100, 5))
    picks, said = run("learns", x, 4, [0, 1], y, iterations=5)
    wanted, _ = run("activeft", x, 4, [0, 1], None, iterations=5)
    assert picks.rows.tolist() == wanted.rows.tolist() and picks.info["instead"] == "activeft"
    assert said[0].startswith("Learner learns from labels of at least two classes") and "ActiveFT" in said[0]


def test_an_unknown_strategy_names_the_known() -> None:
    with pytest.raises(ConfigError, match="strategy called 'best'"):
        run("best", rows_of(1, 2, 3), 1)


@pytest.mark.parametrize(("most", "block"), [(20_000, 1024), (30, 7)])
def test_how_near_is_near_depends_on_the_pool(most: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share of the middle distance to the nearest other image; copies always count."""
    monkeypatch.setattr("fact_core.select.picks.MOST_ROWS", most)
    monkeypatch.setattr("fact_core.select.picks.BLOCK_ROWS", block)
    wide, tight = rows_of(*range(0, 300, 10)), rows_of(*np.arange(0, 30, 1.0))
    for x, degrees in ((wide, 10), (tight, 1)):
        usual = 1 - np.cos(np.deg2rad(degrees))
        assert 1 - same_from(x, 0.5) == pytest.approx(0.5 * usual, rel=0.01)
    copies = np.repeat(wide, 2, axis=0)
    if most > 30:
        assert same_from(copies, 0.5) == 1 - 1e-6 and float(copies[0] @ copies[1]) >= same_from(copies, 0.5)
    assert same_from(wide[:1], 0.5) == 1 - 1e-6
