"""Shared by the tests of storage: small projects with real image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from fact_core.generators import finish
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import scan

T = TypeVar("T")


def paint(file: Path, colour: object = 0, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: Any) -> Path:
    """A file with a picture in one colour; a number as colour gives another picture for each number."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if mode == "RGB" and isinstance(colour, int):
        colour = (colour % 256, colour // 256 % 256, 77)
    Image.new(mode, size, colour).save(file, **options)
    return file


def flat_project(folder: Path, images: int = 6) -> Project:
    """A scanned project whose images 1, 2, ... lie at 000.png, 001.png, ..."""
    for number in range(images):
        paint(folder / "images" / f"{number:03d}.png", number)
    project = projects.create(folder / "project", folder / "images")
    finish(scan(project))
    return project


def is_sound(project: Project) -> bool:
    """SQLite's own check of the file."""
    from fact_core.storage import db

    with db.connect(project.db) as con:
        return bool(con.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def rows(*values: float) -> np.ndarray:
    """One row of features a value: (v, 2 v, 3 v)."""
    return np.array([[value, 2 * value, 3 * value] for value in values], dtype=np.float32)


def two_labeled(folder: Path) -> Project:
    """A project of four images, of which the first two are labeled."""
    project = flat_project(folder, images=4)
    classes.add_class(project, "a")
    operations.apply(project, "tab", [Op(1, "label", 1, 1), Op(2, "label", 2, 1)])
    return project
