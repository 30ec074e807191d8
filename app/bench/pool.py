"""Synthetic pools: item rows without files, real JPEGs for the images that are to be labeled, a map of all.

The JPEGs are scanned by the program itself; the other items are rows that are written directly.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fact_core.events import Log
from fact_core.generators import finish
from fact_core.labeling import classes, selections
from fact_core.storage import items, run_queue, synthetic
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import FloatArray, Role, Selection, Step
from fact_core.work.scan import scan

SIZE, FILES = (1600, 1200), 500
CLASSES = tuple(f"class {number}" for number in range(1, 11))
KEY = "bench"
#: Share of the dots that lie left of the gap in the middle of the map: 90,000 of 200,000.
LEFT = 0.45


def over(
    sizes: Sequence[int], measure: Callable[[Project, int, Path], Step[dict[str, Any]]]
) -> Step[list[dict[str, Any]]]:
    """One row a size: ``measure`` is given a pool of so many images, their number, and a folder for the program."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fact-studio-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        yield Log(f"Painting {FILES} images of {SIZE[0]} x {SIZE[1]}")
        images = paint_images(folder / "images", FILES)
        for count in sizes:
            project = make(folder / f"pool-{count}", images, count)
            rows.append((yield from measure(project, count, folder / "home")))
            yield Log(f"{count:,} images: {rows[-1]} (load {os.getloadavg()[0]:.1f})")
    return rows


def inside(measure: Callable[[Path], Step[list[dict[str, Any]]]]) -> Step[list[dict[str, Any]]]:
    """The rows of ``measure``, which is given an empty folder for a while."""
    with tempfile.TemporaryDirectory(prefix="fact-studio-bench-", ignore_cleanup_errors=True) as place:
        return (yield from measure(Path(place).resolve()))


def paint_images(folder: Path, count: int, size: tuple[int, int] = SIZE, first: int = 0) -> Path:
    """Write ``count`` different JPEGs of ``size`` (width, height): soft shapes with grain, as large as photos are.

    first: number of the first one; others have other pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        shapes = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = rng.integers(0, 256, (size[1] // 3, size[0] // 3, 3), dtype=np.uint8)
        rough = Image.fromarray(grain).resize(size, Image.Resampling.BILINEAR)
        Image.blend(shapes, rough, 0.15).save(folder / f"{number:04d}.jpg", quality=88)
    return folder


def make(folder: Path, images: Path, count: int) -> Project:
    """A project of ``count`` images: the files in ``images`` are its queue, all others have none.

    It has ten classes and a finished map. ValueError when there are more files than ``count``.
    """
    project = projects.create(folder, images, f"{count:,} images")
    finish(scan(project))
    files = items.pool(project).ids
    if len(files) > count:
        raise ValueError(f"{len(files)} files are more than {count} images")
    synthetic.add_items(project, count - len(files), *SIZE)
    classes.add_many(project, CLASSES)
    pick: Role = "pick"
    chosen = Selection(files, (pick,) * len(files), files[:0], "random", {"budget": str(len(files))})
    selections.save(project, chosen, None)
    _draw_map(project)
    return project


def _draw_map(project: Project) -> None:
    """Store the picture of a done "map" run, where the page looks for it."""
    ids = items.pool(project).ids
    target = project.cache / "maps"
    target.mkdir(parents=True, exist_ok=True)
    np.save(target / f"{KEY}.npy", places(len(ids)))
    np.save(target / f"{KEY}.ids.npy", ids)
    run_queue.finish(project, run_queue.queue(project, "map", {}), "done", result={"key": KEY})


def places(count: int, seed: int = 0) -> FloatArray:
    """(count, 2) places between -1 and 1 in clouds. A gap at x = 0; ``LEFT`` of them, at random, lie left of it."""
    rng = np.random.default_rng(seed)
    left = rng.permutation(count) < round(LEFT * count)
    cloud = rng.integers(0, 6, count)
    centres: Sequence[tuple[float, float]] = [(x, y) for x in (0.3, 0.72) for y in (-0.68, 0.0, 0.68)]
    xy = np.array(centres)[cloud] + rng.normal(0, 0.13, (count, 2))
    xy = np.clip(xy, (0.03, -1.0), (1.0, 1.0))
    xy[left, 0] *= -1
    return xy.astype(np.float32)
