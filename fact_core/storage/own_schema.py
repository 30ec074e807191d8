"""Whether a database from elsewhere is built as ours are: nothing in it acts by itself, no table takes rows otherwise.

A trigger could take back what a person says, a column of another kind could swallow it, both without a word.
"""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

from fact_core.storage import migrate
from fact_core.storage.schema import MIGRATIONS

_PARTS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"


def foreign(con: Database) -> str:
    """What a database of the newest schema has that ours have not, or has in another form; "" for nothing.

    Further tables, indexes and views are nobody's harm: other programs may have put them there.
    """
    found, ours = _parts(con), _ours()
    if acting := sorted(name for kind, name in found if kind == "trigger"):
        return f"a trigger, {acting[0]}"
    different = sorted(name for (kind, name), sql in ours.items() if found.get((kind, name)) != sql)
    return f"{different[0]} in another form" if different else ""


def _ours() -> dict[tuple[str, str], str]:
    con = Database(memory=True, execute_plugins=False)
    try:
        migrate.migrate(con, Path(), MIGRATIONS, create=True, wal=False)
        return _parts(con)
    finally:
        con.close()


def _parts(con: Database) -> dict[tuple[str, str], str]:
    """(kind, name) -> the statement that made it, its blanks apart."""
    return {(row[0], row[1]): " ".join((row[2] or "").split()) for row in con.conn.execute(_PARTS)}
