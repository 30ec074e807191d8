"""Whether the values in a database from elsewhere are such as ours are: SQLite takes a text where a number is declared.

One such value, read long after, would take down every page that shows it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from fact_core.images.links import Outside
from fact_core.storage import migrate
from fact_core.storage.schema import MIGRATIONS

#: Declared type -> what a value of another kind is told by. Infinity is no number that JSON, and so a page, can hold.
UNFIT = {
    "INTEGER": "typeof({0}) NOT IN ('integer', 'null')",
    "REAL": "(typeof({0}) NOT IN ('real', 'integer', 'null') OR abs({0}) = 9e999)",
    "TEXT": "typeof({0}) NOT IN ('text', 'null')",
}
#: The parts of a row of ``look.own``, as ``labeling.acceptances.OwnGoal`` has them.
OWN_GOAL = {"class_id", "goal", "threshold", "checks", "wrong"}

Fits = Callable[[Any], bool]


def wrong(con: Database) -> str:
    """The first value that is not as ours are, by its table and column; "" for none.

    con: of the newest schema, built as ours are (``own_schema``). A scan a table; texts are read only where they hold
    JSON, so that a million images or answers cost some seconds at most.
    """
    ours = _columns()
    for table, columns in ours.items():
        if found := _wrong_kind(con, table, columns):
            return f"{table}.{found} holds a value of another kind"
    for name, (query, fits) in JSON.items():
        for (text,) in con.conn.execute(query):
            if not _holds(text, fits):
                return f"{name} cannot be read: {text[:80]!r}"
    return ""


def _columns() -> dict[str, list[tuple[str, str]]]:
    """Table -> (column, declared type), of all tables that ours have."""
    con = Database(memory=True, execute_plugins=False)
    try:
        migrate.migrate(con, Path(), MIGRATIONS, create=True, wal=False)
        return {
            name: [(row[1], row[2]) for row in con.conn.execute(f"PRAGMA table_info([{name}])")]
            for name in con.table_names()
            if not name.startswith("sqlite_")
        }
    finally:
        con.close()


def _wrong_kind(con: Database, table: str, columns: Iterable[tuple[str, str]]) -> str:
    """The first column with a value that its type does not hold; "" for none."""
    tests = {name: UNFIT[kind].format(f"[{name}]") for name, kind in columns if kind in UNFIT}
    query = f"SELECT {', '.join(tests.values())} FROM [{table}] WHERE {' OR '.join(tests.values())} LIMIT 1"
    row = con.conn.execute(query).fetchone()
    return "" if row is None else next(name for name, unfit in zip(tests, row, strict=True) if unfit)


def _holds(text: str, fits: Fits) -> bool:
    try:
        return fits(json.loads(text))
    except (ValueError, OverflowError, RecursionError):
        return False


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _list_of(fits: Fits) -> Fits:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and _is_text(value[0]) and all(map(_is_number, value[1:]))


def _is_own_goal(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != OWN_GOAL:
        return False
    numbers = value["goal"], 0 if value["threshold"] is None else value["threshold"]
    return all(map(_is_number, numbers)) and all(_is_whole(value[each]) for each in ("class_id", "checks", "wrong"))


def _is_outside(value: Any) -> bool:
    names = {each.name for each in dataclasses.fields(Outside)}
    if not isinstance(value, dict) or value.keys() != names:
        return False
    return _is_whole(value["files"]) and _is_text(value["folder"]) and _is_text(value["keeper"])


def _names_groups(value: Any) -> bool:
    """Image -> name of its group."""
    return isinstance(value, dict) and all(key.isdecimal() and _is_text(name) for key, name in value.items())


#: What holds JSON -> (how it is read, whether what was read is what the program takes there).
JSON: dict[str, tuple[str, Fits]] = {
    **{
        f"{table}.{column}": (f"SELECT {column} FROM {table}", fits)
        for table, column, fits in (
            ("run", "config", _is_object),
            ("run", "versions", _is_object),
            ("run", "result", _is_object),
            ("run", "waits_for", _list_of(_is_whole)),
            ("event", "body", _is_object),
            ("selection", "config", _is_object),
            ("look", "own", _list_of(_is_own_goal)),
            ("group_step", "names", _names_groups),
        )
    },
    **{
        f"meta.value of {key}": (f"SELECT value FROM meta WHERE key = '{key}'", _list_of(fits))
        for key, fits in (("ranges", _is_range), ("links", _is_text), ("outside", _is_outside))
    },
}
