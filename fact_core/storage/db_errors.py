"""What goes wrong with the project's SQLite file, in words."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from fact_core.errors import FactError, ProjectBusy, ProjectError, ProjectGone, StorageError, disk_full, storage_error

#: Less room than this is none: SQLite writes pages of 4 kB, and the index of its log is 32 kB.
NO_ROOM = 64 * 1024  # bytes
PUT_BACK = "Put it back, or connect the disk it lies on. Nothing was made in its place."


def check_there(path: Path) -> None:
    """ProjectGone when there is no file, or one without a byte. SQLite would fill it, and drop the log beside it."""
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ProjectGone("The project's file is not there", str(path), PUT_BACK) from error
    except OSError as error:
        raise storage_error(error, "opening the project") from error
    if size == 0:
        what = "The project's file is empty"
        raise ProjectGone(what, f"{path} has 0 bytes", "Put a copy of it in its place. Nothing was written to it.")


def is_full(error: sqlite3.Error, path: Path) -> bool:
    """Whether SQLite failed for want of room."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return True
    return code & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and not has_room(path.parent)


def has_room(folder: Path) -> bool:
    """Whether anything can be written there; True where it cannot be known."""
    try:
        return shutil.disk_usage(folder).free >= NO_ROOM
    except OSError:
        return True


def in_words(error: sqlite3.Error, path: Path) -> FactError:
    """The error that is told for one of SQLite."""
    if is_full(error, path):
        return disk_full("writing the project", str(path))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_CANTOPEN and not path.exists() and path.parent.exists():
        return ProjectGone("The project's file is not there", str(path), PUT_BACK)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        what = "The project cannot be opened for writing"
        return StorageError(what, f"{path}: {error}", "Check that the folder exists and may be written.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ProjectBusy("Another program keeps the project locked", str(path), "Close it and try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        what = "The project's database is damaged or not a database"
        return ProjectError(what, f"{path}: {error}", "Restore it from a backup; images are not affected.")
    do = "Check the disk it lies on. What was stored before is kept."
    return StorageError("The project's database gave an error", f"{path}: {error}", do)
