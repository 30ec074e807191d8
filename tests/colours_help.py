"""A small labeled project whose classes are colours, and a second network that is ready beside the installed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fact_core.backbones import loading
from fact_core.backbones.download import save
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, project
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work import scan

VIT = "timm:test_vit.r160_in1k"


def two_colours(folder: Path, photos: Path) -> Project:
    """24 images in red/ and green/: 16 chosen ones labeled rightly, 8 check images labeled wrongly."""
    made = project.create(folder, photos)
    finish(scan.scan(made))
    pool = items.pool(made)
    order = np.argsort([Path(path).name + path for path in pool.paths])  # red and green by turns
    roles = ("pick",) * 16 + ("audit",) * 8
    selections.save(made, Selection(pool.ids[order], roles, np.array([], dtype=np.int64), "random"), None)
    of = dict(zip(("red", "green"), (classes.add_class(made, name) for name in ("red", "green")), strict=True))
    names = [Path(pool.paths[row]).parent.name for row in order]
    wrong = {"red": "green", "green": "red"}
    said = [name if role == "pick" else wrong[name] for name, role in zip(names, roles, strict=True)]
    ops = [
        Op(n, "label", int(pool.ids[row]), of[name]) for n, (row, name) in enumerate(zip(order, said, strict=True), 1)
    ]
    operations.apply(made, "tab", ops)
    return made


def random_vit_ready() -> None:
    """A tiny transformer of timm's with random weights in the cache."""
    save(VIT, loading.create(VIT).state_dict(), "a test")
