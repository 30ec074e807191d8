"""Which changes of the image folder a scan has told of: what a killed one has stored, the next one tells."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.storage import db
from fact_core.storage.project import Project

_ALL = "SELECT 'told', coalesce(max(id), 0) FROM item"  # the newest image that was told of, as a row of meta


@dataclass(frozen=True)
class Settled:
    """What a scan has found once files have found their rows.

    followed: paths that took the place of a missing file; gone: files that are newly missing,
    and those of followed ones that make up for none of these; edited: those of labeled
    images that show something else now, by path; accepted: as many of accepted ones, which are open again;
    replaced: files under the names of labeled images that are gone.
    """

    followed: set[str]
    gone: int
    edited: list[str]
    accepted: list[str]
    replaced: list[str]


def begin(con: Database) -> None:
    """Before files are stored: what is there was told of, unless an earlier scan has noted less."""
    con.execute(f"INSERT OR IGNORE INTO meta {_ALL}")


def end(con: Database) -> None:
    """The scan tells of everything now."""
    con.execute(f"INSERT OR REPLACE INTO meta {_ALL}")


def untold(project: Project) -> tuple[set[str], set[str]]:
    """(files that were added, that were changed) and stored by a scan that was killed before it could tell of them.

    Asked before a scan stores anything: what has a row by then, and came after the last scan that ended, is untold.
    """
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT path, was IN ('', digest) AS is_new FROM item WHERE status != 'missing' "
            "AND (id > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'told') OR (was != '' AND status = 'ok'))"
        ).fetchall()
    added = {row["path"] for row in rows if row["is_new"]}
    return added, {row["path"] for row in rows} - added


def in_doubt(project: Project, item: int) -> bool:
    """Whether a scan that has not ended may yet give this image another file.

    It has found other bytes under the image's name, or the bytes of an image that was there before under a new name.
    """
    with db.connect(project.db) as con:
        return con.execute(_IN_DOUBT, (item,)).fetchone() is not None


def any_in_doubt(project: Project) -> bool:
    """Whether that holds for any image: a name is no sure way to one."""
    with db.connect(project.db) as con:
        return con.execute(_ANY_IN_DOUBT).fetchone() is not None


#: Of a first scan no image was told of: nothing is looked through then.
_TOLD = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'told')"
_IN_DOUBT = f"""
SELECT 1 FROM item WHERE id = ? AND (was NOT IN ('', digest) OR (
    id > {_TOLD} AND EXISTS (
        SELECT 1 FROM item AS older
        WHERE older.id <= {_TOLD} AND coalesce(nullif(older.was, ''), older.digest) = item.digest
    )
))
"""
_ANY_IN_DOUBT = f"""
SELECT 1 FROM item WHERE was NOT IN ('', digest) AND status = 'ok'
UNION ALL
SELECT 1 FROM item JOIN item AS older ON older.digest = item.digest AND older.id <= {_TOLD}
WHERE item.id > {_TOLD} AND item.digest != ''
LIMIT 1
"""


def labeled(con: Database, ids: Sequence[int]) -> list[str]:
    """Those of the readable images for which somebody has given a label or skipped them, by path."""
    rows = con.execute(
        "SELECT path FROM item WHERE status = 'ok' AND id IN (SELECT value FROM json_each(?)) "
        "AND EXISTS (SELECT 1 FROM label WHERE label.item = item.id) ORDER BY path",
        (json.dumps(list(ids)),),
    )
    return [row["path"] for row in rows]


def new_under(con: Database, names: Collection[str]) -> list[str]:
    """Those of the names under which files lie that no scan has told of, by path."""
    rows = con.execute(
        f"SELECT path FROM item WHERE status != 'missing' AND id > {_TOLD} "
        "AND path IN (SELECT value FROM json_each(?)) ORDER BY path",
        (json.dumps(sorted(names)),),
    )
    return [row["path"] for row in rows]
