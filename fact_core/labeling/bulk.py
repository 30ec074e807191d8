"""Many labels given in one step, and taken back in one: a merge of classes, an import.

Each step has a client name of its own, so its running numbers never meet those of a page. What another
client said since is left as it is.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling.brought_back import class_of, merged, newest_below
from fact_core.labeling.history import INSERT, LARGEST, State, is_name, states_of
from fact_core.labeling.undone import UNDONE
from fact_core.storage import groups

#: Whether a row is followed by another one of its image that stands. A mark says nothing of what a merge has done.
_FOLLOWED = (
    "EXISTS (SELECT 1 FROM label AS newer WHERE newer.item = mine.item AND newer.id > mine.id "
    "AND newer.op NOT IN ('undo', 'redo') AND NOT (newer.op = 'flag' AND mine.source = 'merge') "
    f"AND NOT {UNDONE.format(row='newer')})"
)
_MINE = (
    "SELECT mine.id, mine.item, mine.client, mine.source, before.kind, before.id AS before FROM label AS mine "
    "LEFT JOIN label AS before ON before.id = "
    "  (SELECT max(id) FROM label AS older WHERE older.item = mine.item AND older.id < mine.id) "
    f"WHERE mine.op = 'label' AND NOT {UNDONE.format(row='mine')} AND "
)
#: The rows of a step that are not undone, nor followed by another one that stands; with the state before each.
_STANDING = f"{_MINE} mine.client = ? AND NOT {_FOLLOWED} ORDER BY mine.id"
#: Whether a row waits to be taken back: the newest thing said of it is an undo of its own step that changed nothing.
_WAITS = (
    "(mine.source IN ('merge', 'import') AND "
    "EXISTS (SELECT 1 FROM label AS later WHERE later.op = 'undo' AND later.item IS NULL "
    "AND later.client = mine.client "
    "AND later.id = (SELECT max(id) FROM label AS turned WHERE turned.target = mine.id)))"
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

    Once what was said since is taken back as well, ``settle`` gives them what they had before the step.
    Doing it twice changes nothing.
    """
    rows = con.execute(_STANDING, (client,)).fetchall()
    waiting = con.execute(f"{_MINE} mine.client = ? AND {_FOLLOWED} AND NOT {_WAITS} ORDER BY mine.id", (client,))
    _undo(con, client, [(row, False) for row in waiting] + [(row, True) for row in rows], annotator)
    return [int(row["item"]) for row in rows]


def settle(con: Database, items: Collection[int]) -> set[str]:
    """Take back what waits for it, now that what was said since of these images may be undone. Returns the steps.

    Without it the undo of an answer would bring back the label of an import, or of a merge, that was taken back.
    """
    steps, asked = set[str](), json.dumps(sorted(items))
    sql = f"{_MINE} mine.item IN (SELECT value FROM json_each(?)) AND {_WAITS} AND NOT {_FOLLOWED} ORDER BY mine.id"
    while rows := con.execute(sql, (asked,)).fetchall():  # below it another one may wait
        for row in rows:
            _undo(con, row["client"], [(row, True)])
            steps.add(row["client"])
    return steps


def _undo(con: Database, client: str, rows: Sequence[tuple[sqlite3.Row, bool]], annotator: str = "") -> None:
    """Write the undo of rows of a step. (row, whether its image changes; else it waits)."""
    first = con.execute("SELECT coalesce(max(seq), 0) + 1 AS next FROM label WHERE client = ?", (client,)).fetchone()
    at, now = time.time(), merged(con)
    con.conn.executemany(
        INSERT,
        (
            (*_before(con, row, now, changes), row["id"], client, seq, at, None, row["source"], annotator, None)
            for seq, (row, changes) in enumerate(rows, start=first["next"])
        ),
    )


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


def _before(con: Database, row: sqlite3.Row, now: Mapping[int, int], changes: bool) -> tuple[object, ...]:
    """(item, op, kind, class, flagged) of the row that takes one label back. now: ``brought_back.merged``.

    An undo that changes nothing names no item.
    """
    item = row["item"] if changes else None
    before = newest_below(con, row["item"], row["id"]) if row["before"] else None
    if before is None:
        return item, "undo", "none", None, False
    newest = newest_below(con, row["item"], LARGEST) if row["source"] == "merge" else None  # it may have a mark since
    return item, "undo", before["kind"], class_of(con, before, now), bool((newest or before)["flagged"])
