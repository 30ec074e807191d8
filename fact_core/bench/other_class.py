"""``launch.py bench other-class``: a class for what fits no other one ("None of these"), and what it is good for.

A folder whose classes are known. Some of them are wanted, drawn by lot; the images of all others fit none of these. So
many images of each wanted class and so many of the others are labeled, drawn by lot, and a recipe is trained on them as
the program does it. Without a label of the others there is no such class: then only the rule of
``analysis.novelty`` tells what is unlike every class. Put aside is what is answered with that class, or unlike every
class by that rule: nothing of it is ever accepted as a wanted class.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fact_core.analysis.novelty import strangers
from fact_core.bench import known_folder
from fact_core.bench.grids import line, rule
from fact_core.bench.known_folder import KnownFolder
from fact_core.bench.rows import Row, read_rows
from fact_core.choices import PRESETS
from fact_core.classifier.predict import predict
from fact_core.compute.device import describe, device_named
from fact_core.config import TrainConfig, train_config
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.finetune.pool_names import drawn
from fact_core.generators import quietly
from fact_core.types import IntArray, Step

FIGURES = {
    "wanted": "wanted, right, %",
    "lost": "wanted, put aside, %",
    "found": "others, put aside, %",
    "accuracy": "right of all, %",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench other-class``."""
    known_folder.add_arguments(parser)
    give = parser.add_argument
    give("--wanted", type=int, required=True, metavar="N", help="so many of the classes are wanted")
    give("--labels", type=int, default=10, metavar="N", help="labels of each wanted class (%(default)s)")
    give("--others", default="0,10,40", metavar="N,...", help="labels of all other images together (%(default)s)")
    give("--methods", default="lm,lm+", metavar="NAME,...", help="recipes (%(default)s)")
    give("--preset", default="quick", choices=PRESETS, help="effort (%(default)s)")
    give("--asked", type=int, default=1000, metavar="N", help="so many of the rest are answered (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    others = known_folder.numbers(given.others)
    configs = {name: train_config(given.preset, recipe=name) for name in given.methods.split(",")}
    rows = read_rows(given.json) if given.json else []
    read = yield from known_folder.read(given)
    if not 2 <= given.wanted < read.about["classes"]:
        raise ConfigError(
            "--wanted needs from 2 to all but one of the classes", f"{given.wanted} of {read.about['classes']}"
        )
    cells = _cells(given, read.about, others, configs)
    yield from known_folder.measure_lacking(
        given.json, rows, cells, lambda cell: measured(read, cell, given.device), "other class"
    )
    return {"text": table(rows), "json": rows}


def _cells(
    given: argparse.Namespace, about: Mapping[str, Any], others: Sequence[int], configs: Mapping[str, TrainConfig]
) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for name, config in configs.items():
            for count in others:
                fixed = {"strategy": "random", "method": name, "frofa": config.lm.frofa, "preset": given.preset}
                own = {"wanted": given.wanted, "each": given.labels, "others": count, "asked": given.asked}
                labels = given.wanted * given.labels + count
                yield {**about, **fixed, "labels": labels, "seed": seed, "overrides": own}


def measured(read: KnownFolder, cell: Mapping[str, Any], device: str) -> Step[dict[str, Any]]:
    """Draw, train, answer: which of the wanted images are named rightly, and which of all are put aside."""
    began, seed, own = time.monotonic(), int(cell["seed"]), cell["overrides"]
    rng = np.random.default_rng(seed)
    y = wanted(read.y, own["wanted"], rng)
    rows = labeled(y, own["wanted"], own["each"], own["others"], rng)
    other = own["wanted"] if own["others"] else -1
    names = [*map(str, range(own["wanted"])), *(["none of these"] if other >= 0 else [])]
    config = train_config(cell["preset"], recipe=cell["method"], seed=seed)
    at = device_named(device)
    trained = yield from quietly(known_folder.trained(read, rows, y[rows], names, config, at, other))
    rest = drawn(len(y), rows, own["asked"], seed + 1)
    asked = predict(trained.classifier, [read.files[row] for row in rest], device=at)
    said = (yield from quietly(asked)).answers[trained.classifier.final].argmax(axis=1)
    strange = strangers(read.x[rows], np.where(y[rows] == other, -1, y[rows]), read.x[rest])
    found = figures(y[rest], said, strange, own["wanted"])
    kinds = f"{cell['method']}, {own['others']} labels of others, seed {seed}"
    yield Log(f"{cell['dataset']}, {kinds}: {found['wanted']:.1%} of the wanted right, {found['found']:.1%} found")
    return {**found, "seconds": round(time.monotonic() - began, 1), "device": describe(at)}


def wanted(y: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Classes (N,) of y (N,): so many, drawn, are 0, 1, ...; all others are ``count``."""
    place = np.full(int(y.max()) + 1, count, dtype=np.int64)
    place[rng.choice(np.unique(y), count, replace=False)] = np.arange(count)
    return place[y]


def labeled(y: IntArray, count: int, each: int, others: int, rng: np.random.Generator) -> IntArray:
    """Rows, drawn: ``each`` of the classes 0..count-1 of y (N,), ``others`` of class ``count``. ConfigError."""
    parts = []
    for number in range(count + 1):
        there, asked = np.flatnonzero(y == number), others if number == count else each
        if len(there) <= asked:
            raise ConfigError("A class has too few images", f"{len(there)}; {asked} labels are asked for")
        parts.append(rng.choice(there, asked, replace=False))
    return np.concatenate(parts)


def figures(y: IntArray, said: IntArray, strange: Any, other: int) -> dict[str, float]:
    """Shares 0 to 1 of images with classes y (n,), which were called ``said`` (n,); other: the class of what fits none.

    wanted: of those that are wanted, named rightly and not unlike every class; lost: of these, put aside; found: of
    the others, put aside; accuracy: of all.
    """
    aside = strange | (said == other)
    right = np.where(y == other, aside, (said == y) & ~aside)
    own = y != other
    shares = {"wanted": right[own], "lost": aside[own], "found": aside[~own], "accuracy": right}
    return {name: round(float(each.mean()), 6) for name, each in shares.items()}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each folder, recipe and number of labels of others, means over seeds."""
    heads = ("folder", "wanted", "recipe", "labels each", "labels of others", "seeds")
    lines = [line(*heads, *FIGURES.values()), rule(len(heads) + len(FIGURES))]
    kinds: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        own = row["overrides"]
        of = f"{own['wanted']} of {row['classes']}"
        kind = (row["dataset"], of, f"`{row['method']}`, {row['preset']}", own["each"], own["others"])
        kinds.setdefault(kind, []).append(row)
    for kind, some in kinds.items():
        means = [f"{100 * statistics.mean(row[name] for row in some):.1f}" for name in FIGURES]
        lines.append(line(*map(str, kind), str(len(some)), *means))
    return "\n".join(lines) if rows else "nothing was measured"
