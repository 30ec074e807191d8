"""The run that measures what is odd about images: sharpness and light of thumbnails, likeness of features.

No file is decoded again: thumbnails were made in the pass for the features. Which measure is odd is not decided here
but where the lists are shown (``analysis.odd``), so that a better rule needs no new run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fact_core.analysis.odd import light_of, likeness
from fact_core.config import OddConfig
from fact_core.errors import FactError
from fact_core.events import Log, Progress
from fact_core.images import decode
from fact_core.images.gate import Gate
from fact_core.storage import items, odd_file
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.storage.thumbs import Thumbs
from fact_core.types import FloatArray, Item, Step
from fact_core.work.kind import Kind, Needed
from fact_core.work.pool_features import needs_features, pool_features

TOLD = 64  # images between two lines of progress
LIGHT = ("sharp", "light", "clipped")


def needs(project: Project, run: Run, config: OddConfig) -> list[Needed]:
    """The features of the pool."""
    return needs_features(project, config.backbone, config.device, config.view)


def run(project: Project, run: Run, config: OddConfig) -> Step[dict[str, Any]]:
    """Measure the pool; what an earlier run has measured of an image's bytes is kept."""
    started = time.monotonic()
    pool, x, key = pool_features(project, config.backbone, config.device, config.view)
    found = items.get_many(project, pool.ids.tolist())
    light = yield from _light(project, found)
    apart, twin, alike, off = yield from likeness(x)
    side = np.array([min(each.width, each.height) for each in found], dtype=np.int64)
    columns: dict[str, odd_file.Column] = {name: light[:, place] for place, name in enumerate(LIGHT)}
    columns |= {"side": side, "apart": apart, "twin": twin, "alike": alike, "off": off}
    odd_file.save(project, key, pool.digests, columns)
    return {"images": len(pool), "seconds": time.monotonic() - started}


def _light(project: Project, found: Sequence[Item]) -> Step[FloatArray]:
    """(N, 3) sharpness and light of images; NaN for one whose thumbnail cannot be made."""
    out = np.full((len(found), len(LIGHT)), np.nan, dtype=np.float32)
    known, place = odd_file.load(project), dict[str, int]()
    if known is not None and set(LIGHT) <= set(known.columns):
        place = {digest: row for row, digest in enumerate(known.digests)}
        stored = np.stack([known.columns[name] for name in LIGHT], axis=1).astype(np.float32)
    todo = list[int]()
    for row, item in enumerate(found):
        if item.digest in place and np.isfinite(stored[place[item.digest]]).all():
            out[row] = stored[place[item.digest]]
        else:
            todo.append(row)
    thumbs, gate, began = Thumbs(project), Gate(), time.monotonic()
    for done, row in enumerate(todo, start=1):
        try:
            out[row] = _measured(thumbs.get_or_make(project, found[row], gate))
        except (FactError, OSError) as error:
            yield Log(f"{found[row].path}: {error} Left out.", "warning")
        if done % TOLD == 0 or done == len(todo):
            rate = done / max(time.monotonic() - began, 1e-9)
            yield Progress("odd", done, len(todo), "images", rate, (len(todo) - done) / rate)
    return out


def _measured(jpeg: bytes) -> tuple[float, float, float]:
    """See ``analysis.odd.light_of``. ImageError when the cache holds no picture."""
    grey = np.asarray(decode.decode(jpeg).convert("L"), dtype=np.float32)
    return light_of(grey / np.float32(255))


KIND = Kind(run, needs)
