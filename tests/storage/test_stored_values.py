"""Values of wrong kinds in a packed project: one is told by its table and column, and nothing is unpacked."""

from __future__ import annotations

import math
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.generators import finish
from fact_core.images.links import Outside
from fact_core.labeling import acceptances, classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, groups, links, pack, run_events, run_queue, stored_values
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.unpack import unpack
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project, is_sound, paint


@pytest.fixture
def full(tmp_path: Path) -> Project:
    """A project with a row in most tables."""
    made = flat_project(tmp_path)
    operations.apply(made, "tab", [Op(1, "label", 1, classes.add_class(made, "oak"))])
    ids = np.arange(1, 5, dtype=np.int64)
    selections.save(made, Selection(ids, ("pick",) * 4, ids[:0], "random", {"budget": 4, "check": 0}), None)
    run_queue.queue(made, "scan", {})
    return made


WRONG_VALUES = {
    "class.position": "UPDATE class SET position = 'x'",
    "label.lead_time": "UPDATE label SET lead_time = 'x'",
    "label.at": "UPDATE label SET at = 9e999",
    "item.taken": "UPDATE item SET taken = 'x' WHERE id = 4",
    "item.width": "UPDATE item SET width = 1.5 WHERE id = 6",
    "class.name": "UPDATE class SET name = x'00'",
    "run.config": "UPDATE run SET config = '['",
    "run.versions": "UPDATE run SET versions = '7'",
    "run.result": "UPDATE run SET result = '[]'",
    "run.waits_for": "UPDATE run SET waits_for = '5'",
    "event.body": "INSERT INTO event (run, at, kind, body) VALUES (1, 0, 'log', '[1]')",
    "selection.config": "UPDATE selection SET config = '['",
    "look.own": "INSERT INTO look VALUES (1, 1, 0.9, 0.05, 'x', 0.5, 1, 30, 0, 0, '[5]')",
    "group_step.names": """INSERT INTO group_step (step, stands, names) VALUES ('s', 1, '{"x": "a"}')""",
    "meta.value of ranges": "INSERT OR REPLACE INTO meta VALUES ('ranges', '[5]')",
    "meta.value of links": "INSERT OR REPLACE INTO meta VALUES ('links', '7')",
    "meta.value of outside": "INSERT OR REPLACE INTO meta VALUES ('outside', '[{}]')",
    "meta.value": "INSERT OR REPLACE INTO meta VALUES ('view', x'00')",
}


@pytest.mark.parametrize("place", WRONG_VALUES)
def test_one_value_of_a_wrong_kind_is_told_and_nothing_unpacked(full: Project, tmp_path: Path, place: str) -> None:
    with closing(sqlite3.connect(full.db)) as con, con:
        assert con.execute(WRONG_VALUES[place]).rowcount
    finish(pack.pack(full, tmp_path / "one.zip", images=False))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="what no packed project holds") as error:
        finish(unpack(tmp_path / "one.zip", tmp_path / "there"))
    assert f"project.sqlite: {place} " in str(error.value) and sorted(tmp_path.iterdir()) == before


def test_nested_json_without_end_is_told(full: Project, tmp_path: Path) -> None:
    with closing(sqlite3.connect(full.db)) as con, con:
        con.execute("UPDATE run SET config = ?", ("[" * 100_000,))
    finish(pack.pack(full, tmp_path / "one.zip", images=False))
    with pytest.raises(InputError, match=r"run\.config"):
        finish(unpack(tmp_path / "one.zip", tmp_path / "there"))


def test_what_the_program_itself_stores_is_unpacked(full: Project, tmp_path: Path) -> None:
    """All that holds JSON, written by what writes it."""
    paint(full.images / "deep.png", 40_000, mode="I;16")
    finish(scan(full))
    links.allow(full, [tmp_path])
    links.note_outside(full, [Outside(str(tmp_path), "", 3)])
    run = run_queue.queue(full, "train", {"lr": math.inf})
    run_events.append_events(full, run, [Log("ä"), Progress("a", 1, 2)])
    own = (acceptances.OwnGoal(1, 0.9, None, 30, 0), acceptances.OwnGoal(2, 0.9, 0.5, 30, 1))
    acceptances.note_look(full, run, 0.9, 0.05, "x", threshold=None, accepted=0, checks=0, wrong=0, own=own)
    with db.writing(full.db, full.id) as con:
        groups.note_column(con, {1: "a"}, "step")
        assert stored_values.wrong(con) == ""
        assert {each.name for each in fields(acceptances.OwnGoal)} == stored_values.OWN_GOAL
    finish(pack.pack(full, tmp_path / "one.zip", images=False))
    assert is_sound(finish(unpack(tmp_path / "one.zip", tmp_path / "there")))


@pytest.mark.parametrize("version", [1, 2])
def test_projects_of_earlier_versions_are_unpacked(tmp_path: Path, version: int) -> None:
    (tmp_path / "old").mkdir()
    shutil.copy(Path(__file__).parent / "data" / f"schema-{version}.sqlite", tmp_path / "old" / "project.sqlite")
    old = projects.open_project(tmp_path / "old")
    finish(pack.pack(old, tmp_path / "one.zip", images=False))
    made = finish(unpack(tmp_path / "one.zip", tmp_path / "there", tmp_path))
    assert run_queue.list_runs(made) == run_queue.list_runs(old)


def test_a_million_answers_are_looked_at_in_seconds(full: Project) -> None:
    with db.connect(full.db) as con:
        con.execute("PRAGMA foreign_keys = OFF")
        con.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
            "INSERT INTO prediction SELECT 1, i, 1, 'oak', 0.5 FROM n"
        )
        start = time.monotonic()
        assert stored_values.wrong(con) == ""
        assert time.monotonic() - start < 10
