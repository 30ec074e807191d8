"""The project's SQLite file: how it is opened, and its schema.

A connection is opened, configured and closed per operation. The schema is a list of
scripts; each is applied in one transaction together with its number (``user_version``).
A column or table is added by appending a script, never by editing an old one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from fact_core.errors import FactError, InputError, ProjectBusy, ProjectError, SchemaTooNew, StorageError

BUSY_SECONDS = 15.0

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- One image file. path: relative to the image folder, with "/". digest: of its bytes ("" where unreadable).
    -- status: ok, unreadable (reason says why), missing (was there at an earlier scan).
    -- duplicate_of: the first ok row with the same bytes.
    CREATE TABLE item (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        format TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('ok', 'unreadable', 'missing')),
        reason TEXT NOT NULL DEFAULT '',
        duplicate_of INTEGER REFERENCES item (id)
    );
    CREATE INDEX item_digest ON item (digest);

    -- folded: the name without upper case, so that names are unique but for case. deleted rows keep their labels.
    CREATE TABLE class (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded TEXT NOT NULL,
        position INTEGER NOT NULL,
        created REAL NOT NULL,
        deleted INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX class_folded ON class (folded) WHERE NOT deleted;

    -- Append-only. op: what the person did. kind, class, flagged: the state of the item after it.
    -- target: the row that an undo or redo is about. One row per (client, seq): sending twice changes nothing.
    CREATE TABLE label (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER REFERENCES item (id),
        op TEXT NOT NULL CHECK (op IN ('label', 'skip', 'flag', 'clear', 'undo', 'redo')),
        kind TEXT NOT NULL CHECK (kind IN ('label', 'skip', 'none')),
        class INTEGER REFERENCES class (id),
        flagged INTEGER NOT NULL,
        target INTEGER REFERENCES label (id),
        client TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        lead_time REAL,
        source TEXT NOT NULL,
        annotator TEXT NOT NULL,
        UNIQUE (client, seq)
    );
    CREATE INDEX label_item ON label (item, id);
    CREATE INDEX label_client ON label (client, id);

    -- parent: the run that asked for this one. waits_for: JSON list of runs that must be done first.
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        config TEXT NOT NULL,
        versions TEXT NOT NULL DEFAULT '{}',
        seed INTEGER NOT NULL DEFAULT 0,
        device TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'stopped', 'failed')),
        claimed_by TEXT NOT NULL DEFAULT '',
        heartbeat REAL,
        stop_requested INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        reason TEXT NOT NULL DEFAULT '',
        result TEXT NOT NULL DEFAULT '{}',
        parent INTEGER REFERENCES run (id),
        waits_for TEXT NOT NULL DEFAULT '[]'
    );
    CREATE INDEX run_status ON run (status);

    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES run (id),
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX event_run ON event (run, id);
    CREATE INDEX event_kind ON event (run, kind, id);

    CREATE TABLE selection (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER REFERENCES run (id),
        strategy TEXT NOT NULL,
        config TEXT NOT NULL,
        seconds REAL NOT NULL,
        created REAL NOT NULL
    );

    -- state: chosen (to be labeled), candidate (takes the place of a rejected pick), rejected.
    -- replaces: the item whose rank a candidate took.
    CREATE TABLE pick (
        selection INTEGER NOT NULL REFERENCES selection (id),
        item INTEGER NOT NULL REFERENCES item (id),
        role TEXT NOT NULL CHECK (role IN ('pick', 'audit')),
        rank INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('chosen', 'candidate', 'rejected')),
        replaces INTEGER REFERENCES item (id),
        PRIMARY KEY (selection, item)
    ) WITHOUT ROWID;
    CREATE INDEX pick_item ON pick (item);
    """,
    """
    -- batch: the seq of the first of the operations that were given in one step and are undone in one.
    ALTER TABLE label ADD COLUMN batch INTEGER;
    CREATE INDEX label_target ON label (target) WHERE target IS NOT NULL;

    -- colour: place in the palette; NULL: by its position. key: the key that gives it, beside its number.
    ALTER TABLE class ADD COLUMN colour INTEGER;
    ALTER TABLE class ADD COLUMN key TEXT NOT NULL DEFAULT '';

    -- Append-only too: the newest row of an image is its note ("" is none).
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER NOT NULL REFERENCES item (id),
        text TEXT NOT NULL,
        at REAL NOT NULL,
        annotator TEXT NOT NULL
    );
    CREATE INDEX note_item ON note (item, id);
    """,
)


@contextmanager
def connect(path: Path, migrations: Sequence[str] = MIGRATIONS) -> Iterator[sqlite3.Connection]:
    """A configured connection to the database, brought to the newest schema, closed at the end.

    The connection is in autocommit mode: put writes that belong together into ``transaction``.
    Errors: SchemaTooNew; ProjectError when it is no database; ProjectBusy when locked for
    15 seconds; StorageError when the disk is full or read-only; InputError for values that
    SQLite cannot hold.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as con:
            con.row_factory = sqlite3.Row
            con.execute("PRAGMA foreign_keys = ON")
            if _version(con) != len(migrations):
                _migrate(con, path, migrations)
            # FULL: a label that was acknowledged also survives a power cut.
            con.execute("PRAGMA synchronous = FULL")
            yield con
    except sqlite3.Error as error:
        raise _in_words(error, path) from error
    except OverflowError as error:  # a number from outside that no row can have
        raise InputError("A number is too large", do="Reload the page.") from error
    except UnicodeEncodeError as error:  # half a surrogate pair, possible in JSON
        raise InputError("A text has characters that cannot be stored", repr(error.object)[:80]) from error


@contextmanager
def transaction(con: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. Takes the write lock at once, so what is read inside is what is changed."""
    con.execute("BEGIN IMMEDIATE")
    try:
        yield con
    except BaseException:
        # SQLite has rolled back by itself after some errors (disk full).
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def bump(con: sqlite3.Connection) -> None:
    """Count one change, so that ``version`` differs. Labels and events count by themselves."""
    con.execute(
        "INSERT INTO meta (key, value) VALUES ('changes', '1') "
        "ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def version(con: sqlite3.Connection) -> str:
    """A text that differs after every change of labels, events, classes, selections, runs or items."""
    row = con.execute(
        "SELECT coalesce((SELECT value FROM meta WHERE key = 'changes'), 0) AS changes, "
        "coalesce((SELECT max(id) FROM label), 0) AS label, coalesce((SELECT max(id) FROM event), 0) AS event"
    ).fetchone()
    return f"{row['changes']}.{row['label']}.{row['event']}"


def _version(con: sqlite3.Connection) -> int:
    return int(con.execute("PRAGMA user_version").fetchone()[0])


def _migrate(con: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    if _version(con) > len(migrations):
        raise SchemaTooNew(
            "A newer version of FACT Studio wrote this project",
            f"schema {_version(con)} in {path}; this version knows {len(migrations)}",
            "Update FACT Studio. Nothing was changed.",
        )
    con.execute("PRAGMA journal_mode = WAL")
    if _version(con) > 0:
        _backup(con, path)
    for number, script in enumerate(migrations, start=1):
        with transaction(con):
            # Another process may have done it while this one waited for the lock.
            if _version(con) < number:
                for statement in _statements(script):
                    con.execute(statement)
                con.execute(f"PRAGMA user_version = {number:d}")


def _backup(con: sqlite3.Connection, path: Path) -> None:
    target = path.with_name(f"{path.name}.backup-{_version(con)}")
    if target.exists():
        return
    staged = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        with closing(sqlite3.connect(staged)) as copy:
            con.backup(copy)
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon (``executescript`` would commit the transaction)."""
    collected = ""
    for part in script.split(";")[:-1]:
        collected += part + ";"
        if sqlite3.complete_statement(collected):  # not inside a text or comment
            yield collected
            collected = ""


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
