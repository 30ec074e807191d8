"""A project's file that nobody here may write: on a disk that is mounted read-only, in a folder of another person.

SQLite keeps the index of its write-ahead log in a file that whoever comes first makes, so it refuses such a file, for
reading too. Two ways are left, both without locks. Where there is a log, its index can lie in memory: labels that were
acknowledged stand there alone after a kill, so it is never passed over. Where there is none, the file is read as it is.
Without locks another computer's writing is not waited for, so it is looked for afterwards.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fact_core.errors import ProjectBusy
from fact_core.storage.foreign_log import log_of


class Unlocked(sqlite3.Connection):
    """A connection that nobody waits for. before: the file and its log as they were when it was opened."""

    before: tuple[tuple[int, int, int] | None, ...] = ()


def holds(path: Path) -> bool:
    """Whether neither the file nor anything beside it may be written."""
    return not os.access(path.parent, os.W_OK)


def opened(path: Path) -> Unlocked:
    """A connection that reads what is in the file and its log. sqlite3.Error where that cannot be."""
    logged = _is_there(log_of(path))
    how = "mode=ro&vfs=unix-none" if logged else "immutable=1"
    uri, before = f"{path.absolute().as_uri()}?{how}", _state(path)
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, factory=Unlocked)
    connection.before = before
    try:
        connection.row_factory = sqlite3.Row
        for pragma in ("PRAGMA temp_store = MEMORY", "PRAGMA locking_mode = EXCLUSIVE"):
            connection.execute(pragma)
        connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def unchanged(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """ProjectBusy at the end where such a file was written meanwhile: what was read may be of two moments."""
    yield
    if isinstance(connection, Unlocked) and _state(path) != connection.before:
        raise ProjectBusy("Somebody else writes this project at this moment", str(path), "Try again.")


def _state(path: Path) -> tuple[tuple[int, int, int] | None, ...]:
    return _look(path), _look(log_of(path))


def _look(file: Path) -> tuple[int, int, int] | None:
    try:
        now = os.stat(file)
    except OSError:
        return None
    return now.st_ino, now.st_size, now.st_mtime_ns


def _is_there(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except OSError:
        return False
