"""``launch.py bench learning-curve``: what the page says that more labels bring, beside what they brought.

Nothing is trained: the rows of ``results/`` tell how often models of the same recipe, seed and folder are right with
fewer and with more labels. Of each pair the model with fewer answers ``CHECK`` check images, drawn by its accuracy, and
the range that is told (``analysis.learning_curve``) is held against the accuracy of the one with more.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fact_core.analysis.learning_curve import FARTHEST, gain
from fact_core.bench import tables
from fact_core.bench.grids import line, rule
from fact_core.bench.rows import KEY, Row, key_of, named_now
from fact_core.events import Log
from fact_core.types import Step

CHECK = (100, 200)
#: Files of rows. Those of other kinds have no accuracies of one recipe with several numbers of labels.
FILES = (
    "rounds",
    "tables-flowers32",
    "tables-cifar10-standard",
    "tables-cifar10-one-round",
    "tables-cifar10-small-rates",
    "tables-cifar10-lora-small-rate",
    "tables-cifar10-strategies",
    "tables-cifar10-paper",
    "tables-cifar10-vit",
    "tables-cifar10-lt",
)
#: The range was chosen on these.
CHOSEN_ON = ("flowers", "flowers32 (own)", "caltech51")
NEAR = 0.005  # what came so near to an end lies in the range, too


def run(full: bool) -> Step[dict[str, Any]]:
    """A row for each folder and number of check images."""
    rows = list(measured())
    for row in rows:
        yield Log(f"{row['data']}, {row['check']} check images: held {row['held']} of {row['pairs']}")
    return {"text": table(rows), "json": rows}


def measured() -> Iterator[Row]:
    """What was told beside what came, for each folder."""
    pairs: dict[str, list[tuple[int, int, float, float]]] = {}
    for file in FILES:
        for name, each in _pairs(file):
            pairs.setdefault(name, []).append(each)
    for name, own in pairs.items():
        for check in CHECK:
            yield _held(name, own, check)


def _pairs(file: str) -> Iterator[tuple[str, tuple[int, int, float, float]]]:
    """(folder, (labels, more labels, accuracy, accuracy with more)) of all pairs that differ in the labels alone.

    Rounds of "Label next" are measured on what they leave, which is easier each time, and are passed over.
    """
    same: dict[str, dict[int, float]] = {}
    names: dict[str, str] = {}
    for row in map(named_now, tables.rows(file)):
        if row["strategy"] == "rounds":
            continue
        key = key_of(row, [name for name in KEY if name != "labels"])
        same.setdefault(key, {})[row["labels"]] = row["accuracy"]
        names[key] = row["dataset"]
    for key, found in same.items():
        labels = sorted(found)
        for place, few in enumerate(labels):
            for many in labels[place + 1 : place + 3]:
                if many / few <= FARTHEST:
                    yield names[key], (few, many, found[few], found[many])


def _held(name: str, pairs: Sequence[tuple[int, int, float, float]], check: int) -> Row:
    rng = np.random.default_rng(0)
    ranges = [gain(int(rng.binomial(check, before)), check, many / few) for few, many, before, _ in pairs]
    brought = [after - before for _, _, before, after in pairs]
    beside = list(zip(ranges, brought, strict=True))

    def mean(values: Iterable[float]) -> float:
        return round(100 * statistics.mean(values), 1)

    return {
        "data": name,
        "chosen_on": name in CHOSEN_ON,
        "check": check,
        "pairs": len(pairs),
        "held": sum(told.low - NEAR <= came <= told.high + NEAR for told, came in beside),
        "came": mean(brought),
        "as_now_off": mean(map(abs, brought)),
        "off": mean(abs(came - told.likely) for told, came in beside),
        "wide": mean(told.high - told.low for told in ranges),
        "above": sum(came > told.high + NEAR for told, came in beside),
    }


def table(rows: Sequence[Row]) -> str:
    """Markdown, a line for each folder and number of check images; points of accuracy."""
    heads = ("data", "check images", "pairs", "came", "as now: off by", "told: off by", "eight in ten: wide", "held")
    lines = [line(*heads, "more came"), rule(len(heads) + 1)]
    for row in rows:
        name = row["data"] + (" (chosen on it)" if row["chosen_on"] else "")
        figures = (row["came"], row["as_now_off"], row["off"], row["wide"])
        held = f"{row['held']} of {row['pairs']}"
        lines.append(line(name, f"{row['check']}", f"{row['pairs']}", *map(str, figures), held, f"{row['above']}"))
    return "\n".join(lines)
