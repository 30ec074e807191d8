"""Rows put together for a table: which may stand in one, means and deviations over seeds, and Markdown."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fact_core.bench.paper import printed
from fact_core.bench.rows import key_of

METHODS = (
    "ff",
    "lp-paper",
    "lp",
    "lm",
    "lm+",
    "lp-ft",
    "lp-lora",
    "fact",
    "l3fact",
    "fact+",
    "l3fact+",
    "fact-prompt",
    "fact-prefix",
)
#: What all rows of one table share.
SHARED = ("dataset", "backbone", "image_size", "preset", "strategy", "test_images", "overrides")
Row = Mapping[str, Any]
Value = Callable[[Row], float | None]


def groups(cells: Iterable[Row], shared: Sequence[str] = SHARED) -> list[list[Row]]:
    """Rows that may stand in one table. Of a cell that was measured twice the later row counts."""
    latest = {key_of(each): each for each in cells}
    found: dict[str, list[Row]] = {}
    for each in latest.values():
        found.setdefault(_table(each, shared), []).append(each)
    return list(found.values())


def _table(row: Row, shared: Sequence[str] = SHARED) -> str:
    """What tells the table of a row from others."""
    return json.dumps([row.get(name) for name in shared], sort_keys=True)


def caption(cells: Sequence[Row]) -> str:
    """What a table rests on, in one line."""
    one = cells[0]
    devices = " and ".join(sorted({str(each["device"]) for each in cells}))
    nets = " and ".join(dict.fromkeys(f"{each['backbone']} at {each['image_size']} px" for each in cells))
    told = f"{one['dataset']}, {nets}, effort {one['preset']}, {one['strategy']}"
    changed = f", {json.dumps(one['overrides'])}" if one.get("overrides") else ""
    tested = f"{one['test_images']:,} test images" if one.get("test_images") else "all test images"
    return f"{told}{changed}; {tested}; seeds {', '.join(map(str, sorted(seeds(cells))))}; {devices}"


def grid(cells: Sequence[Row], value: Value, *, digits: int = 1, paper: bool = False) -> str:
    """Methods by budgets: mean and deviation over seeds; ``paper``: with the paper's number where it is known."""
    part = with_frofa(cells)
    lines = [line("method", *(f"{n} labels" for n in budgets(part))), rule(1 + len(budgets(part)))]
    for method in methods(part):
        shown = []
        for n in budgets(part):
            found = of(part, method, n)
            known = [each for each in map(value, found) if each is not None]
            text = spread(known, digits, len(seeds(part))) if known or not found else "not measured"
            theirs = printed(found[0]) if paper and found else None
            shown.append(f"{text} ({theirs.text})" if theirs else text)
        lines.append(line(f"`{method}`", *shown))
    return "\n".join(lines)


def gain(cells: Sequence[Row], labels: int, method: str, other: str) -> float | None:
    """Mean accuracy of a method less that of another, in points, over the seeds that both have."""
    found = [{int(each["seed"]): accuracy(each) for each in of(cells, name, labels)} for name in (method, other)]
    shared = shared_seeds(cells, labels, method, other)
    return statistics.mean(found[0][seed] - found[1][seed] for seed in shared) if shared else None


def shared_seeds(cells: Sequence[Row], labels: int, method: str, other: str) -> set[int]:
    """The seeds that both methods have at a budget."""
    return seeds(of(cells, method, labels)) & seeds(of(cells, other, labels))


def of(cells: Iterable[Row], method: str, labels: int) -> list[Row]:
    """The rows of a method at a budget, one a seed."""
    return [each for each in cells if each["method"] == method and each["labels"] == labels]


def methods(cells: Iterable[Row]) -> list[str]:
    """The methods of the rows, in the paper's order."""
    found = {str(each["method"]) for each in cells}
    return [each for each in METHODS if each in found] + sorted(found - set(METHODS))


def budgets(cells: Iterable[Row]) -> list[int]:
    """The numbers of labels of the rows, ascending."""
    return sorted({int(each["labels"]) for each in cells})


def with_frofa(cells: Iterable[Row]) -> list[Row]:
    """Without the ablation's rows, except of methods that a table has in no other way."""
    every = list(cells)
    both = {(_table(each), each["method"]) for each in every if each["frofa"] != "none"}
    return [each for each in every if each["frofa"] != "none" or (_table(each), each["method"]) not in both]


def spread(values: Sequence[float], digits: int = 1, seeds: int = 0) -> str:
    """ "59.0 ± 1.4" of some values; how many they are where that is less than ``seeds``."""
    if not values:
        return "not run"
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{deviation}{fewer(len(values), seeds)}"


def fewer(count: int, seeds: int) -> str:
    """ " (1 of 3 seeds)" where some figure rests on fewer seeds than its table, else nothing."""
    return f" ({count} of {seeds} seeds)" if 0 < count < seeds else ""


def accuracy(row: Row) -> float:
    """Per cent."""
    return 100 * float(row["accuracy"])


def minutes(row: Row) -> float | None:
    """None for a training that was interrupted: what it did twice, and its cold caches, are not the method's.

    Nor for one that shared its core with other work, which a person has noted in the row as ``disturbed``.
    """
    return None if row.get("resumed") or row.get("disturbed") else float(row["seconds"]) / 60


def share(name: str) -> Value:
    """A field in 0..1 as per cent, None where the row has none."""
    return lambda row: None if row.get(name) is None else 100 * float(row[name])


def line(*cells: str) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def rule(columns: int) -> str:
    """What stands under the headings of a Markdown table."""
    return "|" + "---|" * columns


def seeds(cells: Iterable[Row]) -> set[int]:
    """The seeds of the rows."""
    return {int(each["seed"]) for each in cells}
