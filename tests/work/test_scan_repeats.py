"""Of files with the same bytes one stands for all: what was said of it is never hidden by an older row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import paint


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Of four files the first cannot be read; 2 to 4 are images."""
    for number in range(4):
        paint(tmp_path / "images" / f"{number:03d}.png", number)
    (tmp_path / "images" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n, cut off")
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    assert items.pool(made).ids.tolist() == [2, 3, 4]
    classes.add_class(made, "a")
    return made


def mend(project: Project) -> None:
    """Put a copy of image 3 in the place of the broken file."""
    (project.images / "000.png").write_bytes((project.images / "002.png").read_bytes())
    finish(scan(project))


def test_a_broken_file_that_is_replaced_by_a_copy_hides_no_label(project: Project) -> None:
    operations.apply(project, "desk", [Op(1, "label", 3, 1)])
    mend(project)
    assert labels_now.snapshot(project).ids.tolist() == [3] and classes.classes(project)[0].count == 1
    assert items.duplicates(project) == {1: 3} and items.pool(project).ids.tolist() == [2, 3, 4]
    (project.images / "002.png").unlink()  # the copy alone is left
    finish(scan(project))
    assert labels_now.snapshot(project).ids.tolist() == [3] and items.path_of(project, 3).name == "000.png"
    paint(project.images / "002.png", 2)
    finish(scan(project))
    assert labels_now.snapshot(project).ids.tolist() == [3] and items.pool(project).ids.tolist() == [2, 3, 4]


def test_nor_a_check_image_that_has_no_label_yet(project: Project) -> None:
    selections.save(project, Selection(np.array([3]), ("audit",), np.zeros(0, np.int64), "random", {}), None)
    mend(project)
    operations.apply(project, "desk", [Op(1, "label", selections.queue(project)[0].item, 1)])
    assert labels_now.snapshot(project, "audit").ids.tolist() == [3]


def test_without_any_word_the_oldest_stands_for_all(project: Project) -> None:
    mend(project)
    assert items.duplicates(project) == {3: 1}
    operations.apply(project, "desk", [Op(1, "label", 1, 1)])
    finish(scan(project))
    assert labels_now.snapshot(project).ids.tolist() == [1]


@pytest.mark.parametrize("what", ["deleted", "edited", "swapped"])
def test_a_copy_that_goes_takes_no_label_along(project: Project, what: str) -> None:
    """The copy has the older row. Its image's label would go to no file, or to one with other bytes."""
    operations.apply(project, "desk", [Op(1, "label", 3, 1)])
    mend(project)
    copy = project.images / "000.png"
    if what == "deleted":
        copy.unlink()
    elif what == "edited":
        paint(copy, 77)
    else:
        other = project.images / "003.png"
        for old, new in ((copy, "aside"), (other, "000.png"), (project.images / "aside", "003.png")):
            old.rename(project.images / new)
    finish(scan(project))
    with db.connect(project.db) as con:
        told = {row["path"]: row["label"] for row in con.view("finished").rows}
    wanted = {"deleted": {}, "edited": {"000.png": ""}, "swapped": {"000.png": "", "003.png": "a"}}[what]
    assert told == {"001.png": "", "002.png": "a", "003.png": "", **wanted}


def test_a_row_that_is_long_gone_takes_no_file_from_one_that_is_labeled(project: Project) -> None:
    """The copy is away, comes back as another picture, and goes again: whichever row is older, the label stays."""
    operations.apply(project, "desk", [Op(1, "label", 3, 1)])
    mend(project)
    for change in ((project.images / "000.png").unlink, lambda: paint(project.images / "000.png", 78), lambda: None):
        change()
        finish(scan(project))
        assert labels_now.snapshot(project).ids.tolist() == [3]
        assert items.path_of(project, 3).name == "002.png"
