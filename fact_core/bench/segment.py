"""``launch.py bench segment``: the paper's Table VII, the phases for masks of pixels, cell by cell.

What the file of rows holds is not measured again, and networks of finished phases lie in the cache: the same command
goes on from there. ``--part validation`` scores on the validation frames, by which options are chosen.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fact_core.bench import segment_table
from fact_core.bench.order import budgets as read_budgets
from fact_core.bench.rows import Row, key_of, only_one, read_rows, write_rows
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, named, one_shot
from fact_core.config import parse_budget
from fact_core.errors import ConfigError, FactError, InputError
from fact_core.events import Log, Progress
from fact_core.folders import cache_folder
from fact_core.options import from_dict, options
from fact_core.segment.folders import FORMS
from fact_core.segment.settings import EFFORTS, SegmentConfig
from fact_core.types import Step

#: What tells two cells apart. options: of all phases, so that one measured with other defaults is another cell.
KEY = (
    *("dataset", "backbone", "strategy", "labels", "method", "effort", "seed", "part", "frames", "overrides"),
    *("short", "options"),
)


@dataclass(frozen=True)
class Order:
    """What was asked for. budgets: as they were given, such as "18" or "5%"."""

    form: str
    data: Path
    out: Path
    budgets: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    backbone: str
    strategy: str
    effort: str
    overrides: dict[str, Any]
    part: str
    device: str
    cache: Path
    minutes: float
    unlabelled: int
    export: Path | None
    picture: Path | None

    @property
    def config(self) -> SegmentConfig:
        """The options of all phases."""
        return from_dict(SegmentConfig, {**EFFORTS[self.effort], **self.overrides})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench segment``."""
    give = parser.add_argument
    give("--dataset", default="camvid", choices=FORMS, help="how images and masks lie there (%(default)s)")
    give("--data", type=Path, metavar="DIR", help="the data set on this disk")
    give("--out", type=Path, metavar="FILE", help="the rows, JSON; what it holds already is not measured again")
    give("--budgets", default="5%,10%,20%", metavar="N,...", help="labelled frames, or per cent (%(default)s)")
    known = ", ".join(segment_table.METHODS)
    give(
        "--methods",
        default="lp,ff,lp-ft,fact,fact-pixels,fact-fused",
        metavar="NAME,...",
        help=f"of {known} (%(default)s)",
    )
    give("--seeds", default="3", metavar="N", help="seeds 0 to N - 1 (%(default)s)")
    give("--seed-list", metavar="SEED,...", help="these seeds instead")
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help="%(default)s")
    give("--strategy", default="activeft", choices=one_shot(), help="how frames are chosen (%(default)s)")
    give("--effort", default="quick", choices=EFFORTS, help="how large and how long (%(default)s)")
    give("--part", default="test", choices=("test", "validation"), help="frames that are scored (%(default)s)")
    give("--set", action="append", default=[], metavar="NAME=VALUE", help="an option, such as ff_steps=500")
    give("--unlabelled", type=int, default=255, metavar="V", help="value that one's own masks leave out; -1: none")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--minutes", type=float, default=0.0, metavar="M", help="end after the cell under way; 0: never")
    give("--cache", type=Path, metavar="DIR", help="features and networks of finished phases, to go on from")
    give("--export", type=Path, metavar="DIR", help="write the last method's network of the first cell there")
    give("--picture", type=Path, metavar="FILE", help="draw what ff and the last method answer in the first cell")
    give("--show", nargs="+", type=Path, metavar="FILE", help="only print the tables of these files of rows")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure what was ordered, or only print the tables of ``--show``."""
    if given.show:
        return {"text": segment_table.table([row for file in given.show for row in _rows(file, needed=True)])}
    order = read(given)
    with only_one(order.out, order.cache):
        return (yield from _run(order))


def read(given: argparse.Namespace) -> Order:
    """The order that the flags give. ConfigError or InputError in words where it cannot be."""
    for flag in ("data", "out"):
        if getattr(given, flag) is None:
            raise ConfigError(f"--{flag} is needed", do="Or give --show with files of rows.")
    methods = tuple(dict.fromkeys(each for each in given.methods.split(",") if each))
    for name in methods:
        named(segment_table.METHODS, name, "method")
    try:
        if given.seed_list is not None:
            seeds = tuple(int(each) for each in given.seed_list.split(","))
        else:
            seeds = tuple(range(int(given.seeds)))
    except ValueError:
        raise ConfigError("Seeds must be whole numbers", repr(given.seed_list or given.seeds)) from None
    if not methods or not seeds or min(seeds) < 0:
        raise ConfigError("There is nothing to measure", f"methods {given.methods!r}, seeds {seeds}")
    budgets = tuple(
        read_budgets(each.strip().removesuffix("%"), "%" if each.strip().endswith("%") else "")[0]
        for each in given.budgets.split(",")
        if each.strip()
    )
    order = Order(
        given.dataset,
        given.data,
        given.out.absolute(),
        budgets,
        methods,
        seeds,
        given.backbone,
        given.strategy,
        given.effort,
        overrides(given.set),
        given.part,
        given.device,
        (given.cache or cache_folder() / "segment").absolute(),
        given.minutes,
        given.unlabelled,
        given.export,
        given.picture,
    )
    _ = order.config  # limits of values
    return order


def overrides(given: list[str]) -> dict[str, Any]:
    """{"ff_steps": 20} of ["ff_steps=20"], sorted by name. ConfigError for an unknown name or no value."""
    known, found = dict(options(SegmentConfig)), dict[str, Any]()
    for each in given:
        name, sign, text = each.partition("=")
        if not sign or name not in known:
            raise ConfigError("--set needs NAME=VALUE of an option", repr(each), f"Known: {', '.join(known)}.")
        try:
            found[name] = text if str(known[name].type) == "str" else json.loads(text.lower())
        except ValueError:
            raise ConfigError(f"The value of {name} is neither a number nor true or false", repr(text)) from None
    return dict(sorted(found.items()))


def _run(order: Order) -> Step[dict[str, Any]]:
    from fact_core.bench.segment_cells import Bench, opened  # seconds of torch, after all flags were looked at

    bench: Bench = yield from opened(order)
    rows, began = _rows(order.out), time.monotonic()
    _need_same(order.out, rows, bench.about(0, 0))
    cells = [(labels, seed) for seed in order.seeds for labels in labels_of(order, bench.pool)]
    failed = done = 0
    there = {key_of(row, KEY) for row in rows}
    todo = [(cell, methods) for cell in cells for methods in _missing(order, bench.about(*cell), there)]
    yield Log(f"{bench.told}: {sum(len(methods) for _, methods in todo)} rows from {len(todo)} networks to do")
    for (labels, seed), methods in todo:
        if order.minutes and time.monotonic() - began > 60 * order.minutes:
            yield Log(f"{order.minutes:g} minutes are over. The same command goes on from here.")
            break
        yield Progress("networks", done, len(todo), "networks")
        try:
            rows += yield from bench.measure(labels, seed, methods)
            write_rows(order.out, rows)
        except FactError as error:
            failed += 1
            yield Log(f"{labels} frames, seed {seed} failed: {error}", "error")
        except Exception:
            failed += 1
            yield Log(f"{labels} frames, seed {seed} failed: {traceback.format_exc()}", "error")
        done += 1
    extra = (yield from bench.shown(*cells[0])) if order.export or order.picture else {}
    text = segment_table.table(rows) if rows else "nothing was measured"
    return {"rows": len(rows), "left": len(todo) - done, "failed": failed, "text": text, **extra}


def labels_of(order: Order, images: int) -> list[int]:
    """Labelled frames of every budget, each number once. ConfigError for more than there are."""
    return list(dict.fromkeys(parse_budget(each, images) for each in order.budgets))


def _missing(order: Order, about: Row, there: set[str]) -> list[list[str]]:
    """The methods of a cell without a row, those of one network together."""
    found: dict[str, list[str]] = {}
    for method in order.methods:
        if key_of({**about, "method": method}, KEY) not in there:
            found.setdefault(segment_table.METHODS[method][0], []).append(method)
    return list(found.values())


def _need_same(out: Path, rows: list[Row], about: Row) -> None:
    """InputError where the file has rows of other images or masks under the same name: one table is of one data set.

    Older rows do not say which ones they are of.
    """
    others = [
        row for row in rows if row["dataset"] == about["dataset"] and row.get("data", about["data"]) != about["data"]
    ]
    if others:
        found = f"{out}: {len(others)} rows; images, masks, classes or what is left out have changed since"
        raise InputError("The file has rows of other data", found, "Give another --out.")


def _rows(file: Path, needed: bool = False) -> list[Row]:
    return read_rows(file, needed, KEY, "bench segment")
