"""The project's SQLite file: how it is opened, and brought to the newest schema.

A connection is opened, configured and closed per operation. It comes as a ``Database`` of
sqlite-utils. Scripts of a schema (``schema.py``) are applied and recorded by its ``Migrations``;
their number also stands in ``user_version``, as it did before, so that opening costs one look
and an older FACT Studio refuses the file in words.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from fact_core.errors import FactError, InputError, ProjectBusy, ProjectError, SchemaTooNew, StorageError
from fact_core.storage.schema import MIGRATIONS

BUSY_SECONDS = 15.0


@contextmanager
def connect(path: Path, scripts: Sequence[str] = MIGRATIONS) -> Iterator[Database]:
    """A configured connection to the database, brought to the newest schema, closed at the end.

    The connection is in autocommit mode: put writes that belong together into ``transaction``.
    Errors: SchemaTooNew; ProjectError when it is no database; ProjectBusy when locked for
    15 seconds; StorageError when the disk is full or read-only; InputError for values that
    SQLite cannot hold.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            # Neither the plug-ins of sqlite-utils nor its pragma: nothing is done here but wrapping.
            con = Database(connection, recursive_triggers=False, execute_plugins=False)
            if _version(con) != len(scripts):
                _migrate(con, path, scripts)
            # FULL: a label that was acknowledged also survives a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            yield con
    except sqlite3.Error as error:
        raise _in_words(error, path) from error
    except OverflowError as error:  # a number from outside that no row can have
        raise InputError("A number is too large", do="Reload the page.") from error
    except UnicodeEncodeError as error:  # half a surrogate pair, possible in JSON
        raise InputError("A text has characters that cannot be stored", repr(error.object)[:80]) from error


@contextmanager
def transaction(con: Database) -> Iterator[Database]:
    """All or nothing. Takes the write lock at once, so what is read inside is what is changed.

    ``Database.atomic`` begins without the lock; inside of this it is a savepoint.
    """
    con.conn.execute("BEGIN IMMEDIATE")
    try:
        yield con
    except BaseException:
        con.rollback()  # SQLite has done so by itself after some errors (disk full)
        raise
    con.conn.execute("COMMIT")


def is_free(path: Path, seconds: float = 0.2) -> bool:
    """Whether somebody could write within some tenths of a second: no process keeps the file from all others."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return True


def bump(con: Database) -> None:
    """Count one change, so that ``version`` differs. Labels and events count by themselves."""
    con.execute(
        "INSERT INTO meta (key, value) VALUES ('changes', '1') "
        "ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def version(con: Database) -> str:
    """A text that differs after every change of labels, events, classes, selections, runs or items."""
    row = con.execute(
        "SELECT coalesce((SELECT value FROM meta WHERE key = 'changes'), 0) AS changes, "
        "coalesce((SELECT max(id) FROM label), 0) AS label, coalesce((SELECT max(id) FROM event), 0) AS event"
    ).fetchone()
    return f"{row['changes']}.{row['label']}.{row['event']}"


def _version(con: Database) -> int:
    return int(con.conn.execute("PRAGMA user_version").fetchone()[0])


def _migrate(con: Database, path: Path, scripts: Sequence[str]) -> None:
    """Back up what is there, then apply the scripts that are missing: all of them, or none."""
    if _version(con) > len(scripts):
        raise SchemaTooNew(
            "A newer version of FACT Studio wrote this project",
            f"schema {_version(con)} in {path}; this version knows {len(scripts)}",
            "Update FACT Studio. Nothing was changed.",
        )
    con.enable_wal()
    if _version(con) > 0:
        _backup(con, path)
    with transaction(con):
        # Read again: another process may have done it while this one waited for the lock.
        _record_older(con, _version(con))
        _migrations(scripts).apply(con)
        con.execute(f"PRAGMA user_version = {len(scripts):d}")


def _migrations(scripts: Sequence[str]) -> Migrations:
    """The scripts as migrations of sqlite-utils, named by their numbers."""
    found = Migrations("fact-studio")
    for number, script in enumerate(scripts, start=1):

        def run(con: Database, script: str = script) -> None:
            con.executescript(script)  # within a transaction statement by statement

        found(name=_name(number))(run)
    return found


def _record_older(con: Database, version: int) -> None:
    """The bridge from schemas 1 and 2, whose only record was ``user_version``."""
    known = {each.name for each in Migrations("fact-studio").applied(con)}
    older = [_name(number) for number in range(1, version + 1) if _name(number) not in known]
    Migrations("fact-studio").ensure_migrations_table(con)
    con.table(Migrations.migrations_table).insert_all(
        {"migration_set": "fact-studio", "name": name, "applied_at": "before sqlite-utils"} for name in older
    )


def _name(number: int) -> str:
    return f"schema_{number}"


def _backup(con: Database, path: Path) -> None:
    target = path.with_name(f"{path.name}.backup-{_version(con)}")
    if target.exists():
        return
    staged = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        with closing(sqlite3.connect(staged)) as copy:
            con.conn.backup(copy)
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)


def _in_words(error: sqlite3.Error, path: Path) -> FactError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL:
        return StorageError("The disk is full (writing the project)", str(path), "Free some space; nothing is lost.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        what = "The project cannot be opened for writing"
        return StorageError(what, f"{path}: {error}", "Check that the folder exists and may be written.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ProjectBusy("Another program keeps the project locked", str(path), "Close it and try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        what = "The project's database is damaged or not a database"
        return ProjectError(what, f"{path}: {error}", "Restore it from a backup; images are not affected.")
    return StorageError("The project's database gave an error", f"{path}: {error}")
