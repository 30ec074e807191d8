"""A folder whose classes are known: what several benches choose from, label and ask."""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.backbones import Backbone, fetch, load
from fact_core.bench.pool import Features
from fact_core.bench.rows import Row, key_of, write_rows
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE
from fact_core.compute.device import device_named
from fact_core.config import TrainConfig
from fact_core.errors import ConfigError
from fact_core.events import Progress
from fact_core.exchange.folders import read_class_folders
from fact_core.finetune.pipeline import Trained, train
from fact_core.finetune.pool_names import drawn, for_pca
from fact_core.folders import cache_folder
from fact_core.pretrained.weights import status
from fact_core.types import FloatArray, IntArray, Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of a bench on a folder whose classes are known (``read``)."""
    give = parser.add_argument
    give("--data", type=Path, required=True, metavar="DIR", help="images of known classes, one sub-folder a class")
    give("--name", default="", metavar="NAME", help="what the table calls them (default: the folder's name)")
    give("--images", type=int, default=0, metavar="N", help="so many of them, drawn by lot; 0: all (default)")
    give("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N - 1 (%(default)s)")
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help="%(default)s")
    give("--pixels", type=int, default=96, metavar="N", help="side of the pictures (%(default)s)")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--cache", type=Path, metavar="DIR", help="features, to go on from")
    give("--json", type=Path, metavar="FILE", help="the rows; what it holds already is not measured again")


def numbers(labels: str) -> list[int]:
    """The numbers of ``--labels N,...``, ascending, each once. ConfigError where they are none."""
    try:
        return sorted({int(each) for each in labels.split(",")})
    except ValueError:
        raise ConfigError("--labels needs whole numbers", repr(labels)) from None


@dataclass(frozen=True)
class KnownFolder:
    """A folder whose classes are known: files N, x [N,D], y (N,); about: what all rows say of it."""

    files: list[Path]
    x: FloatArray
    y: IntArray
    backbone: Backbone
    about: dict[str, Any]


def known(given: argparse.Namespace) -> Step[tuple[FloatArray, IntArray, dict[str, Any]]]:
    """(features [N,D], classes (N,), what all rows say of the folder)."""
    found = yield from read(given)
    return found.x, found.y, found.about


def read(given: argparse.Namespace) -> Step[KnownFolder]:
    """The images of ``--data``, their classes, and their features by ``--backbone``, downloaded where need be."""
    root = given.data.expanduser().resolve()
    files, names = read_class_folders(root)
    some = np.arange(len(files))
    if 0 < given.images < len(files):
        some = np.sort(np.random.default_rng(0).choice(len(files), given.images, replace=False))
    classes, y = np.unique([names[row] for row in some], return_inverse=True)
    if not status(given.backbone).ready:
        yield from fetch(given.backbone)
    backbone = load(given.backbone, pixels=given.pixels)
    features = Features(backbone, root, given.cache or cache_folder() / "tables", device_named(given.device))
    x = yield from features.of([files[row].relative_to(root).as_posix() for row in some])
    about: dict[str, Any] = {
        "dataset": given.name or root.name,
        "test_images": len(y),
        "classes": len(classes),
        "backbone": given.backbone,
        "image_size": backbone.preprocess.pixels,
    }
    return KnownFolder([files[row] for row in some], x, y.astype(np.int64), backbone, about)


def light_cell(about: Mapping[str, Any], strategy: str, labels: int, seed: int, **overrides: int) -> Row:
    """What tells apart the rows of the light model's logistic regression, which is the model of quick benches."""
    return {
        **about,
        "strategy": strategy,
        "labels": labels,
        "method": "lm",
        "frofa": "none",
        "preset": "standard",
        "seed": seed,
        "overrides": {"lm.mode": "lr", **overrides},
    }


def measure_lacking(
    file: Path | None,
    rows: list[Row],
    cells: Iterable[Row],
    measure: Callable[[Row], Step[dict[str, Any]]],
    name: str,
    unit: str = "trainings",
) -> Step[None]:
    """Measure each of the cells that the rows lack; each new row is written into the file at once.

    name: of the bench, as its progress is called; unit: what it counts.
    """
    there = {key_of(row) for row in rows}
    todo = [cell for cell in cells if key_of(cell) not in there]
    began = time.monotonic()
    for done, cell in enumerate(todo):
        left = (time.monotonic() - began) / done * (len(todo) - done) if done else None
        yield Progress(name, done, len(todo), unit, 0.0, left)
        rows.append({**cell, **(yield from measure(cell))})
        if file:
            write_rows(file, rows)


def trained(
    folder: KnownFolder,
    rows: IntArray,
    y: IntArray,
    names: Sequence[str],
    config: TrainConfig,
    device: torch.device,
    other: int = -1,
) -> Step[Trained]:
    """The recipe on rows (n,) of the folder with labels y (n,) of classes ``names``: the pool is drawn as in a project.

    other: the class that holds what fits no other one, -1 for none.
    """
    size = len(folder.y)
    others = drawn(size, rows, config.pool_images, config.seed)
    return (
        yield from train(
            backbone=copy.deepcopy(folder.backbone),
            files=[folder.files[row] for row in rows],
            y=y,
            classes=names,
            x=folder.x[rows],
            config=config,
            device=device,
            pool_files=[folder.files[row] for row in for_pca(size, config.seed)],
            unlabelled=[folder.files[row] for row in others],
            unlabelled_x=folder.x[others],
            other=other,
        )
    )
