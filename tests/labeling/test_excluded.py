"""An image that a person leaves out: not picked, not trained on, not checked with, not counted; undone like a label."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fact_core.exchange import export_labels
from fact_core.labeling import checked, classes, labels_now, operations, selections, undo
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project, is_sound


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """Six images: 3, 1, 2 are picks, 4 and 5 check images, 6 the next best."""
    one = flat_project(tmp_path)
    classes.add_class(one, "a")
    classes.add_class(one, "b")
    chosen = np.array([3, 1, 2, 4, 5])
    roles = ("pick", "pick", "pick", "audit", "audit")
    selections.save(one, Selection(chosen, roles, np.array([6]), "activeft", {"budget": 3}), None)
    yield one


def queue(one: Project) -> list[int]:
    return [entry.item for entry in selections.queue(one)]


def test_it_is_in_no_count_and_in_no_set(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(n, "label", n, 1 + n % 2) for n in range(1, 6)])
    operations.apply(made, "desk.one", [Op(6, "exclude", 1), Op(7, "exclude", 4), Op(8, "exclude", 6)])
    assert excluded(made) == [1, 4, 6]
    assert items.pool(made).ids.tolist() == [2, 3, 5]
    counts = items.counts(made)
    assert (counts.pool, counts.excluded, counts.files) == (3, 3, 6)
    assert labels_now.snapshot(made, "pick").ids.tolist() == [2, 3]
    assert labels_now.snapshot(made, "audit").ids.tolist() == [5]
    run = run_queue.get(made, run_queue.queue(made, "train", {}))
    assert set(checked.check_names(made, run)) == {5}
    assert queue(made) == [3, 2, 5]  # in their order
    assert 1 in selections.spoken_for(made)


def test_it_takes_no_rejected_image_s_place(made: Project) -> None:
    number = selections.latest(made)
    assert number is not None
    operations.apply(made, "desk.one", [Op(1, "exclude", 6)])
    assert selections.reject(made, number.id, 3) is None


def test_it_is_undone_like_a_label_and_by_another_window(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 2)])
    before = projects.version(made)
    operations.apply(made, "desk.one", [Op(n, "exclude", n - 1, batch=2) for n in (2, 3, 4)])
    # the first part of the version makes every window read its queue again
    assert projects.version(made).split(".")[0] != before.split(".")[0]
    assert queue(made) == [4, 5]
    (step, *_rest) = undo.steps(made, "desk.two").undo
    assert [(each.item, each.after and each.after.kind) for each in step] == [
        (1, "exclude"), (2, "exclude"), (3, "exclude")
    ]  # fmt: skip
    before = projects.version(made)
    operations.apply(made, "desk.two", [Op(n, "undo", n) for n in (1, 2, 3)])
    assert projects.version(made).split(".")[0] != before.split(".")[0]
    assert queue(made) == [3, 1, 2, 4, 5] and excluded(made) == []
    assert labels_now.states(made)[1].class_id == 2  # the label is there again
    operations.apply(made, "desk.two", [Op(4, "redo", 1)])
    assert excluded(made) == [1]
    operations.apply(made, "other.one", [Op(1, "clear", 1)])  # anybody can put it back
    assert excluded(made) == [] and 1 not in labels_now.states(made)


def test_a_label_puts_it_back_and_says_so_to_who_has_not_seen_it(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "exclude", 2)])
    operations.apply(made, "desk.one", [Op(2, "label", 2, 1)])
    assert excluded(made) == []
    told = operations.apply(made, "other.one", [Op(1, "exclude", 2, was=0)])
    assert told.over[2].before.class_id == 1


def test_the_csv_names_it_with_its_kind(made: Project, tmp_path: Path) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1), Op(2, "exclude", 2), Op(3, "skip", 3)])
    export_labels.write_labels(made, tmp_path / "labels.csv")
    with open(tmp_path / "labels.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["sample_id"]: (row["label"], row["split"], row["kind"]) for row in csv.DictReader(file)}
    assert rows == {"1": ("a", "train", "label"), "2": ("", "", "left out"), "3": ("", "", "skipped")}
    with db.connect(made.db) as con:
        assert [row["kind"] for row in con.view("labels_now").rows] == ["label", "exclude", "skip"]


def test_a_project_of_the_schema_before_keeps_its_history(tmp_path: Path) -> None:
    """The table of labels is made anew for the new kind: rows, numbers and what points to them stay."""
    from fact_core.storage import schema

    file, older = tmp_path / "project.sqlite", schema.MIGRATIONS[:-1]
    with db.connect(file, older, create=True) as con, db.transaction(con):
        con.execute("INSERT INTO meta VALUES ('images', ?), ('name', 'old')", (str(tmp_path),))
        con.execute(
            "INSERT INTO item (path, digest, width, height, format, bytes, mtime_ns, status) "
            "VALUES ('a.png', 'd', 1, 1, 'PNG', 1, 1, 'ok')"
        )
        said = (
            "INSERT INTO label (id, item, op, kind, flagged, target, client, seq, at, source, annotator, batch) VALUES "
        )
        con.execute(f"{said} (7, 1, 'skip', 'skip', 0, NULL, 'd.a', 1, 1.5, 'person', '', NULL)")
        con.execute(f"{said} (9, 1, 'undo', 'none', 0, 7, 'd.a', 2, 2.5, 'person', 'me', 2)")
    with sqlite3.connect(file) as plain:
        before = plain.execute("SELECT * FROM label ORDER BY id").fetchall()
    made = projects.open_project(tmp_path)
    with sqlite3.connect(file) as plain:
        columns = "id, item, op, kind, class, flagged, target, client, seq, at, lead_time, source, annotator, batch"
        assert plain.execute(f"SELECT {columns} FROM label ORDER BY id").fetchall() == before
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
        keys = [row[2:5] for row in plain.execute("PRAGMA foreign_key_list (label)")]
        assert ("label", "target", "id") in keys
    operations.apply(made, "d.a", [Op(3, "exclude", 1)])
    assert [row.id for row in labels_now.history(made)] == [7, 9, 10]
    assert excluded(made) == [1] and items.counts(made).pool == 0 and is_sound(made)
