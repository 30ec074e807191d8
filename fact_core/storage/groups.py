"""Which images belong together: the way that the person decided for, and the groups that it gives.

The way stands in ``meta``; the table ``together`` holds, way by way, the name of each image's group, "" where it
stands alone. Projects of earlier versions say nothing: there every image stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from sqlite_utils import Database

from fact_core.choices import GROUPINGS, named
from fact_core.storage import db
from fact_core.storage.project import Project
from fact_core.types import IntArray, Pool, PoolFacts

NONE, COLUMN = "none", "column"
FEW = 10_000  # images of which the groups are looked up one by one


def chosen(project: Project) -> str:
    """The name of a way; "none"."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT value FROM meta WHERE key = 'groups'").fetchone()
    return str(row["value"]) if row and row["value"] in GROUPINGS else NONE


def choose(project: Project, way: str) -> None:
    """Group images so from now on; what was chosen and trained before stays as it is. ConfigError for no such way."""
    named(GROUPINGS, way, "way to group images")
    with db.writing(project.db, project.id) as con:
        con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('groups', ?)", (way,))
        db.bump(con)


def names(project: Project, way: str, only: Sequence[int] | None = None) -> dict[int, str]:
    """Image -> the name of its group, "" for none; only images that were looked at that way. only: some of them."""
    asked = "SELECT item, name FROM together WHERE way = ?"
    told: tuple[str, ...] = (way,)
    if only is not None:
        asked += " AND item IN (SELECT value FROM json_each(?))"
        told = (way, json.dumps(list(only)))
    with db.connect(project.db) as con:
        return {row["item"]: row["name"] for row in con.execute(asked, told)}


def store(project: Project, way: str, found: Mapping[int, str]) -> None:
    """Take these groups in place of what the way has given before."""
    with db.writing(project.db, project.id) as con:
        con.execute("DELETE FROM together WHERE way = ?", (way,))
        _add(con, way, found)
        db.bump(con)


def note_column(con: Database, found: Mapping[int, str], step: str) -> None:
    """Groups that a file of labels names, within a transaction: beside those of earlier files. step: of the import."""
    if found:
        con.table("group_step").insert({"step": step, "stands": 1, "names": json.dumps(dict(found))})
        _add(con, COLUMN, found)


def column_steps(con: Database) -> dict[str, bool]:
    """The imports that have named groups -> whether these count."""
    return {row["step"]: bool(row["stands"]) for row in con.execute("SELECT step, stands FROM group_step")}


def settle_column(con: Database, step: str, stands: bool) -> None:
    """Have the groups of an import count, or not, within a transaction; those of other imports come as they were."""
    con.execute("UPDATE group_step SET stands = ? WHERE step = ?", (int(stands), step))
    con.execute("DELETE FROM together WHERE way = ?", (COLUMN,))
    for row in con.execute("SELECT names FROM group_step WHERE stands ORDER BY id").fetchall():
        _add(con, COLUMN, {int(item): name for item, name in json.loads(row["names"]).items()})
    db.bump(con)


def counted(con: Database) -> dict[int, str]:
    """Image -> its group by the way that the person decided for, within a transaction; {} where there are no groups."""
    rows = con.execute(
        "SELECT item, name FROM together JOIN meta ON meta.key = 'groups' AND meta.value = together.way "
        "WHERE name != ''"
    )
    return {int(row["item"]): str(row["name"]) for row in rows}


def facts(project: Project, pool: Pool, classes: Sequence[str] = ()) -> PoolFacts:
    """What is known of the images of the pool, without their features."""
    given = names(project, COLUMN)
    with db.connect(project.db) as con:
        said = {row["id"]: row for row in con.execute("SELECT id, coalesce(taken, 0) AS taken, camera FROM item")}
    ids = pool.ids.tolist()
    return PoolFacts(
        paths=pool.paths,
        taken=np.array([said[each]["taken"] for each in ids], dtype=np.float64),
        cameras=tuple(said[each]["camera"] for each in ids),
        given=tuple(given.get(each, "") for each in ids),
        classes=tuple(classes),
    )


def mates(con: Database, items: Collection[int]) -> set[int]:
    """All images that belong together with one of these, by the way that counts; none where there are no groups."""
    rows = con.execute(
        "WITH now AS (SELECT item, name FROM together JOIN meta ON meta.key = 'groups' AND meta.value = together.way "
        "  WHERE name != '') "
        "SELECT item FROM now WHERE name IN (SELECT name FROM now WHERE item IN (SELECT value FROM json_each(?)))",
        (json.dumps(sorted(items)),),
    )
    return {int(row["item"]) for row in rows}


def among(project: Project, ids: IntArray) -> IntArray | None:
    """Group numbers (n,) of these images, as they were found last; None where the person wants no groups.

    Images that were not looked at, and those that stand alone, have a number of their own.
    """
    way = chosen(project)
    if way == NONE:
        return None
    known = names(project, way, ids.tolist() if len(ids) <= FEW else None)
    place: dict[str, int] = {}
    out = np.arange(len(ids), dtype=np.int64) + len(known)
    for row, item in enumerate(ids.tolist()):
        if name := known.get(item, ""):
            out[row] = place.setdefault(name, len(place))
    return out


def _add(con: Database, way: str, found: Mapping[int, str]) -> None:
    con.conn.executemany(
        "INSERT OR REPLACE INTO together (way, item, name) VALUES (?, ?, ?)",
        [(way, int(item), name) for item, name in found.items()],
    )
