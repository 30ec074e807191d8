from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from fact_core.errors import ProjectBusy, ProjectError, ProjectGone, SchemaTooNew, StorageError
from fact_core.labeling import classes
from fact_core.storage import db, migrate, schema
from tests.storage_help import flat_project

FIRST = "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO thing (name) VALUES ('a;b');"
SECOND = "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"


def test_new_database_has_the_schema_and_wal(tmp_path: Path) -> None:
    with db.connect(tmp_path / "x.sqlite", create=True) as con:
        assert con.execute("PRAGMA user_version").fetchone()[0] == len(schema.MIGRATIONS)
        assert con.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert con.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        tables = {row["name"] for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"meta", "item", "class", "label", "selection", "pick", "run", "event"} <= tables


def test_an_old_schema_is_backed_up_and_migrated_and_keeps_its_data(tmp_path: Path) -> None:
    """Hostile input 16: an old schema opens, is backed up and migrates."""
    path = tmp_path / "x.sqlite"
    with db.connect(path, (FIRST,), create=True) as con:
        con.execute("INSERT INTO thing (name) VALUES ('mine')")
    with db.connect(path, (FIRST, SECOND)) as con:
        assert [tuple(row) for row in con.execute("SELECT * FROM thing")] == [(1, "a;b", "red"), (2, "mine", "red")]
    backup = sqlite3.connect(tmp_path / "x.sqlite.backup-1")
    assert backup.execute("SELECT name FROM thing").fetchall() == [("a;b",), ("mine",)]
    assert backup.execute("PRAGMA user_version").fetchone()[0] == 1
    backup.close()
    assert not list(tmp_path.glob("*.new"))


def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    """Hostile input 16: a newer one is refused."""
    path = tmp_path / "x.sqlite"
    with db.connect(path, (FIRST, SECOND), create=True):
        pass
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match="newer version"), db.connect(path, (FIRST,)):
        pass
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with db.connect(path, (FIRST,), create=True):
        pass
    broken = "ALTER TABLE thing ADD COLUMN size; INSERT INTO nowhere VALUES (1);"
    with pytest.raises(StorageError), db.connect(path, (FIRST, broken)):
        pass
    with db.connect(path, (FIRST,)) as con:
        assert [row["name"] for row in con.execute("PRAGMA table_info(thing)")] == ["id", "name"]


def test_a_script_is_parted_at_the_end_of_its_statements() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a WHERE x = 1; DELETE FROM b; END;"
    parts = ["-- first; not here\nSELECT 'a;b', \";\";", "/* ; */ " + trigger, "SELECT 1"]
    assert migrate.statements("\n\n".join(parts) + "\n") == parts
    assert migrate.statements(" \n") == []


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with db.connect(path, create=True) as con:
        with pytest.raises(KeyError), db.transaction(con):
            con.execute("INSERT INTO meta VALUES ('a', '1')")
            raise KeyError
        with db.transaction(con):
            con.execute("INSERT INTO meta VALUES ('b', '1')")
    with db.connect(path) as con:
        assert [row["key"] for row in con.execute("SELECT key FROM meta")] == ["b"]


def test_the_version_differs_after_each_change(tmp_path: Path) -> None:
    with db.connect(tmp_path / "x.sqlite", create=True) as con:
        seen = [db.version(con)]
        db.bump(con)
        seen.append(db.version(con))
        con.execute("INSERT INTO run (kind, config, status, created) VALUES ('scan', '{}', 'queued', 0)")
        con.execute("INSERT INTO event (run, at, kind, body) VALUES (1, 0, 'log', '{}')")
        seen.append(db.version(con))
    assert len(set(seen)) == 3


def test_what_is_no_database_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(ProjectError, match="damaged or not a database"), db.connect(tmp_path / "x.sqlite"):
        pass
    nowhere = tmp_path / "no" / "folder" / "x.sqlite"
    with pytest.raises(StorageError, match="cannot be opened"), db.connect(nowhere, create=True):
        pass


def test_opening_never_makes_a_file(tmp_path: Path) -> None:
    for gone in (tmp_path / "x.sqlite", tmp_path / "no" / "folder" / "x.sqlite"):
        with pytest.raises(ProjectGone, match=r"is not there\..*connect the disk"), db.connect(gone):
            pass
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_not_filled_and_the_log_beside_it_is_kept(tmp_path: Path) -> None:
    """SQLite takes 0 bytes for a new database, and deletes the write-ahead log, which may be all that is left."""
    path, log = tmp_path / "x.sqlite", tmp_path / "x.sqlite-wal"
    path.touch()
    log.write_bytes(b"the last labels")
    with pytest.raises(ProjectGone, match=r"is empty\. Found: .*0 bytes"), db.connect(path):
        pass
    assert (path.read_bytes(), log.read_bytes()) == (b"", b"the last labels")


def test_another_programs_database_is_not_filled(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE album (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="not a project of FACT Studio"), db.connect(path):
        pass
    assert path.read_bytes() == before and [each.name for each in tmp_path.iterdir()] == ["x.sqlite"]


def test_a_full_disk_is_said_in_words_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with db.connect(path, create=True) as con:
        con.execute("INSERT INTO meta VALUES ('kept', '1')")
    with pytest.raises(StorageError, match="disk is full"), db.connect(path) as con:
        con.execute(f"PRAGMA max_page_count = {con.execute('PRAGMA page_count').fetchone()[0]}")
        with db.transaction(con):
            con.execute("INSERT INTO meta VALUES ('large', ?)", ("x" * 1_000_000,))
    with db.connect(path) as con:
        assert [row["key"] for row in con.execute("SELECT key FROM meta")] == ["kept"]
        assert con.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_lock_of_another_program_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.05)
    path = tmp_path / "x.sqlite"
    with db.connect(path, create=True) as first, db.transaction(first):
        with pytest.raises(ProjectBusy, match="keeps the project locked"), db.connect(path) as second:
            second.execute("INSERT INTO meta VALUES ('a', '1')")


def test_a_log_that_another_process_is_switching_to_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers "database is locked" at once where two processes switch at the same moment."""
    real, asked = Database.enable_wal, list[int]()

    def busy(con: Database) -> None:
        asked.append(1)
        if len(asked) < 4:
            raise sqlite3.OperationalError("database is locked")
        real(con)

    monkeypatch.setattr(Database, "enable_wal", busy)
    monkeypatch.setattr(migrate, "PAUSE", 0.0)
    with db.connect(tmp_path / "x.sqlite", create=True) as con:
        assert len(asked) == 4 and con.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    asked.clear()
    monkeypatch.setattr(migrate, "TRIES", 2)
    with pytest.raises((ProjectBusy, StorageError)), db.connect(tmp_path / "y.sqlite", create=True):
        pass


def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fact_core.storage import db\n"
        "with db.connect(Path(sys.argv[1]), create=True) as con:\n"
        "    with db.transaction(con): db.bump(con)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.sqlite")]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) for _ in range(6)]
    assert [(child.communicate()[1], child.returncode) for child in children] == [(b"", 0)] * 6
    with db.connect(tmp_path / "x.sqlite", create=True) as con:
        assert db.version(con).startswith("6.")


def test_what_is_read_within_a_moment_is_as_it_was_then(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 1)
    with db.moment(project.db), db.moment(project.db):
        with ThreadPoolExecutor() as other:
            other.submit(classes.add_class, project, "new").result()
        assert classes.classes(project) == []
    assert [each.name for each in classes.classes(project)] == ["new"]
    classes.add_class(project, "and again")  # nothing is left open
