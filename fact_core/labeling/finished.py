"""Every image of the folder with its label, whoever gave it: the view ``finished``."""

from __future__ import annotations

from dataclasses import dataclass

from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Finished:
    """An image. source: person, accepted, or "" without a label; confidence: of an accepted answer, else None.

    kind: label, skipped, left out, cannot tell, or open.
    """

    id: int
    path: str
    label: str
    source: str
    confidence: float | None
    kind: str


def rows(project: Project) -> list[Finished]:
    """All images that can be read, by id; repeats have what the image has that they repeat."""
    with db.connect(project.db) as con:
        return [Finished(*row) for row in con.execute("SELECT * FROM finished")]
