"""``launch.py bench backbones``: is the backbone that "Compare backbones" proposes the best one on other images?

Labels are drawn at random. Each backbone is judged on them by cross-validation, as the page does, one is proposed, and
then all learn from the labels and answer the test images, which nothing was chosen by. Features are kept in the cache:
a second start goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core import backbones
from fact_core.analysis.paired import between
from fact_core.analysis.standings import standings
from fact_core.bench.datasets import DATASETS, OWN, Dataset, fixed_test, open_dataset
from fact_core.bench.pool import Features
from fact_core.bench.strategies import answers
from fact_core.choices import BACKBONES
from fact_core.compute.device import describe, device_named
from fact_core.compute.pace import seconds_a_picture
from fact_core.errors import ConfigError, InputError
from fact_core.events import Log, Progress
from fact_core.folders import cache_folder
from fact_core.generators import logs_only
from fact_core.lightweight.held_out import held_out, judged_rows
from fact_core.pretrained.weights import status
from fact_core.types import FloatArray, IntArray, Step


@dataclass(frozen=True)
class Seen:
    """Features (n, D) of the images that labels are drawn from, and of the test images; seconds of one image."""

    x: FloatArray
    test_x: FloatArray
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench backbones``."""
    give = parser.add_argument
    give("--data", type=Path, metavar="DIR", required=True, help="the data set on this disk: folders, or its own files")
    give("--dataset", default=OWN, choices=DATASETS, metavar="NAME", help="%(default)s, or another of bench tables")
    give("--backbones", default="", metavar="A,B", help="which (default: all whose weights are ready)")
    give("--images", type=int, default=600, metavar="N", help="at most so many to label, and to test (%(default)s)")
    give("--labels", type=int, default=100, metavar="N", help="of them labeled (%(default)s)")
    give("--draws", type=int, default=10, metavar="N", help="how often labels are drawn (%(default)s)")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--cache", type=Path, metavar="DIR", help="features, to go on from")
    give("--json", type=Path, metavar="FILE", help="write the rows there")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """A row a backbone. InputError where there are fewer images than labels."""
    names = [each for each in given.backbones.split(",") if each] or [name for name in BACKBONES if status(name).ready]
    if len(names) < 2:
        raise ConfigError("There is nothing to compare", f"{len(names)} backbones", "Give two or more in --backbones.")
    cache = given.cache or cache_folder() / "tables"
    data = yield from open_dataset(given.dataset, given.data, cache)
    test, test_y = data.tests["test"]
    rows, tests = fixed_test(data.train, data.train_y, given.images), fixed_test(test, test_y, given.images)
    if len(rows) < given.labels:
        raise InputError("There are fewer images than labels", f"{given.data}: {len(rows)} images to label")
    seen = {}
    for name in names:
        seen[name] = yield from _seen(
            name, data, [data.train[row] for row in rows], [test[row] for row in tests], given
        )
    y, test_y = data.train_y[rows], test_y[tests]
    told = {"data": given.data.name, "tests": len(tests), "labels": given.labels, "draws": given.draws}
    about = {"command": _command(given), "device": describe(device_named(given.device))}
    found = yield from judged(seen, y, test_y, len(data.classes), given.labels, given.draws)
    return {"text": table([{**told, **row} for row in found]), "json": [{**told, **row, **about} for row in found]}


def _command(given: argparse.Namespace) -> str:
    """What measures it again."""
    words = f"--data {given.data.name.upper()} --images {given.images} --labels {given.labels} --draws {given.draws}"
    which = f" --backbones {given.backbones}" if given.backbones else ""
    return f"python3 launch.py bench backbones {words}{which}"


def _seen(name: str, data: Dataset, train: list[str], test: list[str], given: argparse.Namespace) -> Step[Seen]:
    device = device_named(given.device)
    backbone = backbones.load(name, pixels=backbones.pixels_for(name, device))
    features = Features(backbone, data.root, given.cache or cache_folder() / "tables", device)
    x = yield from features.of(train)
    test_x = yield from features.of(test)
    seconds = seconds_a_picture(backbone.to(device), backbone.preprocess.pixels, device)
    yield Log(f"{name}: {1000 * seconds:.0f} ms an image")
    return Seen(x, test_x, seconds)


def judged(
    seen: dict[str, Seen], y: IntArray, test_y: IntArray, n_classes: int, labels: int, draws: int
) -> Step[list[dict[str, Any]]]:
    """Figures of each backbone over draws of labels: by cross-validation on them, and on the test images."""
    by_cv, by_test = ({name: [] for name in seen} for _ in range(2))  # type: ignore[var-annotated]
    proposed, near = dict.fromkeys(seen, 0), dict.fromkeys(seen, 0)
    for draw in range(draws):
        drawn = np.random.default_rng(draw).permutation(len(y))[:labels]
        rows = drawn[judged_rows(y[drawn])]
        right, tested = {}, {}
        for name, each in seen.items():
            folds = torch.Generator().manual_seed(draw)
            right[name] = (yield from logs_only(held_out(each.x[rows], y[rows], folds))).right
            tested[name] = answers(each.x[drawn], y[drawn], each.test_x, n_classes, draw) == test_y
            by_cv[name].append(100 * right[name].mean())
            by_test[name].append(100 * tested[name].mean())
        _, choice = standings(right, {name: each.seconds for name, each in seen.items()})
        best = max(tested, key=lambda name: tested[name].mean())
        proposed[choice] += 1
        near[choice] += not between(tested[best], tested[choice]).sure
        yield Progress("draws", draw + 1, draws, "draws")
    return [
        {
            "backbone": name,
            "ms": round(1000 * each.seconds, 1),
            "by_cv": round(float(np.mean(by_cv[name])), 2),
            "by_test": round(float(np.mean(by_test[name])), 2),
            "proposed": proposed[name],
            "near": near[name],
        }
        for name, each in seen.items()
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a row, the best on the test images of each data set first."""
    lines = [
        "| data | labels | tests | backbone | ms an image | on the labels | on the tests | proposed | best or near |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda each: (each["data"], -each["by_test"])):
        head = " | ".join(str(row[key]) for key in ("data", "labels", "tests", "backbone"))
        figures = f"{row['ms']:.0f} | {row['by_cv']:.1f} | {row['by_test']:.1f} | {row['proposed']} of {row['draws']}"
        lines.append(f"| {head} | {figures} | {row['near']} of {row['proposed']} |")
    return "\n".join(lines)
