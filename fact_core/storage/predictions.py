"""The newest answers of each training run's model as rows, for the view ``predictions``.

The program itself reads the file beside the run (``Project.predictions_file``), which also holds the
probabilities of every class; these rows are for other programs.
"""

from __future__ import annotations

from collections.abc import Sequence

from fact_core.storage import db
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


def store(
    project: Project,
    run_id: int,
    ids: IntArray,
    y: IntArray,
    confidence: FloatArray,
    names: Sequence[str],
    class_ids: Sequence[int] = (),
) -> None:
    """Put the answers for images in the place of the run's earlier ones; 100,000 take less than a second.

    ids (n,): of the images; y (n,): places in ``names`` (and in ``class_ids``, where the run knows its classes'
    numbers); confidence (n,): 0 to 1. Nothing is changed when one of them cannot be stored.
    """
    numbers = list(class_ids) if len(class_ids) == len(names) else [None] * len(names)
    rows = [
        (run_id, item, numbers[place], names[place], sure)
        for item, place, sure in zip(ids.tolist(), y.tolist(), confidence.tolist(), strict=True)
    ]
    with db.writing(project.db, project.id) as con:
        table = con.table("prediction")
        table.delete_where("run = ?", [run_id])
        # The first row names the columns: rows as tuples are three times as fast as dicts.
        table.insert_all([("run", "item", "class", "name", "confidence"), *rows], batch_size=1000)
        db.bump(con)
