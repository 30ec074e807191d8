"""The project's SQLite file: how it is opened, and what is written together.

A connection is opened, configured and closed per operation, so that between two of them the file is whole by itself:
the last one that is closed leaves nothing beside it. It comes as a ``Database`` of sqlite-utils.

Opening never makes a file, but where ``create`` says so: a project whose disk is not connected is not an empty one.
The way to the newest schema is in ``migrate.py``, errors are put into words by ``db_errors.py``.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

from sqlite_utils import Database

from fact_core.errors import InputError, ProjectChanged
from fact_core.storage import db_errors, foreign_log, migrate, read_only
from fact_core.storage.schema import MIGRATIONS

BUSY_SECONDS = 15.0
#: The connection that the calls of one request share. A thread and a task has its own.
_SHARED: ContextVar[tuple[Path, Database] | None] = ContextVar("shared", default=None)


@contextmanager
def connect(
    path: Path, scripts: Sequence[str] = MIGRATIONS, *, create: bool = False, wal: bool = True
) -> Iterator[Database]:
    """A configured connection to the database, brought to the newest schema, closed at the end.

    The connection is in autocommit mode: put writes that belong together into ``transaction``. ``wal``: a file that is
    made now gets a write-ahead log.
    Errors: ProjectGone when there is no such file, or an empty one (not with ``create``, which makes it); SchemaTooNew;
    ProjectError when it is no database, or a log lies beside it that is of another file; ProjectBusy when locked for
    15 seconds; DiskFull; StorageError when it may not be written; InputError for values that SQLite cannot hold.
    """
    held = _SHARED.get()
    if held is not None and held[0] == path:
        yield held[1]  # errors are put into words where it was opened
        return
    if not create:
        db_errors.check_there(path)
        foreign_log.check(path)
    try:
        with closing(_opened(path, create)) as connection, read_only.unchanged(connection, path):
            # Neither the plug-ins of sqlite-utils nor its pragma: nothing is done here but wrapping.
            con = Database(connection, recursive_triggers=False, execute_plugins=False)
            if migrate.version(con) != len(scripts):
                migrate.migrate(con, path, scripts, create=create, wal=wal)
            # FULL: a label that was acknowledged also survives a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            yield con
    except sqlite3.Error as error:
        raise db_errors.in_words(error, path) from error
    except OverflowError as error:  # a number from outside that no row can have
        raise InputError("A number is too large", do="Reload the page.") from error
    except UnicodeEncodeError as error:  # half a surrogate pair, possible in JSON
        raise InputError("A text has characters that cannot be stored", repr(error.object)[:80]) from error


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Every ``connect`` to this file within is one and the same connection: opening it reads the whole schema."""
    with connect(path) as con:
        token = _SHARED.set((path, con))
        try:
            yield
        finally:
            _SHARED.reset(token)


@contextmanager
def moment(path: Path) -> Iterator[None]:
    """Every look at this file within sees it as it was at one moment; nothing can be written within.

    What is read in several looks and told as one would mix what was so before with what somebody has said meanwhile.
    """
    with shared(path), connect(path) as con:
        if con.conn.in_transaction:
            yield
            return
        con.conn.execute("BEGIN")
        con.conn.execute("SELECT count(*) FROM meta").fetchone()  # the moment is that of the first look
        try:
            yield
        finally:
            con.rollback()


def _opened(path: Path, create: bool) -> sqlite3.Connection:
    """A connection that can read, also where the disk is full, or nothing may be written."""
    try:
        return _open(path, create, BUSY_SECONDS)
    except sqlite3.Error as error:
        if read_only.holds(path):
            return read_only.opened(path)
        if not db_errors.is_full(error, path):
            raise
    return _open_alone(path)


def _open_alone(path: Path) -> sqlite3.Connection:
    """A connection that needs no room on the disk, and that no other can stand beside: they wait for each other.

    The index of the write-ahead log is a file of 32 kB that the first who comes makes; here it lies in memory.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _open(path, False, 0, ("PRAGMA temp_store = MEMORY", "PRAGMA locking_mode = EXCLUSIVE"))
        except sqlite3.OperationalError as error:
            # Two that wait in SQLite would each keep a part of the lock: who fails lets go of all, and comes again.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(random.uniform(0.001, 0.02))


def _open(path: Path, create: bool, wait: float, first: Sequence[str] = ()) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in (*first, "PRAGMA foreign_keys = ON"):
            connection.execute(pragma)
        connection.execute("PRAGMA user_version").fetchone()  # the first look at the file
    except BaseException:
        connection.close()
        raise
    return connection


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


@contextmanager
def writing(path: Path, identity: str) -> Iterator[Database]:
    """A connection in a transaction, to the project of that identity ("" is not checked).

    Errors: as of ``connect``; ProjectChanged when another project's file lies there, and nothing is written to it.
    """
    with connect(path) as con, transaction(con):
        check_same(con, identity, path)
        yield con


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


def identity(con: Database) -> str:
    """The name that the project was given when it was made and that no other has; "" where it has none yet."""
    row = con.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
    return str(row["value"]) if row else ""


def check_same(con: Database, wanted: str, path: Path) -> None:
    """ProjectChanged unless this is the project of that identity. One that is not known ("") is not checked."""
    found = identity(con) if wanted else ""
    if found and found != wanted:
        raise ProjectChanged(
            "This project is not what it was",
            f"Another project's file lies at {path}.",
            "Put the file back that was there before. What waits in the page is kept until then.",
        )
