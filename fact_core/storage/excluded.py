"""Images that a person has left out: the one place that says so, in SQL, for all that counts or reads the pool.

It is a state like a label, written by ``labeling.operations`` as an append-only row and undone by one more. Such an
image is never picked, trained on, checked with or answered; the selections that hold it keep their order without it.
"""

from __future__ import annotations

from fact_core.storage import db
from fact_core.storage.project import Project

#: The ids of all images that are left out now. An index of such rows alone keeps it quick, however long the history.
EXCLUDED = (
    "SELECT item FROM label AS mine WHERE kind = 'exclude' "
    "AND id = (SELECT max(id) FROM label AS own WHERE own.item = mine.item)"
)
#: Conditions on a row of ``item``: readable and no repeat of another; of these, left out by a person, or not.
USABLE = "item.status = 'ok' AND item.duplicate_of IS NULL"
IS_EXCLUDED = f"{USABLE} AND item.id IN ({EXCLUDED})"
IN_POOL = f"{USABLE} AND item.id NOT IN ({EXCLUDED})"


def excluded(project: Project) -> list[int]:
    """The ids of the readable images that are left out now, ascending."""
    with db.connect(project.db) as con:
        return [int(row["id"]) for row in con.execute(f"SELECT id FROM item WHERE {IS_EXCLUDED} ORDER BY id")]
