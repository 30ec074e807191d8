"""Writing labels. The label history is append-only: undo is one more row.

Every operation of a client carries a running number and is stored under (client, number),
so a page that did not hear the answer sends it again and nothing happens twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling.history import INSERT, Op, State, apply_one, check, is_name, states_of
from fact_core.labeling.labels_now import without_deleted
from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Applied:
    """The states that changed, by item id, and the largest number of this client that is stored."""

    states: dict[int, State]
    last_seq: int


def apply(project: Project, client: str, ops: Sequence[Op]) -> Applied:
    """Store operations in one transaction: all of them, or none and an InputError that names the first bad one.

    Operations whose (client, seq) is stored already are passed over.
    """
    if not is_name(client, 1, 100):
        raise InputError("The client has no usable name", repr(client)[:80])
    for op in ops:
        check(op)
    with db.connect(project.db) as con, db.transaction(con):
        numbers = json.dumps([op.seq for op in ops])
        stored = {
            row["seq"]
            for row in con.execute(
                "SELECT seq FROM label WHERE client = ? AND seq IN (SELECT value FROM json_each(?))", (client, numbers)
            )
        }
        fresh = [op for op in ops if op.seq not in stored]
        _check_ids(con, fresh)
        now = states_of(con, {op.item for op in ops if op.item is not None})
        changed: set[int | None] = {op.item for op in ops}
        rows: list[tuple[object, ...]] = []
        for op in fresh:
            if op.seq in stored:
                continue  # twice in one call
            stored.add(op.seq)
            if op.kind in ("undo", "redo"):  # they read what is stored
                con.conn.executemany(INSERT, rows)
                rows.clear()
            changed.add(apply_one(con, client, op, now, rows))
        con.conn.executemany(INSERT, rows)
        last = con.execute("SELECT coalesce(max(seq), 0) AS seq FROM label WHERE client = ?", (client,)).fetchone()
        after = {item: now[item] for item in changed if item is not None and item in now}
        return Applied(without_deleted(con, after), int(last["seq"]))


def _check_ids(con: Database, ops: Sequence[Op]) -> None:
    items = {op.item for op in ops if op.item is not None}
    known = con.execute(
        "SELECT id FROM item WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(items)),)
    )
    if strangers := items - {row["id"] for row in known}:
        raise InputError("There is no such image", str(min(strangers)), "Reload the page.")
    wanted = {op.class_id for op in ops if op.kind == "label"}
    present = {row["id"] for row in con.execute("SELECT id FROM class WHERE NOT deleted")}
    if gone := [each for each in wanted if each not in present]:
        raise InputError("This class does not exist any more", str(gone[0]), "Reload the page and choose another.")
