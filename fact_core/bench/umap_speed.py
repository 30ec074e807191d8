"""Seconds of the map: exact nearest neighbours on principal components, then UMAP, as the program draws it.

The data are the synthetic mixture of the bench ``selection``. Start it as a command of its own: umap-learn compiles
itself in each new process, which counts here as it does for the person.
"""

from __future__ import annotations

import time
from typing import Any

from fact_core.bench.page_tables import umap_table
from fact_core.bench.selection import mixture
from fact_core.compute import device
from fact_core.events import Event, Log, Progress
from fact_core.features.umap_map import umap_map
from fact_core.generators import map_events
from fact_core.types import Step

SIZES = {False: (50_000,), True: (50_000, 200_000)}
WIDTH = 384


def run(full: bool) -> Step[dict[str, Any]]:
    """50,000 rows of 384 numbers; ``full``: 200,000 too."""
    rows = []
    for n in SIZES[full]:
        rows.append((yield from measure(n, WIDTH)))
        yield Log(f"{n:,} images: {rows[-1]['seconds']} s")
    return {"text": umap_table(rows), "json": rows}


def measure(n: int, width: int) -> Step[dict[str, Any]]:
    """One row. "neighbours_s" has the principal components in it, "umap_s" its compiling and its graph."""
    x = mixture(n, width)
    began = time.monotonic()
    near = began

    def timed(event: Event) -> Event:
        nonlocal near
        if isinstance(event, Progress) and event.step == "neighbours":
            near = time.monotonic()
        return event

    yield from map_events(umap_map(x), timed)
    ended = time.monotonic()
    return {
        "images": n,
        "width": width,
        "seconds": round(ended - began, 1),
        "neighbours_s": round(near - began, 1),
        "umap_s": round(ended - near, 1),
        "device": device.describe(device.device_named("cpu")),
    }
