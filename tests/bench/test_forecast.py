"""The forecasts' bench on a small folder, and what the page says of them beside the rows."""

from __future__ import annotations

from typing import Any

import pytest

from app.pages.results.finish_text import TEXT
from fact_core.bench import tables
from fact_core.bench.forecast import AHEAD, NEAR, figures, measured, table
from fact_core.bench.rounds import GOALS, Folder
from fact_core.generators import finish
from tests.bench.test_rounds import cell, folder

__all__ = ["folder"]  # a fixture


@pytest.mark.slow
def test_each_forecast_stands_beside_what_came(folder: Folder) -> None:
    asked = {**cell("rounds", 27), "overrides": {"check": 150, "round": 9}}
    row = {**asked, **finish(measured(folder, asked))}
    told = row["forecasts"]
    assert len(told) == len(GOALS) * 3  # after one round: one and two more; after two: one more
    assert {(each["labels"], each["then"]) for each in told} == {(9, 18), (9, 27), (18, 27)}
    assert len(AHEAD) == 3
    for each in told:
        assert each["low"] <= each["likely"] <= each["high"] <= each["open"] - (each["then"] - each["labels"])
        same = [other for other in told if (other["labels"], other["goal"]) == (each["then"], each["goal"])]
        assert all(other["now"] == each["came"] for other in same)
    text = table([row])
    assert text.startswith("axes: 400 images, 4 classes, 150 check images, rounds of 9 up to 27, 1 seeds")
    assert text.count("\n| 80% |") == 2


def test_the_table_counts_what_was_held() -> None:
    one = {"labels": 50, "then": 100, "goal": 0.8, "open": 200, "now": 40, "low": 60, "likely": 100, "high": 140}
    held, near, missed = ({**one, "came": came} for came in (140, 58, 20))
    assert figures([held, near, missed]) == ("36.3", "23.0", "27.0", "40.0", "2 of 3")


def of(name: str, *goals: float) -> list[dict[str, Any]]:
    """All forecasts of a folder at these goals. All five seeds are there."""
    rows = [row for row in tables.rows("forecast") if row["dataset"] == name]
    assert len(rows) == 5
    return [each for row in rows for each in row["forecasts"] if each["goal"] in goals]


def test_what_the_page_says_of_forecasts_is_what_was_measured() -> None:
    """How often the range held, how far off the middle and "nothing changes" were, and to which side it failed."""
    about, (unseen, many) = TEXT["finish.forecast_about"], (of("cifar10", 0.8), of("caltech51", 0.9, 0.95))
    _, as_now, off, _, held = figures(unseen)
    assert f"the range held in {held} cases at a goal of 80 %" in about and held == "93 of 100"
    assert f"the middle was {float(off):.0f} % of the open images off, no less than" in about
    assert float(off) > 0.9 * float(as_now)
    assert f"it held in {figures(many)[4]} at 90 and 95 %; else more came than it said" in about
    assert all(each["came"] >= each["low"] - NEAR * each["open"] for each in many)
    for name in ("flowers", "caltech51", "cifar10"):
        told = of(name, *GOALS)
        held_there = figures(told)[4].split(" of ")
        assert int(held_there[0]) >= 0.8 * int(held_there[1])
