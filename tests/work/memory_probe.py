"""Scans a folder and computes features in a process of its own; prints what that took of memory, in bytes.

python -m tests.work.memory_probe IMAGES PROJECT THREADS
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import torch

from fact_core.backbones import load
from fact_core.features.extract import extract
from fact_core.generators import finish
from fact_core.images.decode import thumbnail
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.storage.feature_store import FeatureStore
from fact_core.work.scan import scan


def peak() -> int:
    """The most memory that this process has had at one time."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(images: Path, folder: Path, threads: int) -> None:
    """Both steps with so many threads."""
    torch.set_num_threads(2)
    backbone = load("tf_efficientnet_lite0", random=True, pixels=64)
    with torch.inference_mode():
        backbone(torch.zeros(8, 3, 64, 64))  # what the network itself needs is no part of it
    before = peak()
    project = projects.create(folder, images)
    scanned = finish(scan(project, workers=threads))
    pool, store, bad = items.pool(project), FeatureStore.open(folder / "cache" / "x", backbone.dim), list[str]()
    finish(
        extract(
            backbone,
            pool.digests,
            pool.sources(),
            store,
            device=torch.device("cpu"),
            workers=threads,
            batch=8,
            on_image=lambda digest, image: thumbnail(image),
            on_bad=lambda digest, error: bad.append(error.what),
        )
    )
    told = {"taken": peak() - before, "pool": scanned.total, "unreadable": scanned.unreadable, "features": len(store)}
    print(json.dumps({**told, "bad": bad}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
