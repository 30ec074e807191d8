"""Another project's file in the place of this one's: nothing of what was meant for this one is written to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fact_core.errors import ProjectChanged
from fact_core.labeling import classes, notes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project

WRITES: dict[str, Callable[[Project], object]] = {
    "a class": lambda project: classes.add_class(project, "dog"),
    "classes of a file": lambda project: classes.ensure_classes(project, ["dog", "owl"]),
    "another name": lambda project: classes.rename_class(project, 1, "dog"),
    "a class less": lambda project: classes.delete_class(project, 1),
    "a label": lambda project: operations.apply(project, "test", [Op(1, "label", 1, 1)]),
    "a note": lambda project: notes.write(project, 1, "blurred", "somebody"),
    "a selection": lambda project: selections.save(project, chosen(project), None),
    "a run": lambda project: run_queue.queue(project, "scan", {}),
}


def chosen(project: Project) -> Selection:
    ids = items.pool(project).ids
    return Selection(ids, ("pick",) * len(ids), ids[:0], "random")


@pytest.mark.parametrize("what", WRITES)
def test_nothing_is_written_to_another_project(what: str, tmp_path: Path) -> None:
    mine, other = flat_project(tmp_path / "mine", 3), flat_project(tmp_path / "other", 3)
    for each in (mine, other):
        classes.add_class(each, "cat")
    WRITES[what](mine)  # it can be done at all
    shutil.copy(other.db, mine.db)
    before = mine.db.read_bytes()
    with pytest.raises(ProjectChanged):
        WRITES[what](mine)
    assert mine.db.read_bytes() == before
