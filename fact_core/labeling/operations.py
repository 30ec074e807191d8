"""Labels. The label history is append-only: undo is one more row.

Every operation of a client carries a running number and is stored under (client, number),
so a page that did not hear the answer sends it again and nothing happens twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fact_core.errors import InputError
from fact_core.labeling import classes
from fact_core.labeling.history import INSERT, NOW, apply_one, check, is_name, states_of
from fact_core.labeling.history import LARGEST as LARGEST
from fact_core.labeling.history import Op as Op
from fact_core.labeling.history import OpKind as OpKind
from fact_core.labeling.history import State as State
from fact_core.storage import db
from fact_core.storage.project import Project
from fact_core.types import Labels, Role


@dataclass(frozen=True)
class Applied:
    """The states that changed, by item id, and the largest number of this client that is stored."""

    states: dict[int, State]
    last_seq: int


@dataclass(frozen=True)
class HistoryRow:
    """One row of the history, with the state of the image after it."""

    id: int
    item: int | None
    op: OpKind
    kind: Literal["label", "skip", "none"]
    class_id: int | None
    flagged: bool
    at: float
    client: str
    seq: int
    lead_time: float | None
    source: str
    annotator: str
    batch: int | None


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
                con.executemany(INSERT, rows)
                rows.clear()
            changed.add(apply_one(con, client, op, now, rows))
        con.executemany(INSERT, rows)
        last = con.execute("SELECT coalesce(max(seq), 0) AS seq FROM label WHERE client = ?", (client,)).fetchone()
        after = {item: now[item] for item in changed if item is not None and item in now}
        return Applied(_without_deleted(con, after), int(last["seq"]))


def changes(project: Project, since: int) -> tuple[int, dict[int, State]]:
    """(the newest row, the states now of all images that rows after ``since`` are about)."""
    with db.connect(project.db) as con:
        newest = int(con.execute("SELECT coalesce(max(id), 0) FROM label").fetchone()[0])
        rows = con.execute("SELECT DISTINCT item FROM label WHERE id > ? AND item IS NOT NULL", (since,))
        items = {int(row["item"]) for row in rows}
        return newest, _without_deleted(con, states_of(con, items)) if items else {}


def states(project: Project) -> dict[int, State]:
    """The state of every image that has a label, a skip or a mark now."""
    with db.connect(project.db) as con:
        found = _without_deleted(con, states_of(con))
    return {item: state for item, state in found.items() if state.kind != "none" or state.flagged}


def names_now(project: Project, ids: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    """The names that classes have now. A class that is gone keeps its old name; without ids all do."""
    now = {row.id: row.name for row in classes.classes(project)} if ids else {}
    return tuple(now.get(each, str(old)) for each, old in zip(ids or (0,) * len(names), names, strict=True))


def snapshot(project: Project, role: Role | None = None, selection: int | None = None) -> Labels:
    """The labels of images in the pool, by item id; classes in the person's order.

    role: "audit" for check images, "pick" for all others (also those labeled without being chosen), None for
    both. The role of an image is the one in its newest selection. selection: only images of that selection.
    """
    with db.connect(project.db) as con:
        listed = con.execute("SELECT id, name FROM class WHERE NOT deleted ORDER BY position, id").fetchall()
        rows = con.execute(
            f"WITH now AS ({NOW}), roles AS ("
            "  SELECT item, role, max(selection) FROM pick WHERE state = 'chosen'"
            "  AND (:selection IS NULL OR selection = :selection) GROUP BY item) "
            "SELECT now.item, now.class FROM now "
            "JOIN item ON item.id = now.item AND item.status = 'ok' AND item.duplicate_of IS NULL "
            "JOIN class ON class.id = now.class AND NOT class.deleted "
            "LEFT JOIN roles ON roles.item = now.item "
            "WHERE now.kind = 'label' AND (:role IS NULL OR coalesce(roles.role, 'pick') = :role) "
            "AND (:selection IS NULL OR roles.item IS NOT NULL) ORDER BY now.item",
            {"role": role, "selection": selection},
        ).fetchall()
    place = {row["id"]: index for index, row in enumerate(listed)}
    return Labels(
        np.array([row["item"] for row in rows], dtype=np.int64),
        np.array([place[row["class"]] for row in rows], dtype=np.int64),
        tuple(row["name"] for row in listed),
    )


def history(project: Project, item: int | None = None) -> list[HistoryRow]:
    """All rows (of one image), oldest first."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT * FROM label WHERE ? IS NULL OR item = ? ORDER BY id", (item, item))
        return [
            HistoryRow(
                row["id"], row["item"], row["op"], row["kind"], row["class"], bool(row["flagged"]), row["at"],
                row["client"], row["seq"], row["lead_time"], row["source"], row["annotator"], row["batch"],
            )
            for row in rows
        ]  # fmt: skip


def _check_ids(con: sqlite3.Connection, ops: Sequence[Op]) -> None:
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


def _without_deleted(con: sqlite3.Connection, found: dict[int, State]) -> dict[int, State]:
    """Labels of classes that were taken away do not count."""
    gone = {row["id"] for row in con.execute("SELECT id FROM class WHERE deleted")}
    if not gone:
        return found
    return {
        item: State("none", None, state.at, state.flagged) if state.class_id in gone else state
        for item, state in found.items()
    }
