"""``launch.py bench strategies``: what a strategy's choice is worth, on a data set whose labels are known.

Each strategy chooses; the light model's logistic regression is fitted to the chosen images' labels on cached
features, and answers for all test images. Only the choice differs. What the file of rows holds is not done again.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from fact_core.backbones import fetch, load
from fact_core.bench.datasets import DATASETS, Dataset, open_dataset
from fact_core.bench.grids import line, rule
from fact_core.bench.pool import Features
from fact_core.bench.rows import Row, key_of, read_rows, write_rows
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, STRATEGIES, named, one_shot
from fact_core.compute.device import describe, device_named
from fact_core.config import LmConfig, SelectConfig
from fact_core.errors import ConfigError, InputError
from fact_core.events import Event, Log, Progress
from fact_core.folders import cache_folder
from fact_core.generators import finish, map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.decide import decide_on
from fact_core.lightweight.map_train import Memory
from fact_core.lightweight.readings import Labelled
from fact_core.pretrained.weights import status
from fact_core.select.choose import choose_images
from fact_core.types import FloatArray, IntArray, Step

BUDGETS, SEEDS = (50, 100, 250, 500), 5
#: What the rows say about the light model: its logistic regression only, without attention and FroFA.
OVERRIDES = {"lm.mode": "lr"}


Order = tuple[IntArray, float]  # rows in labelling order, seconds of choosing them
NONE: Order = (np.zeros(0, dtype=np.int64), 0.0)


@dataclass(frozen=True)
class Known:
    """Features and classes of the training and the test images."""

    data: Dataset
    x: FloatArray
    test_x: FloatArray
    test_y: IntArray
    pixels: int
    device: torch.device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench strategies``."""
    give = parser.add_argument
    give("--data", type=Path, required=True, metavar="DIR", help="the data set on this disk: folders, or its own files")
    give(
        "--dataset", default="cifar10", choices=DATASETS, metavar="NAME", help="%(default)s, or another of bench tables"
    )
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help="%(default)s")
    give(
        "--pixels", type=int, default=96, metavar="N", help="side of the pictures (%(default)s); 0: the backbone's own"
    )
    give("--strategies", default=",".join(one_shot()), metavar="NAME,...", help="%(default)s")
    give("--budgets", default=",".join(map(str, BUDGETS)), metavar="N,...", help="%(default)s")
    give("--seeds", type=int, default=SEEDS, metavar="N", help="seeds 0 to N - 1 (%(default)s)")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--cache", type=Path, metavar="DIR", help="features, to go on from")
    give("--json", type=Path, metavar="FILE", help="the rows; what it holds already is not measured again")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    names, budgets = ordered(given)
    rows = read_rows(given.json) if given.json else []
    known = yield from known_of(given)
    there = {key_of(row) for row in rows}
    todo = [cell for cell in _cells(given, known, names, budgets) if key_of(cell) not in there]
    began, orders = time.monotonic(), _orders(rows)
    for done, cell in enumerate(todo):
        left = (time.monotonic() - began) / done * (len(todo) - done) if done else None
        yield Progress("strategies", done, len(todo), "choices", 0.0, left)
        rows.append({**cell, **(yield from _measure(known, cell, orders, max(budgets)))})
        if given.json:
            write_rows(given.json, rows)
    wanted = [row for row in rows if row["strategy"] in names]
    return {"text": table(wanted) if wanted else "nothing was measured", "json": rows}


def ordered(given: argparse.Namespace) -> tuple[list[str], list[int]]:
    """The strategies and budgets of the flags. ConfigError or InputError in words where they cannot be."""
    names = [each for each in given.strategies.split(",") if each]
    for name in names:
        named(STRATEGIES, name, "strategy")
    try:
        budgets = [int(each) for each in given.budgets.split(",")]
    except ValueError:
        raise ConfigError("--budgets needs whole numbers", repr(given.budgets)) from None
    if not given.data.is_dir():
        raise InputError("There is no such data folder", str(given.data))
    return names, budgets


def known_of(given: argparse.Namespace) -> Step[Known]:
    """Features and classes of the data set of the flags."""
    cache, device = given.cache or cache_folder() / "tables", device_named(given.device)
    data = yield from open_dataset(given.dataset, given.data, cache)
    if not status(given.backbone).ready:
        yield from fetch(given.backbone)
    backbone = load(given.backbone, pixels=given.pixels)
    features = Features(backbone, data.root, cache, device)
    x = yield from features.of(data.train)
    files, test_y = data.tests["test"]
    test_x = yield from features.of(files)
    return Known(data, x, test_x, test_y, backbone.preprocess.pixels, device)


def _cells(given: argparse.Namespace, known: Known, names: Sequence[str], budgets: Sequence[int]) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for labels in sorted(budgets, reverse=True):  # a smaller budget may get the front of a larger one's order
            for name in names:
                if seed and not STRATEGIES[name].chance:
                    continue
                yield {
                    "dataset": known.data.name,
                    "backbone": given.backbone,
                    "image_size": known.pixels,
                    "strategy": name,
                    "labels": labels,
                    "ratio": round(100 * labels / len(known.x), 6),
                    "method": "lm",
                    "frofa": "none",
                    "preset": "standard",
                    "seed": seed,
                    "test_images": len(known.test_y),
                    "overrides": dict(OVERRIDES),
                }


def _orders(rows: Sequence[Row]) -> dict[tuple[str, int], Order]:
    """The longest order of each strategy and seed that was chosen already."""
    found: dict[tuple[str, int], Order] = {}
    for row in sorted((each for each in rows if "rows" in each), key=lambda each: int(each["labels"])):
        found[row["strategy"], row["seed"]] = (np.array(row["rows"], dtype=np.int64), float(row["selection_seconds"]))
    return found


def _measure(known: Known, cell: Row, orders: dict[tuple[str, int], Order], most: int) -> Step[Row]:
    """Choose, fit, answer. near-duplicates are not passed over: the strategies are compared as they are.

    Where the order does not depend on the budget one of ``most`` images is chosen, and its front taken.
    """
    began = time.monotonic()
    name, labels, seed = cell["strategy"], cell["labels"], cell["seed"]
    prefix = STRATEGIES[name].prefix
    chosen, seconds = orders.get((name, seed), NONE) if prefix else NONE
    if len(chosen) < labels:
        chosen = yield from chosen_by(known, name, most if prefix else labels, seed)
        seconds = time.monotonic() - began
        orders[name, seed] = (chosen, seconds)
    rows, fitting = chosen[:labels], time.monotonic()
    named = answers(known.x[rows], known.data.train_y[rows], known.test_x, len(known.data.classes), seed)
    right = named == known.test_y
    recalls = [right[known.test_y == each].mean() for each in np.unique(known.test_y)]
    yield Log(f"{name}, {labels} labels, seed {seed}: {right.mean():.1%}, chosen in {seconds:.1f} s")
    return {
        "accuracy": round(float(right.mean()), 6),
        "balanced_accuracy": None,
        "macro_recall": round(float(np.mean(recalls)), 6),
        "classes_found": len(np.unique(known.data.train_y[rows])),
        "selection_seconds": round(seconds, 3),
        "seconds": round(time.monotonic() - fitting, 3),
        "trainable_parameters": len(known.data.classes) * (known.x.shape[1] + 1),
        "rows": [int(row) for row in rows],
        "device": describe(known.device),
    }


def chosen_by(known: Known, name: str, count: int, seed: int) -> Step[IntArray]:
    """Rows (count,) of the training images that the strategy chooses, in labelling order."""
    nothing, options = np.zeros(0, dtype=np.int64), {**SelectConfig().for_strategies(), "device": known.device}
    choosing = choose_images(name, known.x, count, nothing, None, np.random.default_rng(seed), **options)
    return (yield from map_events(choosing, _quiet)).rows


def answers(x: FloatArray, y: IntArray, test_x: FloatArray, n_classes: int, seed: int) -> IntArray:
    """Classes (m,) of test_x [m,D] by the light model's logistic regression on x [n,D], C by cross-validation."""
    config = LmConfig(mode="lr")
    if len(np.unique(y)) < 2:
        return np.full(len(test_x), y[0])
    pooled, target = torch.from_numpy(x), torch.from_numpy(y)
    data = Labelled(pooled, pooled[:, None], target)
    plan = finish(decide_on(data, n_classes, None, config, seed, Memory()))
    unit = normalize(pooled, dim=1).double()
    fitted = finish(logistic.fit(unit, target, n_classes, C=plan.c_pooled, balanced=config.balanced))
    named: IntArray = fitted.logits(normalize(torch.from_numpy(test_x), dim=1)).argmax(1).numpy()
    return named


def _quiet(event: Event) -> Event | None:
    return event if isinstance(event, Log) else None


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: mean accuracy in per cent and deviation over seeds, the best first; seconds where rows have them."""
    budgets = sorted({int(row["labels"]) for row in rows})
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        found.setdefault(row["strategy"], {}).setdefault(row["labels"], []).append(100 * row["accuracy"])
    # A mean needs all budgets: a strategy that was measured at the easy ones only would look best.
    mean = {
        name: statistics.mean(statistics.mean(each) for each in cells.values())
        for name, cells in found.items()
        if len(cells) == len(budgets)
    }
    timed = ("seconds",) if all(row.get("selection_seconds") is not None for row in rows) else ()
    lines = [line("strategy", *(f"{n} labels" for n in budgets), "mean", *timed), rule(len(budgets) + 2 + len(timed))]
    for name in sorted(found, key=lambda each: (each not in mean, -mean.get(each, 0.0))):
        cells = [_spread(found[name].get(n, [])) for n in budgets]
        seconds = [row["selection_seconds"] for row in rows if row["strategy"] == name] if timed else []
        took = (f"{statistics.mean(seconds):.1f}",) if timed else ()
        whole = f"{mean[name]:.1f}" if name in mean else "–"
        title = STRATEGIES[name].title if name in STRATEGIES else name
        lines.append(line(title, *cells, whole, *took))
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "not run"
    return f"{statistics.mean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")
