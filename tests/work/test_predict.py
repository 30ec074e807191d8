"""What a prediction says of an image beside its class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.work.predict import _strange
from tests.storage_help import flat_project


def test_images_unlike_every_class_that_was_learned(tmp_path: Path) -> None:
    """Two directions of features are the classes; images 27 and 28 lie in neither, and 28 was learned all the same."""
    project = flat_project(tmp_path, 28)
    for name in ("cat", "dog"):
        classes.add_class(project, name)
    pool = items.pool(project)
    x = np.zeros((28, 3), dtype=np.float32)
    x[np.arange(28), np.arange(28) % 2] = 1
    x[:, :2] += np.linspace(0, 0.05, 28)[:, None]
    x[26:] = (0, 0, 1)
    learned = [*range(1, 23), 28]
    operations.apply(project, "test", [Op(n, "label", n, 1 + (n - 1) % 2) for n in learned])
    run = run_queue.queue(project, "train", {})
    run_queue.finish(project, run, "done", result={"ids": learned})
    found = _strange(project, run_queue.get(project, run), pool, x)
    assert pool.ids[found].tolist() == [27]
