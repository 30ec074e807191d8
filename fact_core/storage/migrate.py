"""The way of a project's SQLite file to the newest schema: backed up, then all missing scripts or none.

Scripts of a schema (``schema.py``) are applied and recorded by the ``Migrations`` of sqlite-utils; their number also
stands in ``user_version``, as it did before, so that opening costs one look and an older FACT Studio refuses the file
in words.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import count, zip_longest
from pathlib import Path

from sqlite_utils import Database, Migrations

from fact_core.errors import ProjectError, SchemaTooNew
from fact_core.staging import staging, take_away_left

TRIES, PAUSE = 100, 0.05  # seconds
#: What earlier versions called a backup that was not whole yet (by process, then by thread, too), and its journal.
_HALF = re.compile(r"\.backup-\d+\.\d+(-\d+)?\.new")


def version(con: Database) -> int:
    """How many scripts were applied."""
    return int(con.conn.execute("PRAGMA user_version").fetchone()[0])


def migrate(con: Database, path: Path, scripts: Sequence[str], *, create: bool, wal: bool = True) -> None:
    """Back up what is there, then apply the scripts that are missing: all of them, or none.

    wal: keep a write-ahead log from now on.

    Errors: SchemaTooNew; ProjectError when no script was ever applied and it is not to be made now.
    """
    if version(con) > len(scripts):
        raise SchemaTooNew(
            "A newer version of FACT Studio wrote this project",
            f"schema {version(con)} in {path}; this version knows {len(scripts)}",
            "Update FACT Studio. Nothing was changed.",
        )
    if version(con) == 0 and not create:
        what = "This file is not a project of FACT Studio"
        raise ProjectError(what, str(path), "Put the project's own file there. Nothing was written to this one.")
    if wal:
        _keep_log(con)
    if 0 < version(con) < len(scripts):  # read again: another one may have made or migrated it at this moment
        _backup(con, path)
    con.conn.execute("BEGIN IMMEDIATE")
    try:
        # Read again: it may have been done while this one waited for the lock.
        _record_older(con, version(con))
        _migrations(scripts).apply(con)
        con.execute(f"PRAGMA user_version = {len(scripts):d}")
    except BaseException:
        con.rollback()
        raise
    con.conn.execute("COMMIT")


def _keep_log(con: Database) -> None:
    """Switch to a write-ahead log. SQLite does not always wait for another process that does so at the same moment."""
    for _ in range(TRIES - 1):
        try:
            return con.enable_wal()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(PAUSE)
    con.enable_wal()


def _migrations(scripts: Sequence[str]) -> Migrations:
    """The scripts as migrations of sqlite-utils, named by their numbers."""
    found = Migrations("fact-studio")
    for number, script in enumerate(scripts, start=1):

        def run(con: Database, script: str = script) -> None:
            for statement in statements(script):  # a script at once would end the transaction
                con.conn.execute(statement)

        found(name=_name(number))(run)
    return found


def statements(script: str) -> list[str]:
    """The script's statements, each with the comments before it.

    As ``executescript`` of sqlite-utils parts them within a transaction. It asks at every character whether a
    statement is whole, which was three quarters of making a project; only a semicolon can end one.
    """
    found, begin = list[str](), 0
    for end in (match.end() for match in re.finditer(";", script)):
        if sqlite3.complete_statement(script[begin:end]):
            found.append(script[begin:end].strip())
            begin = end
    rest = script[begin:].strip()
    return [*found, rest] if rest else found


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
    """A copy beside the file, whole or not at all. Of one that is killed in it ``staging`` takes away what it left.

    One that is there already is of today only where it holds the same: who has put it back, and worked on with an older
    version, has more by now. Then the copy gets a number: "project.sqlite.backup-2-2".
    """
    first = path.with_name(f"{path.name}.backup-{version(con)}")
    names = (first if number == 1 else path.with_name(f"{first.name}-{number}") for number in count(1))
    for target in names:
        if not target.exists():
            break
        if _holds_the_same(con, target):
            return
    with staging(target) as staged:
        with closing(sqlite3.connect(staged)) as copy:
            con.conn.backup(copy)
        os.replace(staged, target)


def _holds_the_same(con: Database, backup: Path) -> bool:
    try:
        uri = f"{backup.absolute().as_uri()}?immutable=1"  # it has no log, and shall get none
        with closing(sqlite3.connect(uri, uri=True)) as kept:
            # as text: a copy has counters of its own in its pages
            return all(one == other for one, other in zip_longest(con.conn.iterdump(), kept.iterdump()))
    except sqlite3.Error:
        return False


def take_away_halves(path: Path) -> None:
    """Remove the backups of a project's file that were killed half made, of earlier versions too."""
    take_away_left(path.parent)
    for half in sorted(path.parent.glob(f"{path.name}.backup-*.new")):
        if _HALF.fullmatch(half.name.removeprefix(path.name)) and not _is_written(half):
            for each in (half, half.with_name(f"{half.name}-journal")):
                with suppress(OSError):
                    each.unlink(missing_ok=True)


def _is_written(half: Path) -> bool:
    """Whether a process is at it: as long as it copies it has SQLite's lock."""
    try:
        with closing(sqlite3.connect(half, timeout=0)) as con:
            con.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.Error:
        pass  # half of a file is no database
    return False
