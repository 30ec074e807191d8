"""Files with the same bytes: one of them is an image of the pool, the others are its copies."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fact_core.storage import db
from fact_core.storage.project import Project


def copies(project: Project, ids: Sequence[int]) -> dict[int, list[str]]:
    """Image -> the paths of its copies, by name; only of those of ``ids`` that have some."""
    found: dict[int, list[str]] = {}
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT duplicate_of, path FROM item WHERE status = 'ok' AND duplicate_of IS NOT NULL "
            "AND duplicate_of IN (SELECT value FROM json_each(?)) ORDER BY path",
            (json.dumps([int(each) for each in ids]),),
        )
        for row in rows:
            found.setdefault(int(row["duplicate_of"]), []).append(str(row["path"]))
    return found
