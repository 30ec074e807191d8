"""``launch.py bench views``: accuracy of a logistic regression on frozen features, by what the network sees of a
picture (``choices.VIEWS``).

The same labels for every view, drawn at random; C is chosen by cross-validation on the labels alone. Features are kept
in the cache: a second start goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fact_core import backbones
from fact_core.bench.datasets import DATASETS, OWN, fixed_test, open_dataset
from fact_core.bench.pool import Features
from fact_core.bench.strategies import answers
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, VIEWS
from fact_core.compute.device import device_named
from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.folders import cache_folder
from fact_core.types import FloatArray, IntArray, Step


@dataclass(frozen=True)
class Seen:
    """Features (n, D) and classes (n,) of the images that labels are drawn from, and of the test images."""

    x: FloatArray
    y: IntArray
    test_x: FloatArray
    test_y: IntArray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench views``."""
    give = parser.add_argument
    give("--data", type=Path, metavar="DIR", required=True, help="the data set on this disk: folders, or its own files")
    give("--dataset", default=OWN, choices=DATASETS, metavar="NAME", help="%(default)s, or another of bench tables")
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help=", ".join(BACKBONES))
    give("--pixels", type=int, default=224, metavar="N", help="short side (%(default)s)")
    give("--images", type=int, default=2000, metavar="N", help="at most so many to label, and to test (%(default)s)")
    give("--labels", type=int, default=120, metavar="N", help="of them labeled (%(default)s)")
    give("--draws", type=int, default=20, metavar="N", help="how often labels are drawn (%(default)s)")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--cache", type=Path, metavar="DIR", help="features, to go on from")
    give("--json", type=Path, metavar="FILE", help="write the rows there")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """A row a view. InputError where there are fewer images than labels."""
    cache = given.cache or cache_folder() / "tables"
    data = yield from open_dataset(given.dataset, given.data, cache)
    test, test_y = data.tests["test"]
    train_rows, test_rows = fixed_test(data.train, data.train_y, given.images), fixed_test(test, test_y, given.images)
    if len(train_rows) < given.labels:
        raise InputError("There are fewer images than labels", f"{given.data}: {len(train_rows)} images to label")
    rows, first = [], None
    for view in VIEWS:
        backbone = backbones.load(given.backbone, pixels=given.pixels, view=view)
        features = Features(backbone, data.root, cache, device_named(given.device))
        x = yield from features.of([data.train[row] for row in train_rows])
        test_x = yield from features.of([test[row] for row in test_rows])
        seen = Seen(x, data.train_y[train_rows], test_x, test_y[test_rows])
        found = yield from accuracies(view, seen, len(data.classes), given.labels, given.draws)
        first = found if first is None else first
        told = {"data": data.name.removesuffix(" (own)"), "backbone": given.backbone, "pixels": given.pixels}
        counts = {"images": len(x), "tests": len(test_x), "labels": given.labels, "draws": given.draws}
        rows.append({**told, "view": view, **counts, **_figures(found, found - first)})
        yield Log(f"{view}: {rows[-1]['accuracy']} %")
    return {"text": table(rows), "json": rows}


def accuracies(view: str, seen: Seen, n_classes: int, labels: int, draws: int) -> Step[FloatArray]:
    """Per cent right of the test images, for each draw of labels (draws,). The same draws for every view."""
    right = np.zeros(draws, np.float32)
    for draw in range(draws):
        rows = np.random.default_rng(draw).permutation(len(seen.y))[:labels]
        named = answers(seen.x[rows], seen.y[rows], seen.test_x, n_classes, draw)
        right[draw] = 100 * (named == seen.test_y).mean()
        yield Progress(view, draw + 1, draws, "draws")
    return right


def _figures(found: FloatArray, gain: FloatArray) -> dict[str, float]:
    """gain: over the first view with the same labels; error: the standard error of its mean."""
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
    figures = {"accuracy": found.mean(), "gain": gain.mean(), "error": error}
    return {name: round(float(value), 2) for name, value in figures.items()}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a row; the gain is over the crop with the same labels."""
    lines = [
        "| data | backbone | pixels | tests | labels | view | accuracy | gain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        told = " | ".join(str(row[key]) for key in ("data", "backbone", "pixels", "tests", "labels", "view"))
        lines.append(f"| {told} | {row['accuracy']:.1f} | {row['gain']:+.1f} ± {row['error']:.1f} |")
    return "\n".join(lines)
