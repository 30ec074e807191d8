"""Hostile input 13: bulk updates of 40,000 images (SQLite has a limit of variables), 100,000 and 1,000,000 rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from app.pages.label import routes
from app.routes.queue import queue_of
from fact_core.labeling import bulk, classes, labels_now, notes, operations, selections, undo
from fact_core.labeling.history import Op
from fact_core.storage import db, items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from tests.storage_help import is_sound
from tests.work_help import copied

T = TypeVar("T")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BULK = 40_000
#: Seconds that nothing here may take on a busy machine of two cores; most take under one.
LONGEST = 120.0


def quick(act: Callable[[], T]) -> T:
    begun = time.monotonic()
    found = act()
    assert time.monotonic() - begun < LONGEST
    return found


@pytest.fixture(scope="module", params=[100_000, 1_000_000])
def rows(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def large(rows: int, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """So many images and two classes; writing them takes longer than copying the file."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "images").mkdir()
    project = projects.create(folder / "project", folder / "images")
    add_items(project, rows)
    for name in ("a", "b"):
        classes.add_class(project, name)
    return project


def test_a_large_pool_is_labeled_in_bulk_and_read(large: Project, tmp_path: Path, rows: int) -> None:
    project = copied(large, tmp_path)
    pool = quick(lambda: items.pool(project))
    assert len(pool.ids) == rows
    some = pool.ids[:: rows // BULK][:BULK]
    assert len(quick(lambda: items.get_many(project, some.tolist()))) == BULK
    ops = [{"seq": n, "kind": "label", "item": int(item), "class_id": 1, "batch": 1} for n, item in enumerate(some, 1)]
    told = quick(lambda: routes.apply_ops(project, "desk.tab", ops))
    assert (told["last_seq"], len(told["states"]), told["classes"][0]["count"]) == (BULK, BULK, BULK)
    step = quick(lambda: undo.steps(project, "desk.tab"))
    assert [len(each) for each in step.undo] == [BULK]
    assert quick(lambda: labels_now.snapshot(project)).ids.tolist() == some.tolist()
    assert len(quick(lambda: notes.newest(project, some.tolist()))) == 0
    roles = ("pick",) * BULK
    quick(lambda: selections.save(project, Selection(some, roles, pool.ids[1:5001], "random"), None))
    assert len(quick(lambda: queue_of(project))["entries"]) == BULK
    undone = [Op(BULK + n, "undo", int(item)) for n, item in enumerate(some[:2000], 1)]
    assert quick(lambda: operations.apply(project, "desk.tab", undone)).last_seq == BULK + 2000
    assert len(quick(lambda: labels_now.states(project))) == BULK - 2000
    assert is_sound(project)


def test_every_image_of_a_large_pool_has_a_label(large: Project, tmp_path: Path, rows: int) -> None:
    project = copied(large, tmp_path)
    ids = items.pool(project).ids

    def give_all() -> int:
        with db.connect(project.db) as con, db.transaction(con):
            return bulk.give(con, "step", dict.fromkeys(ids.tolist(), 2), "import")

    begun = time.monotonic()
    assert give_all() == rows
    assert time.monotonic() - begun < LONGEST
    known = quick(lambda: labels_now.snapshot(project))
    assert np.array_equal(known.ids, ids) and set(known.y.tolist()) == {1}
    assert [row.count for row in quick(lambda: classes.classes(project))] == [0, rows]
    merged = quick(lambda: classes.merge(project, 2, 1, "merge-1"))
    assert merged.images == rows
    assert [row.count for row in quick(lambda: classes.classes(project))] == [rows]
    assert quick(lambda: labels_now.changes(project, 2 * rows - BULK))[0] == 2 * rows
    assert is_sound(project)
