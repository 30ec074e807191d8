"""Which images of a large pool to label: ActiveFT over shards of features that memory does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fact_core.compute.device import device_named
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.exchange.export_labels import csv_text
from fact_core.files import write_text
from fact_core.select.streamed import select
from fact_core.storage.feature_shards import FeatureShards, known, mark_of
from fact_core.types import IntArray, Step
from fact_core.work.pool_fetch import fetch

COLUMNS = ("place", "role", "image", "digest")


def choose(
    folder: Path,
    budget: int,
    to: Path,
    *,
    memory: int,
    seed: int = 0,
    labeled: Sequence[str] = (),
    device: str = "auto",
    copies: Path | None = None,
) -> Step[dict[str, int | float]]:
    """Write a CSV of the picks, the most telling first, and of the spares that replace rejected ones.

    labeled: names of images that have a label already. memory: bytes of features held at a time. copies: the folder
    into which the picks are copied. The same shards and seed give the same picks. No two have the same bytes, nor those
    of an image with a label: ``repeats`` says how many images were passed over for that. InputError where the folder
    holds no features, or an unknown image is labeled.
    """
    pool = FeatureShards(folder)
    if not len(pool) or pool.meta.get("kind") not in (None, "features"):
        raise InputError("There are no features in this folder", str(folder), "Make them: launch.py shards --to DIR")
    taken = _rows(pool, labeled)
    rng, again = np.random.default_rng(seed), _repeats(pool, taken)
    if len(again):
        yield Log(f"{len(again):,} images repeat the bytes of another one and are passed over.")
    picks = yield from select(pool, budget, taken, rng, memory=memory, closed=again, device=device_named(device))
    table: list[tuple[object, ...]] = []
    for role, rows in (("pick", picks.rows), ("spare", picks.next_best)):
        table += ((place, role, line["image"], line["digest"]) for place, line in enumerate(pool.about(rows), 1))
    write_text(to, csv_text(COLUMNS, table), "writing the picks")
    copied = 0 if copies is None else (yield from fetch(pool.about(picks.rows), copies))
    loss = float(picks.info.get("loss", np.nan))
    told = {"images": len(pool), "repeats": len(again), "picks": len(picks.rows)}
    return {**told, "loss": loss, "copied": copied}


def _repeats(pool: FeatureShards, labeled: IntArray) -> IntArray:
    """Ascending numbers of the rows whose bytes those of a labeled image, or else of an earlier row, are.

    Two bytes-for-bytes equal images lie at one place, so that the second would be the first's nearest. 8 bytes a row.
    """
    marks = np.fromiter((mark_of(line["digest"]) for line in pool.each()), dtype=np.uint64, count=len(pool))
    first = np.zeros(len(pool), dtype=bool)
    first[np.unique(marks, return_index=True)[1]] = True
    closed = ~first | np.isin(marks, marks[labeled])
    closed[labeled] = False
    return np.flatnonzero(closed).astype(np.int64)


def _rows(pool: FeatureShards, images: Sequence[str]) -> IntArray:
    """Row numbers of images by their names. InputError for one that has no row."""
    if not images:
        return np.zeros(0, dtype=np.int64)
    marks = np.sort(np.array([mark_of(image) for image in images], dtype=np.uint64))
    names = (line["image"] for line in pool.each())
    found = {image: row for row, image in enumerate(names) if known(marks, [image])[0]}
    missing = [image for image in images if image not in found]
    if missing:
        raise InputError("A labeled image has no features", f"{missing[0]} and {len(missing) - 1} more")
    return np.array([found[image] for image in dict.fromkeys(images)], dtype=np.int64)
