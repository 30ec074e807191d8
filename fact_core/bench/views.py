"""Accuracy of a logistic regression on frozen features, by what the network sees of a picture (``choices.VIEWS``).

The same labels for every view, drawn at random; C is chosen by cross-validation on the labels alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fact_core import backbones
from fact_core.backbones.network import Backbone
from fact_core.bench.datasets import listed, subfolders
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, VIEWS
from fact_core.compute import device
from fact_core.compute.image_batches import batches, normalise
from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.types import FloatArray, Step

STRENGTHS = (10.0, 100.0, 1000.0)
FOLDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench views``."""
    give = parser.add_argument
    give("--data", type=Path, metavar="DIR", required=True, help="labeled images, <class>/*")
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help=", ".join(BACKBONES))
    give("--pixels", type=int, default=224, metavar="N", help="short side (%(default)s)")
    give("--images", type=int, default=1200, metavar="N", help="a draw of so many (%(default)s)")
    give("--labels", type=int, default=120, metavar="N", help="of them labeled, the rest is the test (%(default)s)")
    give("--draws", type=int, default=20, metavar="N", help="how often labels are drawn (%(default)s)")
    give("--json", type=Path, metavar="FILE", help="write the rows there")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """A row a view. InputError where there are no more images than labels."""
    files, y = some(given.data, given.images)
    if len(files) <= given.labels:
        raise InputError("There must be more images than labels", f"{given.data}: {len(files)} images")
    rows, first = [], None
    for view in VIEWS:
        x = yield from features(backbones.load(given.backbone, pixels=given.pixels), files, view)
        found = accuracies(x, y, given.labels, given.draws)
        first = found if first is None else first
        told = {"data": given.data.name, "backbone": given.backbone, "pixels": given.pixels, "view": view}
        counts = {"images": len(files), "labels": given.labels, "draws": given.draws}
        rows.append({**told, **counts, **_figures(found, found - first)})
        yield Log(f"{view}: {rows[-1]['accuracy']} %")
    return {"text": table(rows), "json": rows}


def _figures(found: FloatArray, gain: FloatArray) -> dict[str, float]:
    """gain: over the first view with the same labels; error: the standard error of its mean."""
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
    figures = {"accuracy": found.mean(), "gain": gain.mean(), "error": error}
    return {name: round(float(value), 2) for name, value in figures.items()}


def some(data: Path, most: int) -> tuple[list[Path], npt.NDArray[np.int64]]:
    """(files, classes) of a draw of ``most`` images, always the same."""
    files, y = listed(data, "", subfolders(data))
    rows = np.sort(np.random.default_rng(0).permutation(len(files))[:most])
    return [data / files[row] for row in rows], np.asarray(y, dtype=np.int64)[rows]


def features(backbone: Backbone, files: Sequence[Path], view: str) -> Step[FloatArray]:
    """Pooled features (N, D) of unit length, in float32."""
    where = device.choose("auto")
    pre = replace(backbone.preprocess, view=view, step=backbone.reduction)
    backbone.to(where).eval()
    x, done = np.zeros((len(files), backbone.dim), np.float32), 0
    for rows, pictures in batches(files, pre, 32):
        with torch.inference_mode(), device.exact_float32(where):
            x[rows] = backbone(normalise(pictures, pre, where)).pooled.cpu().numpy()
        done += len(rows)
        yield Progress(view, done, len(files), "images")
    unit: FloatArray = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit


def accuracies(x: FloatArray, y: npt.NDArray[np.int64], labels: int, draws: int) -> FloatArray:
    """Per cent right of the images that have no label, for each draw (draws,)."""
    return np.array([_accuracy(x, y, np.random.default_rng(draw).permutation(len(y)), labels) for draw in range(draws)])


def _accuracy(x: FloatArray, y: npt.NDArray[np.int64], order: npt.NDArray[np.int64], labels: int) -> float:
    known, rest = order[:labels], order[labels:]
    parts = [(np.concatenate([known[f::FOLDS] for f in range(FOLDS) if f != k]), known[k::FOLDS]) for k in range(FOLDS)]
    best = max(STRENGTHS, key=lambda c: sum(_right(x, y, some, left, c) for some, left in parts))
    return 100 * _right(x, y, known, rest, best) / len(rest)


def _right(x: FloatArray, y: npt.NDArray[np.int64], known: Any, asked: Any, c: float) -> int:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=c, max_iter=200).fit(x[known], y[known])
    return int((fitted.predict(x[asked]) == y[asked]).sum())


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a row; the gain is over the crop with the same labels."""
    lines = [
        "| data | backbone | pixels | images | labels | view | accuracy | gain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        told = " | ".join(str(row[key]) for key in ("data", "backbone", "pixels", "images", "labels", "view"))
        lines.append(f"| {told} | {row['accuracy']:.1f} | {row['gain']:+.1f} ± {row['error']:.1f} |")
    return "\n".join(lines)
