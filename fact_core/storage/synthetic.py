"""Items without files, for measurements of size: what a large pool costs, without a large disk."""

from __future__ import annotations

from fact_core.storage import db
from fact_core.storage.project import Project


def add_items(project: Project, count: int, width: int = 1600, height: int = 1200) -> None:
    """Add ``count`` readable images to the pool that have no file: listed, drawn on the map, never shown.

    Their names lie in folders of 1,000, beside what a scan has found.
    """
    with db.connect(project.db) as con, db.transaction(con):
        con.conn.executemany(
            "INSERT INTO item (path, digest, width, height, format, bytes, mtime_ns, status) "
            "VALUES (?, ?, ?, ?, 'JPEG', 400000, 0, 'ok')",
            (
                (f"no-file/{number // 1000:04d}/{number:07d}.jpg", f"{number:032x}", width, height)
                for number in range(count)
            ),
        )
        db.bump(con)
