"""The newest answers of each training run's model as rows, for the view ``predictions``.

The program itself reads the file beside the run (``Project.predictions_file``), which also holds the
probabilities of every class; these rows are for other programs.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils import Database

from fact_core.storage import db
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray

_TOLD = "answers of run "  # in ``meta``: by which classes they stand here


def store(
    project: Project,
    run_id: int,
    ids: IntArray,
    y: IntArray,
    confidence: FloatArray,
    names: Sequence[str],
    class_ids: Sequence[int] = (),
    state: str | None = None,
) -> bool:
    """Put the answers for images in the place of the run's earlier ones; 100,000 take less than a second.

    ids (n,): of the images; y (n,): places in ``names`` (and in ``class_ids``, where the run knows its classes'
    numbers); confidence (n,): 0 to 1. Nothing is changed when one of them cannot be stored, nor
    when the classes are others than in ``state``, by which the answers were worked out: False then.
    """
    numbers = list(class_ids) if len(class_ids) == len(names) else [None] * len(names)
    rows = [
        (run_id, item, numbers[place], names[place], sure)
        for item, place, sure in zip(ids.tolist(), y.tolist(), confidence.tolist(), strict=True)
    ]
    with db.writing(project.db, project.id) as con:
        now = classes_state(con)
        if state not in (None, now):
            return False
        con.table("meta").upsert({"key": f"{_TOLD}{run_id}", "value": now}, pk="key")
        table = con.table("prediction")
        table.delete_where("run = ?", [run_id])
        # The first row names the columns: rows as tuples are three times as fast as dicts.
        table.insert_all([("run", "item", "class", "name", "confidence"), *rows], batch_size=1000)
        db.bump(con)
        return True


def classes_state(con: Database) -> str:
    """Which classes are there, and which were merged into which: what a model's answers come to depends on it."""
    row = con.execute(
        "SELECT coalesce(group_concat(id || '>' || merged), '') AS merged, "
        "coalesce(group_concat(CASE WHEN deleted THEN id END), '') AS deleted FROM (SELECT * FROM class ORDER BY id)"
    ).fetchone()
    return f"merged {row['merged']} deleted {row['deleted']}"


def outdated(project: Project) -> list[int]:
    """The training runs whose answers stand here as of other classes than those of now, ascending."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT key FROM meta WHERE substr(key, 1, ?) = ? AND value != ?", (len(_TOLD), _TOLD, classes_state(con))
        )
        return sorted(int(row["key"][len(_TOLD) :]) for row in rows)
