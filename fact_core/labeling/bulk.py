"""Many labels given in one step, and taken back in one: a merge of classes, an import.

Each step has a client name of its own, so its running numbers never meet those of a page. What another
client said since is left as it is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling.history import INSERT, State, is_name, merged, states_of
from fact_core.labeling.undone import UNDONE
from fact_core.storage import groups

#: The rows of a step that are not undone, nor followed by another one that stands; with the state before each.
_STANDING = (
    "SELECT mine.id, mine.item, mine.source, before.kind, before.class, before.flagged FROM label AS mine "
    "LEFT JOIN label AS before ON before.id = "
    "  (SELECT max(id) FROM label AS older WHERE older.item = mine.item AND older.id < mine.id) "
    f"WHERE mine.client = ? AND mine.op = 'label' AND NOT {UNDONE.format(row='mine')} AND NOT EXISTS "
    "  (SELECT 1 FROM label AS newer WHERE newer.item = mine.item AND newer.id > mine.id "
    f"   AND newer.op NOT IN ('undo', 'redo') AND NOT {UNDONE.format(row='newer')}) "
    "ORDER BY mine.id"
)


def give(con: Database, client: str, labels: Mapping[int, int], source: str, annotator: str = "") -> int:
    """Give images (item id -> class id) their labels within a transaction; marks stay. Returns how many.

    InputError when the name of the step cannot be used or was used before.
    """
    if not is_name(client, 1, 100):
        raise InputError("The step has no usable name", repr(client)[:80])
    if con.execute("SELECT 1 FROM label WHERE client = ? LIMIT 1", (client,)).fetchone():
        raise InputError("This step was done already", client, "Reload the page.")
    now, at = states_of(con, set(labels)), time.time()
    con.conn.executemany(
        INSERT,
        (
            (*_given(item, class_id, now.get(item)), None, client, seq, at, None, source, annotator, 1)
            for seq, (item, class_id) in enumerate(labels.items(), start=1)
        ),
    )
    return len(labels)


def take_back(con: Database, client: str, annotator: str = "") -> list[int]:
    """Undo a step: its images are as before, except those that were changed since. Returns those it changed.

    Doing it twice changes nothing.
    """
    rows = con.execute(_STANDING, (client,)).fetchall()
    first = con.execute("SELECT coalesce(max(seq), 0) + 1 AS next FROM label WHERE client = ?", (client,)).fetchone()
    at, now = time.time(), merged(con)
    con.conn.executemany(
        INSERT,
        (
            (*_before(row, now), row["id"], client, seq, at, None, row["source"], annotator, None)
            for seq, row in enumerate(rows, start=first["next"])
        ),
    )
    return [int(row["item"]) for row in rows]


def follow_groups(con: Database, clients: Collection[str]) -> None:
    """Take back the groups that imports brought whose labels are undone, and bring those back that are done again.

    Within a transaction, after rows of these clients were undone or done again. An import that gave no label stands.
    """
    known = groups.column_steps(con) if clients else {}
    for step in known.keys() & set(clients):
        undone = con.execute(
            f"SELECT 1 FROM label AS mine WHERE client = ? AND op = 'label' AND {UNDONE.format(row='mine')} LIMIT 1",
            (step,),
        ).fetchone()
        stands = undone is None or con.execute(f"{_STANDING} LIMIT 1", (step,)).fetchone() is not None
        if stands != known[step]:
            groups.settle_column(con, step, stands)


def _given(item: int, class_id: int, now: State | None) -> tuple[object, ...]:
    """(item, op, kind, class, flagged) of the row that gives a label."""
    return item, "label", "label", class_id, now is not None and now.flagged


def _before(row: sqlite3.Row, now: Mapping[int, int]) -> tuple[object, ...]:
    """(item, op, kind, class, flagged) of the row that takes one label back. now: ``history.merged``."""
    return row["item"], "undo", row["kind"] or "none", now.get(row["class"], row["class"]), bool(row["flagged"])
