"""The forecasts' bench on a small folder, and what the page says of them beside the rows."""

from __future__ import annotations

from typing import Any

import pytest

from app.pages.results.finish_text import TEXT
from fact_core.bench import tables
from fact_core.bench.forecast import AHEAD, figures, measured, table
from fact_core.bench.rounds import GOALS, Folder
from fact_core.generators import finish
from tests.bench.test_rounds import cell, folder

__all__ = ["folder"]  # a fixture


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


def of(name: str, more: float, goals: tuple[float, ...] = GOALS) -> list[dict[str, Any]]:
    """The forecasts of a folder so many rounds ahead. All five seeds are there."""
    rows = [row for row in tables.rows("forecast") if row["dataset"] == name]
    assert len(rows) == 5
    each = rows[0]["overrides"]["round"]
    told = (one for row in rows for one in row["forecasts"])
    return [one for one in told if one["then"] - one["labels"] == more * each and one["goal"] in goals]
