"""Whether a row of the label history is undone: decided here alone.

The newest undo or redo of a row decides. An undo may change nothing, where another desk has changed the image
since; such a row names no item. Two readings follow from that:

- What a desk undoes next (``decides``, ``is_undone``): every undo counts, or the desk would stay at this row for ever.
- What stands for an image (``UNDONE``): only undos and redos count that changed it.
"""

from __future__ import annotations

import sqlite3

#: SQL: whether the row of the label table that goes by the name ``{row}`` is undone for its image.
UNDONE = (
    "'undo' IS (SELECT op FROM label AS later WHERE later.target = {row}.id AND later.item IS NOT NULL "
    "ORDER BY later.id DESC LIMIT 1)"
)


def decides(settled: dict[int, str], row: sqlite3.Row) -> bool:
    """Whether an undo or redo is the newest one of its row, when rows are read newest first.

    settled: row id -> the undo or redo that decides; it is written down there.
    """
    if row["target"] is None or row["target"] in settled:
        return False
    settled[row["target"]] = row["op"]
    return True


def is_undone(settled: dict[int, str], row: sqlite3.Row) -> bool:
    """Whether a row is undone for the desk, once all newer rows of the desk went through ``decides``."""
    return settled.get(row["id"]) == "undo"
