"""The odd images of the pool, for the way without a page: they are told, and left out by nobody but a person."""

from __future__ import annotations

from collections.abc import Mapping

from fact_core.analysis.odd import measures_of, odd
from fact_core.config import TrainConfig
from fact_core.headless.worker_client import WorkerClient
from fact_core.storage import items, odd_file
from fact_core.storage.project import Project

#: kind of ``analysis.odd`` -> as it is told
WORDS = {
    "unlike": "unlike all others",
    "blurred": "blurred",
    "dark": "dark",
    "bright": "over-exposed",
    "tiny": "tiny",
    "twin": "nearly the same as another",
}


def look(found: Project, worker: WorkerClient, train: TrainConfig) -> dict[str, list[str]]:
    """Kind -> files of the pool, the oddest first. Measured by the features that the training uses, once a pool."""
    kept, pool = odd_file.load(found), items.pool(found)
    if kept is None or measures_of(kept.columns) is None or not set(pool.digests) <= set(kept.digests):
        worker.do("odd", {"backbone": train.backbone, "view": train.view, "device": train.device})
        kept = odd_file.load(found)
    measures = measures_of(kept.columns) if kept else None
    if kept is None or measures is None:
        return {}
    files = dict(zip(pool.digests, pool.paths, strict=True))
    named = {kind: [kept.digests[row] for row in rows.tolist()] for kind, rows in odd(measures).items()}
    return {kind: [files[each] for each in digests if each in files] for kind, digests in named.items()}


def told(found: Mapping[str, list[str]]) -> list[str]:
    """What the summary says of them; nothing where there is none."""
    kinds = ", ".join(f"{len(files):,} {WORDS[kind]}" for kind, files in found.items() if files)
    n = len({file for files in found.values() for file in files})
    if not n:
        return []
    return [
        f"{n:,} odd {'images' if n > 1 else 'image'}: {kinds}",
        "  none was left out: look at them on the page Select, or in the file of --json",
    ]
