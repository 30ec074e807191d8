"""Databases of earlier versions, kept as files: they open with everything that was in them.

Hostile input 16: an old schema opens, is backed up and migrates; a newer one is refused.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fact_core.config import TrainConfig, from_dict
from fact_core.errors import SchemaTooNew
from fact_core.labeling import classes, labels_now, notes, operations, selections, undo
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_events, run_queue, schema
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.kill_points import killed_at
from tests.storage_help import is_sound

DATA = Path(__file__).parent / "data"


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def project(tmp_path: Path, version: int) -> Project:
    shutil.copy(DATA / f"schema-{version}.sqlite", tmp_path / "project.sqlite")
    return projects.open_project(tmp_path)


def test_labels_classes_and_notes_are_there(project: Project, version: int) -> None:
    assert project.name == "Flowers"
    assert [(each.name, each.count) for each in classes.classes(project)] == [("rose", 1), ("Tulip", 2)]
    now = labels_now.states(project)
    assert {item: (state.kind, state.class_id, state.flagged) for item, state in now.items()} == {
        2: ("label", 2, False),
        3: ("label", 1, False),
        4: ("label", 2, True),
    }
    known = labels_now.snapshot(project)
    assert (known.ids.tolist(), known.y.tolist(), known.classes) == ([2, 3, 4], [1, 0, 1], ("rose", "Tulip"))
    assert [row.op for row in labels_now.history(project)] == ["label"] * 4 + ["flag", "skip", "undo", "label"]
    assert notes.newest(project) == ({3: "a fine one"} if version == 2 else {})
    assert classes.classes(project)[0].key == ("r" if version == 2 else "")


def test_images_selections_and_runs_are_there(project: Project) -> None:
    assert items.pool(project).ids.tolist() == [1, 2, 3, 4, 5]
    assert items.duplicates(project) == {6: 5}
    assert items.problems(project) == [("bad.png", "The file is no image")]
    assert [(each.item, each.role) for each in selections.queue(project)] == [(3, "pick"), (2, "pick"), (4, "audit")]
    assert selections.rejected(project).tolist() == [1]
    runs = run_queue.list_runs(project)
    assert [(each.kind, each.status) for each in runs] == [
        ("train", "failed"),
        ("train", "done"),
        ("select", "done"),
        ("scan", "done"),
    ]
    assert (runs[0].reason, runs[1].result["class_ids"]) == ("The disk is full.", [1, 2])
    events, _ = run_events.events_since(project, 3)
    assert [(each.kind, each.body.get("loss")) for each in events] == [("point", 0.7), ("point", 0.25), ("log", None)]


def test_work_goes_on(project: Project) -> None:
    assert operations.apply(project, "desk.tab", [Op(9, "label", 1, 1), Op(10, "undo")]).last_seq == 10
    assert len(undo.steps(project, "desk.tab").redo) == 1
    run_queue.requeue(project, 4)
    claimed = run_queue.claim(project, "me")
    assert claimed is not None and claimed.id == 4
    assert is_sound(project)


def test_it_is_backed_up_as_it_was_and_knows_what_was_applied(project: Project, version: int) -> None:
    kept = sqlite3.connect(project.db.with_name(f"project.sqlite.backup-{version}"))
    before = sqlite3.connect(DATA / f"schema-{version}.sqlite")
    assert list(kept.iterdump()) == list(before.iterdump())
    kept.close()
    before.close()
    with db.connect(project.db) as con:
        rows = list(con.table("_sqlite_migrations").rows)
        assert con.execute("PRAGMA user_version").fetchone()[0] == len(schema.MIGRATIONS)
    assert [row["name"] for row in rows] == [f"schema_{number}" for number in range(1, len(schema.MIGRATIONS) + 1)]
    assert [row["applied_at"] == "before sqlite-utils" for row in rows] == [n < version for n in range(len(rows))]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no signal that nothing can hear")
def test_a_kill_at_any_change_of_the_backup_leaves_nothing_behind(tmp_path: Path) -> None:
    """The next opening takes it away. So it does where another process has migrated the file meanwhile."""
    done = tmp_path / "done"
    done.mkdir()
    shutil.copy(DATA / "schema-2.sqlite", done / "project.sqlite")
    projects.open_project(done)
    number, killed, halves = 0, True, 0
    while killed:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(DATA / "schema-2.sqlite", folder / "project.sqlite")
        killed = killed_at(number, folder, "open", folder, folder)
        halves += any(each.suffix == ".new" for each in folder.iterdir())
        other = Path(shutil.copytree(folder, tmp_path / f"{number} other"))
        for each in done.iterdir():
            shutil.copy(each, other / each.name)
        for place in (folder, other):
            projects.open_project(place)
            assert sorted(each.name for each in place.iterdir()) == ["project.sqlite", "project.sqlite.backup-2"]
            kept = sqlite3.connect(place / "project.sqlite.backup-2")
            assert kept.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert kept.execute("PRAGMA user_version").fetchone()[0] == 2
            kept.close()
    assert number > 2 and halves


def test_it_has_the_tables_of_a_new_one(project: Project, tmp_path: Path) -> None:
    with db.connect(project.db) as con, db.connect(tmp_path / "new.sqlite", create=True) as new:
        names = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        assert [tuple(row) for row in con.execute(names)] == [tuple(row) for row in new.execute(names)]


def test_each_row_is_about_what_is_there(project: Project) -> None:
    """Else what is packed of it would be called damaged."""
    with projects.db.connect(project.db) as con:
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []


def test_pngs_are_looked_at_again_for_what_was_taken_for_8_bits(tmp_path: Path) -> None:
    place = next(n for n, script in enumerate(schema.MIGRATIONS) if "PNG files are looked at again" in script)
    file = tmp_path / "project.sqlite"
    common = {"width": 4, "height": 4, "bytes": 9, "mtime_ns": 1, "reason": "", "low": 0.0, "high": 0.0}
    rows = [("a.png", "PNG", "ok", ""), ("b.jpg", "JPEG", "ok", ""), ("c.png", "PNG", "missing", "")]
    rows += [("d.png", "PNG", "ok", "grey16")]
    with db.connect(file, schema.MIGRATIONS[:place], create=True) as con:
        con.table("item").insert_all(
            {**common, "path": path, "digest": path, "format": kind, "status": status, "deep": deep}
            for path, kind, status, deep in rows
        )
    with db.connect(file) as con:
        found = con.execute("SELECT path, deep FROM item ORDER BY path").fetchall()
    assert [tuple(row) for row in found] == [("a.png", None), ("b.jpg", ""), ("c.png", ""), ("d.png", "grey16")]


def test_it_is_given_an_identity_once(project: Project) -> None:
    assert len(project.id) == 32
    assert projects.open_project(project.folder).id == project.id


def test_a_project_of_a_newer_version_is_refused_and_not_touched(project: Project) -> None:
    with db.connect(project.db) as con:
        con.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    before = project.db.read_bytes()
    with pytest.raises(SchemaTooNew, match=r"newer version.*Update FACT Studio\. Nothing was changed"):
        projects.open_project(project.folder)
    with pytest.raises(SchemaTooNew):
        operations.apply(project, "desk.tab", [Op(9, "label", 1, 1)])
    assert project.db.read_bytes() == before


PLAIN = '{{"recipe": "{0}", "preset": "standard", "st": {{"steps": {1}, "images": 5000}}}}'


@pytest.mark.parametrize(
    ("recipe", "steps", "phases", "now"),
    [
        ("fact", 300, "lp ff st lm", "fact+"),
        ("fact", 300, "", "fact+"),  # it has told nothing yet
        ("fact", 0, "lp ff lm", "fact"),
        ("l3fact", 300, "lp lora st lm", "l3fact+"),
        ("l3fact", 300, "lp lora lm", "l3fact"),  # that version stored the steps without having the phase
        ("lp-ft", 300, "lp ff", "lp-ft"),
    ],
)
def test_a_run_that_learned_from_the_pool_is_called_so_now(
    tmp_path: Path, recipe: str, steps: int, phases: str, now: str
) -> None:
    """It goes on as it began: one round, with the names that phase 2 alone gave."""
    shutil.copy(DATA / "schema-2.sqlite", tmp_path / "project.sqlite")
    con = sqlite3.connect(tmp_path / "project.sqlite")
    con.execute("UPDATE run SET config = ? WHERE id = 3", [PLAIN.format(recipe, steps)])
    if phases:
        told = json.dumps({"phase": "lp", "index": 0, "phases": phases.split()})
        con.execute("INSERT INTO event (run, at, kind, body) VALUES (3, 1, 'phase_started', ?)", [told])
    con.commit()
    con.close()
    run = run_queue.get(projects.open_project(tmp_path), 3)
    config = from_dict(TrainConfig, run.config)
    assert config.recipe == now
    if now.endswith("+"):
        assert (config.st.rounds, config.st.names, config.st.steps) == (1, "network", 300)
    if phases:
        assert config.phases == tuple(phases.split())


def test_a_half_backup_of_an_earlier_version_is_taken_away_unless_somebody_writes_it(tmp_path: Path) -> None:
    shutil.copy(DATA / "schema-2.sqlite", tmp_path / "project.sqlite")
    names = [f"project.sqlite.backup-1.{own}.new" for own in ("4711", "4711-140")]
    for name in names:
        (tmp_path / name).write_bytes((DATA / "schema-2.sqlite").read_bytes()[:5000])
        (tmp_path / f"{name}-journal").write_bytes(b"half")
    others = ["project.sqlite.backup-1", "project.sqlite.backup-1.new", "project.sqlite.backup-mine.4711.new"]
    for name in others:
        (tmp_path / name).write_bytes(b"a person's")
    lives = tmp_path / "project.sqlite.backup-1.12.new"
    with closing(sqlite3.connect(lives)) as other:
        other.execute("BEGIN EXCLUSIVE")
        projects.open_project(tmp_path)
        expected = {"project.sqlite", "project.sqlite.backup-2", *others}
        assert {each.name for each in tmp_path.iterdir()} >= {*expected, lives.name}
    projects.open_project(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == expected


def test_a_backup_that_was_put_back_and_worked_on_is_backed_up_beside_the_first(tmp_path: Path) -> None:
    """By an older version, which is what it is put back for: the second upgrade finds labels that the first had not."""
    file = tmp_path / "project.sqlite"
    shutil.copy(DATA / "schema-2.sqlite", file)
    projects.open_project(tmp_path)
    first = tmp_path / "project.sqlite.backup-2"
    for _ in range(2):  # the second time nothing was done in between
        shutil.copy(first, file)
        with closing(sqlite3.connect(file)) as older:
            older.execute("UPDATE class SET name = 'by the older version' WHERE id = 1")
            older.commit()
        projects.open_project(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["project.sqlite", first.name, f"{first.name}-2"]
    names = []
    for each in (first, tmp_path / f"{first.name}-2"):
        with closing(sqlite3.connect(each)) as kept:
            names.append(kept.execute("SELECT name FROM class WHERE id = 1").fetchone()[0])
    assert names[1] == "by the older version" != names[0]


@pytest.mark.parametrize(("was", "now"), [(True, "choose"), (False, "off"), ("half", "half")])
def test_a_training_whose_gate_was_yes_or_no_keeps_its_meaning(tmp_path: Path, was: object, now: str) -> None:
    """The first version stored it so; what was stopped, failed or queued there can be gone on with."""
    file = tmp_path / "project.sqlite"
    shutil.copy(DATA / "schema-1.sqlite", file)
    with closing(sqlite3.connect(file)) as con, con:
        stored = json.dumps({"recipe": "ff", "ff": {"gate": was, "steps": 7}})
        con.execute("UPDATE run SET config = ? WHERE kind = 'train'", (stored,))
    for run in run_queue.list_runs(projects.open_project(tmp_path), "train"):
        config = from_dict(TrainConfig, run.config)
        assert (config.ff.gate, config.ff.steps) == (now, 7)
