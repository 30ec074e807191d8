"""``launch.py bench forecast``: what the page says that more labels would let be accepted, beside what came.

A folder whose classes are known is labeled round by round, as in ``bench rounds``. After each round the program says
how many images could be accepted after one, two and four rounds more (``analysis.forecast``). Then these rounds are
labeled, and the same promise is asked of the model that came. "As now" says that nothing will change.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fact_core.analysis import promise
from fact_core.analysis.forecast import LabelGrowth, forecast
from fact_core.bench import known_folder, rounds
from fact_core.bench.grids import line, rule
from fact_core.bench.rounds import GOALS, NONE, Folder
from fact_core.bench.rows import Row, read_rows
from fact_core.compute.device import describe, device_named
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.types import Evidence, Step

AHEAD = (1, 2, 4)  # rounds
NEAR = 0.01  # of the folder: what came so near to an end of the eight in ten is held, too


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench forecast``."""
    known_folder.add_arguments(parser)
    give = parser.add_argument
    give("--round", type=int, default=50, metavar="N", help="labels a round (%(default)s)")
    give("--rounds", type=int, default=9, metavar="N", help="rounds (%(default)s)")
    give("--check", type=int, default=200, metavar="N", help="check images (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks: a row a seed."""
    if given.round < 2 or given.rounds < 2 or given.check < 1:
        raise ConfigError("--round and --rounds need 2 or more, --check 1")
    rows = read_rows(given.json) if given.json else []
    x, y, about = yield from known_folder.known(given)

    folder = Folder(x, y, NONE, about["classes"], device_named(given.device))
    cells = _cells(given, about)

    def measure(cell: Row) -> Step[dict[str, Any]]:
        return measured(rounds.drawn(folder, given.check, cell["seed"]), cell)

    yield from known_folder.measure_lacking(given.json, rows, cells, measure, "forecast", "seeds")
    return {"text": table(rows), "json": rows}


def _cells(given: argparse.Namespace, about: Mapping[str, Any]) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        labels, told = given.round * given.rounds, {"check": given.check, "round": given.round}
        yield known_folder.light_cell(about, "rounds", labels, seed, **told)


def measured(folder: Folder, cell: Mapping[str, Any]) -> Step[dict[str, Any]]:
    """All rounds, and what was said after each of them: "forecasts", as ``said`` has them."""
    began, each, seed = time.monotonic(), cell["overrides"]["round"], cell["seed"]
    known: list[tuple[int, Evidence]] = []
    rows = NONE
    while len(rows) < cell["labels"]:
        rows = yield from rounds.after(folder, rows, each, seed)
        p = rounds.answers(folder, rows, seed)
        known.append((len(rows), rounds.evidence_of(folder, rows, p, p.argmax(axis=1) == folder.y)))
    told = said(known, seed)
    yield Log(f"{cell['dataset']}, seed {seed}: {sum(map(_held, told))} of {len(told)} forecasts were held")
    return {
        "forecasts": told,
        "seconds": round(time.monotonic() - began, 1),
        "device": describe(folder.device),
    }


def said(known: Sequence[tuple[int, Evidence]], seed: int) -> list[Row]:
    """Each forecast beside what came. known: after each round (labels, what the promise rests on)."""
    found = []
    for place, (labels, evidence) in enumerate(known):
        for rounds_more in AHEAD:
            if place + rounds_more >= len(known):
                continue
            then, later = known[place + rounds_more]
            for goal in GOALS:
                now, came = (promise.kept(each, goal, promise.DELTA).accepted for each in (evidence, later))
                rng = np.random.default_rng([seed, labels, then])
                told = forecast(evidence, goal, promise.DELTA, LabelGrowth(labels, 0, then - labels), rng)
                found.append(
                    {"labels": labels, "then": then, "goal": goal, "open": evidence.open}
                    | {"now": now, "low": told.low, "likely": told.likely, "high": told.high}
                    | {"none": round(told.none, 3), "came": came}
                )
    return found


def _held(each: Mapping[str, Any]) -> bool:
    """Whether what came lies in the eight in ten that were told."""
    near = NEAR * each["open"]
    return bool(each["low"] - near <= each["came"] <= each["high"] + near)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a line for each folder, goal and distance: how wrong the forecast was, and how often it held."""
    parts: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault((row["dataset"], row["test_images"]), []).append(row)
    return "\n\n".join(_part(name, images, own) for (name, images), own in parts.items()) or "nothing was measured"


def _part(name: str, images: int, rows: Sequence[Mapping[str, Any]]) -> str:
    first = rows[0]
    heads = ("came, % of the open", "as now: off by", "forecast: off by", "eight in ten: wide", "held")
    lines = [
        f"{name}: {images:,} images, {first['classes']} classes, {first['overrides']['check']} check images, rounds of "
        f"{first['overrides']['round']} up to {first['labels']}, {len(rows)} seeds, {first['backbone']} at "
        f"{first['image_size']} px, {first['device']}",
        "",
        line("goal", "labels more", *heads),
        rule(2 + len(heads)),
    ]
    cells: dict[tuple[float, int], list[Mapping[str, Any]]] = {}
    for each in (each for row in rows for each in row["forecasts"]):
        cells.setdefault((each["goal"], each["then"] - each["labels"]), []).append(each)
    for (goal, more), own in sorted(cells.items()):
        lines.append(line(f"{goal:.0%}", f"{more}", *figures(own)))
    return "\n".join(lines)


def figures(told: Sequence[Mapping[str, Any]]) -> tuple[str, str, str, str, str]:
    """In per cent of the open images: what came, how far off "as now" and the forecast were, how wide; how often held.

    told: as ``said`` has them.
    """

    def mean(of: Any) -> str:
        return f"{100 * statistics.mean(of(each) / each['open'] for each in told):.1f}"

    held = sum(map(_held, told))
    return (
        mean(lambda each: each["came"]),
        mean(lambda each: abs(each["now"] - each["came"])),
        mean(lambda each: abs(each["likely"] - each["came"])),
        mean(lambda each: each["high"] - each["low"]),
        f"{held} of {len(told)}",
    )
