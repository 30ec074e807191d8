"""``launch.py bench tables``: choose, train, predict and write a row, cell by cell; what is there is not done again."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from fact_core.backbones import fetch, load
from fact_core.bench import pool
from fact_core.bench.cells import (
    Training,
    Unit,
    command,
    config_of,
    frofa_of,
    images_of,
    labels_of,
    told,
    trainings,
    units_of,
)
from fact_core.bench.datasets import PAPER_BUDGETS, Dataset, open_dataset
from fact_core.bench.measure import Asked, measure, tests_of
from fact_core.bench.order import Order
from fact_core.bench.pool import Features
from fact_core.bench.rows import Row, key_of, only_one, read_rows, write_rows
from fact_core.bench.tables import all_tables
from fact_core.bench.tables_json import as_json
from fact_core.choices import RECIPES
from fact_core.compute.device import describe, device_named
from fact_core.errors import FactError
from fact_core.events import Log, Progress
from fact_core.files import write_text
from fact_core.finetune.phase_cache import prune
from fact_core.pretrained.weights import status
from fact_core.types import Step
from fact_core.work.worker import in_words

KEPT_PHASES = 4 * 2**30  # bytes of finished phases 2 that stay in the cache: the disk is not endless


@dataclass
class Table:
    """A table under way. rows: all of the file, older ones included. spent: (method, images looked at, seconds)."""

    order: Order
    data: Dataset
    tests: Asked
    features: Features
    rows: list[Row]
    spent: list[tuple[str, int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """A budget and a seed."""

    labels: int
    ratio: float
    seed: int


def run(order: Order) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks. Figures: rows, those left, failed trainings, the tables as text."""
    with only_one(order.out, order.cache):
        return (yield from _run(order))


def _run(order: Order) -> Step[dict[str, Any]]:
    began, device, rows = time.monotonic(), device_named(order.device), read_rows(order.out)
    data = yield from open_dataset(order.dataset, order.data, order.cache)
    if not status(order.backbone).ready:
        yield from fetch(order.backbone)
    view = order.overrides.get("view", "project")  # the paper's, unless --set says another; the picks stay the same
    backbone = load(order.backbone, pixels=order.pixels, view="crop" if view == "project" else view)
    features = Features(backbone, data.root, order.cache, device)
    table = Table(order, data, tests_of(data, order.test_images), features, rows)
    table.spent.extend(_earlier(order, rows, backbone.preprocess.pixels))
    todo = list(_todo(table))
    yield Log(
        f"{data.name}: {len(data.train):,} training and {len(table.tests.files):,} test images, {order.backbone} at "
        f"{backbone.preprocess.pixels} pixels, {order.preset}, {describe(device)}: {len(todo)} trainings to do"
    )
    failed = done = 0
    for cell, training in todo:
        if order.minutes and time.monotonic() - began > order.minutes * 60:
            yield Log(f"{order.minutes:g} minutes are over. The same command goes on from here.")
            break
        yield Progress("trainings", done, len(todo), "trainings", 0.0, _left(table, todo[done:]))
        failed += yield from _attempt(table, cell, training)
        done += 1
    yield Progress("trainings", done, len(todo), "trainings")
    text = all_tables(table.rows)
    if text:
        write_text(order.out.with_suffix(".md"), text + "\n", "writing the table")
        plain = json.dumps(as_json(table.rows), indent=1)
        write_text(order.out.with_suffix(".tables.json"), plain + "\n", "writing the tables")
    return {"rows": len(table.rows), "left": len(todo) - done, "failed": failed, "text": text}


def _todo(table: Table) -> Iterator[tuple[Cell, Training]]:
    """The trainings whose rows are not there yet, seed by seed."""
    order, images = table.order, len(table.data.train)
    there = {key_of(row): row.get("options") for row in table.rows}
    budgets = labels_of(order, images, PAPER_BUDGETS[order.dataset])
    for seed in order.seeds:
        for labels, ratio in budgets:
            cell = Cell(labels, ratio, seed)
            missing = [unit for unit in units_of(order) if not _known(table, cell, unit, there)]
            for training in trainings(order, seed, missing):
                yield cell, training


def _known(table: Table, cell: Cell, unit: Unit, there: Mapping[str, Row | None]) -> bool:
    """Whether a row was measured with the options of today. there: key -> options, None where a row does not tell."""
    key = key_of(_fields(table, cell, unit))
    return key in there and there[key] in (None, told(config_of(table.order, cell.seed, unit)))


def _fields(table: Table, cell: Cell, unit: Unit) -> Row:
    """What tells this row from others."""
    order = table.order
    return {
        "dataset": table.data.name,
        "backbone": order.backbone,
        "image_size": table.features.backbone.preprocess.pixels,
        "strategy": order.strategy,
        "labels": cell.labels,
        "ratio": cell.ratio,
        "method": unit.method,
        "frofa": frofa_of(unit, config_of(order, cell.seed, unit)),
        "preset": order.preset,
        "seed": cell.seed,
        "test_images": len(table.tests.where["test"]),
        "overrides": dict(order.overrides),
    }


def _attempt(table: Table, cell: Cell, training: Training) -> Step[int]:
    """One training and its rows; 1 when it failed, which is said and does not end the table."""
    name = f"{training.units[0].method}, {cell.labels} labels, seed {cell.seed}"
    try:
        yield from _one(table, cell, training)
    except Exception as error:
        yield Log(f"{name} failed: {in_words(error)}", "error")
        if not isinstance(error, FactError):
            yield Log(traceback.format_exc(), "error")
        return 1
    return 0


def _one(table: Table, cell: Cell, training: Training) -> Step[None]:
    order, began = table.order, time.monotonic()
    chosen = yield from pool.choose(order, table.data, table.features, cell.labels, cell.seed)
    found = yield from measure(order, table.data, table.tests, table.features, chosen.rows, training)
    for unit, figures in found.figures.items():
        about = {
            "selection_seconds": chosen.seconds,
            "device": describe(table.features.device),
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
        }
        row = {
            **_fields(table, cell, unit),
            **figures,
            **about,
            "options": told(config_of(order, cell.seed, unit)),
            "command": command(order, unit, cell.labels, cell.seed),
        }
        again = key_of(row)  # measured with other options of the effort, before these were changed
        table.rows[:] = [*(each for each in table.rows if key_of(each) != again), row]
        name = unit.method if unit.on else f"{unit.method} without FroFA"
        done = f"{row['accuracy']:.1%} in {row['seconds']:.0f} s"
        yield Log(f"{name}, {cell.labels} labels, seed {cell.seed}: {done}")
    write_rows(order.out, table.rows)
    found.clear()
    prune(order.cache / "phase2", KEPT_PHASES)
    images = images_of(training.config, cell.labels, training.config.phases)
    first = found.figures[training.units[0]]
    # A training that was resumed took longer than this start has seen; one that took phase 2 over will do so again.
    spent = max(time.monotonic() - began, first["seconds"] if found.starts > 1 else 0.0)
    table.spent.append((training.units[0].method, images, spent))


def _left(table: Table, todo: Sequence[tuple[Cell, Training]]) -> float | None:
    """Seconds that the trainings to come take, from those of the same method, else of any. None: not known yet."""
    if not table.spent:
        return None
    total = 0.0
    for cell, training in todo:
        method = training.units[0].method
        like = [each for each in table.spent if each[0] == method] or table.spent
        rate = sum(seconds for *_, seconds in like) / sum(images for _, images, _ in like)
        total += rate * images_of(training.config, cell.labels, training.config.phases)
    return total


def _earlier(order: Order, rows: Sequence[Row], pixels: int) -> list[tuple[str, int, float]]:
    """What trainings of the same kind took in earlier starts."""
    alike = {
        "backbone": order.backbone,
        "image_size": pixels,
        "preset": order.preset,
        "overrides": dict(order.overrides),
    }
    return [
        (
            row["method"],
            images_of(config_of(order, 0, Unit(row["method"])), row["labels"], RECIPES[row["method"]].phases),
            float(row["seconds"]),
        )
        for row in rows
        if row["method"] in RECIPES and "seconds" in row and all(row[name] == value for name, value in alike.items())
    ]
