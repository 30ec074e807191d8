"""The images that can be used, whether or not a person left them out: readable files that repeat no other one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from fact_core.storage import db
from fact_core.storage.excluded import EXCLUDED, USABLE
from fact_core.storage.project import Project


def unusable(project: Project) -> set[int]:
    """Images that nothing can use now: repeats of others, missing files, and those that cannot be read."""
    with db.connect(project.db) as con:
        return {int(row["id"]) for row in con.execute(f"SELECT id FROM item WHERE NOT ({USABLE})")}


def among(project: Project, ids: Iterable[int]) -> set[int]:
    """Those of the images ``ids`` that can be used now."""
    with db.connect(project.db) as con:
        rows = con.conn.execute(
            f"SELECT id FROM item WHERE {USABLE} AND id IN (SELECT value FROM json_each(?))", (json.dumps([*ids]),)
        )
        return {int(row[0]) for row in rows}


def fingerprint(project: Project) -> str:
    """Of all usable images and their bytes: the same as long as these are the same."""
    told = hashlib.blake2b(digest_size=8)
    with db.connect(project.db) as con:
        for row in con.execute(f"SELECT id, digest FROM item WHERE {USABLE} ORDER BY id"):
            told.update(f"{row['id']} {row['digest']};".encode())
    return told.hexdigest()


def aliases(project: Project) -> dict[str, int | None]:
    """Paths outside the pool: of a repeat -> the image that stands for it; of what has no image in the pool -> None.

    That is a file that cannot be read or is missing, and an image that a person has left out: its name means it all the
    same, and no other image.
    """
    with db.connect(project.db) as con:
        rows = con.execute(
            f"SELECT path, status, duplicate_of, coalesce(duplicate_of, id) IN ({EXCLUDED}) AS is_out FROM item "
            f"WHERE status != 'ok' OR duplicate_of IS NOT NULL OR id IN ({EXCLUDED})"
        )
        return {
            row["path"]: row["duplicate_of"] if row["status"] == "ok" and not row["is_out"] else None for row in rows
        }
