"""The class that an undo, a redo or a mark leaves an image with: what was said, under what its class has become.

A class may be merged into another when the row is written, and be itself again later. So the class that such a row
holds is not asked, but that of the row which gave the label.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from sqlite_utils import Database

#: Columns of the history that ``class_of`` asks for.
COLUMNS = "id, item, op, kind, class, flagged, target"
_COPIES = ("undo", "redo", "flag")  # they leave what another row has given
#: Of each image whose newest row is such a copy of a label: that row, and the class of the label.
_NEWEST = """WITH RECURSIVE newest AS (
    SELECT label.id FROM label JOIN (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item) USING (id)
    WHERE op IN ('undo', 'redo', 'flag') AND kind = 'label'
),
given (newest, id) AS (
    SELECT id, id FROM newest
    UNION ALL
    SELECT given.newest, CASE
        WHEN label.op = 'redo' THEN label.target
        ELSE (SELECT max(id) FROM label AS older
              WHERE older.item = label.item AND older.id < coalesce(label.target, label.id))
    END
    FROM given JOIN label ON label.id = given.id
    WHERE label.op IN ('undo', 'redo', 'flag') AND label.kind = 'label'
),
givers AS (
    SELECT newest, min(label.id) AS id FROM given JOIN label ON label.id = given.id AND label.kind = 'label'
    GROUP BY newest
)
SELECT label.*, giver.class AS said FROM givers
JOIN label ON label.id = givers.newest JOIN label AS giver ON giver.id = givers.id ORDER BY label.id"""


def merged(con: Database) -> dict[int, int]:
    """Class that was merged away -> the one that it is now: what comes back of it, by an undo, comes back as that.

    Also where that one is deleted: restored, it has these labels, too.
    """
    into = {row["id"]: row["merged"] for row in con.execute("SELECT id, merged FROM class WHERE merged IS NOT NULL")}
    found = dict(into)
    for each in into:
        while found[each] in into:
            found[each] = into[found[each]]
    return found


def class_of(con: Database, row: sqlite3.Row, now: Mapping[int, int]) -> int | None:
    """The class of a row of the history (``COLUMNS``), None where it is no label. now: as ``merged`` tells it."""
    giver = row
    older: sqlite3.Row | None = row
    # Below a mark that was taken off again there is a row without a label.
    while older is not None and older["kind"] == "label":
        giver = older
        if giver["op"] not in _COPIES:
            break
        below = giver["id"] if giver["op"] == "flag" else giver["target"]
        older = newest_below(con, giver["item"], below + (giver["op"] == "redo"))
    said: int | None = giver["class"]
    return None if said is None else now.get(said, said)


def newest_below(con: Database, item: int | None, row_id: int) -> sqlite3.Row | None:
    """The newest row of an image that is older than a row of that id."""
    found: sqlite3.Row | None = con.execute(
        f"SELECT {COLUMNS} FROM label WHERE item = ? AND id < ? ORDER BY id DESC LIMIT 1", (item, row_id)
    ).fetchone()
    return found


def follow_classes(con: Database, insert: str) -> list[int]:
    """Within a transaction, once a class is itself again: labels that came back while it was another one are its own.

    Each gets one more row of its desk, which says the same again. Returns the images. insert: ``history.INSERT``.
    """
    now, at = merged(con), time.time()
    first = int(con.execute("SELECT coalesce(max(id), 0) FROM label").fetchone()[0]) + 1
    rows, items = [], []
    for seq, row in enumerate(con.execute(_NEWEST).fetchall(), start=1):
        if (class_id := now.get(row["said"], row["said"])) == row["class"]:
            continue
        op, target = ("redo", row["id"]) if row["op"] == "flag" else (row["op"], row["target"])
        client = f"{row['client'].partition('.')[0]}.again-{first}"
        state = (row["item"], op, "label", class_id, row["flagged"], target)
        rows.append((*state, client, seq, at, row["lead_time"], row["source"], row["annotator"], None))
        items.append(int(row["item"]))
    con.conn.executemany(insert, rows)
    return items
