"""Notes on images, in words of the person. Append-only: the newest is the note, an empty one takes it away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from fact_core.errors import InputError
from fact_core.files import clean_note
from fact_core.labeling.history import LARGEST, is_person
from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Note:
    """One version of an image's note. ``at`` in seconds since 1970."""

    text: str
    at: float
    annotator: str


def write(project: Project, item: int, text: str, annotator: str = "") -> str:
    """Write the note of an image and return it as it is stored; "" takes it away. The same text again adds nothing.

    InputError when there is no such image, or the text is too long or has characters that cannot be shown.
    """
    cleaned = clean_note(text)
    if not is_person(annotator):
        raise InputError("The name of the person cannot be used")
    with db.writing(project.db, project.id) as con:
        if not 0 < item < LARGEST or not con.execute("SELECT 1 FROM item WHERE id = ?", (item,)).fetchone():
            raise InputError("There is no such image", str(item)[:80], "Reload the page.")
        newest = con.execute("SELECT text FROM note WHERE item = ? ORDER BY id DESC LIMIT 1", (item,)).fetchone()
        if cleaned != (newest["text"] if newest else ""):
            con.table("note").insert({"item": item, "text": cleaned, "at": time.time(), "annotator": annotator})
            db.bump(con)
    return cleaned


def newest(project: Project, items: Iterable[int] | None = None) -> dict[int, str]:
    """The notes of the given images (of all): item id -> text. Images without one are left out."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT item, text FROM note JOIN (SELECT max(id) AS newest FROM note GROUP BY item) ON newest = id "
            "WHERE text != '' AND (?1 IS NULL OR item IN (SELECT value FROM json_each(?1))) ORDER BY item",
            (None if items is None else json.dumps(sorted(set(items))),),
        )
        return {row["item"]: row["text"] for row in rows}


def history(project: Project, item: int) -> list[Note]:
    """All versions of an image's note, oldest first."""
    with db.connect(project.db) as con:
        rows = con.table("note").rows_where("item = ?", [item], order_by="id", select="text, at, annotator")
        return [Note(**row) for row in rows]
