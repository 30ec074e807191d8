"""The pictures of ``bench rounds``: what labels buy, a line a way to choose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fact_core.bench import strategies_plot
from fact_core.bench.rounds import ONCE, WAYS

CHECK = 200  # check images of the rows that make a curve


def right(rows: Sequence[Mapping[str, Any]], dataset: str) -> str:
    """Which share of the images without a label is answered rightly, as SVG."""
    return strategies_plot.svg(_curve(rows, dataset), WAYS)


def finished(rows: Sequence[Mapping[str, Any]], dataset: str, goal: str) -> str:
    """Which share of the folder is labeled or accepted at a goal ("90%"), asked once, as SVG."""
    shares = []
    for row in _curve(rows, dataset):
        accepted = row.get(f"accepted {goal}{ONCE}", row[f"accepted {goal}"])
        done = row["labels"] + row["overrides"]["check"] + accepted
        shares.append({**row, "accuracy": done / row["test_images"]})
    return strategies_plot.svg(shares, WAYS)


def _curve(rows: Sequence[Mapping[str, Any]], dataset: str) -> list[Mapping[str, Any]]:
    """The rows of one folder; the first round is a single shot of as many."""
    own = [row for row in rows if row["dataset"] == dataset and row["overrides"]["check"] == CHECK]
    few = min(row["labels"] for row in own)
    first = [{**row, "strategy": "rounds"} for row in own if (row["strategy"], row["labels"]) == ("one shot", few)]
    order = list(WAYS)
    return sorted([*own, *first], key=lambda row: order.index(row["strategy"]))
