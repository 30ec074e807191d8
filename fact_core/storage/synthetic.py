"""Items without files, for measurements of size: what a large pool costs, without a large disk."""

from __future__ import annotations

from fact_core.storage import db
from fact_core.storage.project import Project

INSERT = (
    "INSERT INTO item (path, digest, width, height, format, bytes, mtime_ns, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def add_items(project: Project, count: int, width: int = 1600, height: int = 1200) -> None:
    """Add ``count`` readable images to the pool that have no file: listed, drawn on the map, never shown.

    Their names lie in folders of 1,000, beside what a scan has found.
    """
    rows = (
        (f"no-file/{number // 1000:04d}/{number:07d}.jpg", f"{number:032x}", width, height, "JPEG", 400_000, 0, "ok")
        for number in range(count)
    )
    with db.writing(project.db, project.id) as con:
        con.conn.executemany(INSERT, rows)  # a quarter of what sqlite-utils takes for a million
        db.bump(con)
