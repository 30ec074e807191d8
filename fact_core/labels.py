"""Classes and labels. The label history is append-only: undo is one more row.

Every operation of a client carries a running number and is stored under (client, number),
so a page that did not hear the answer sends it again and nothing happens twice.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fact_core import db
from fact_core.errors import InputError
from fact_core.project import Project, clean_name
from fact_core.types import Labels, Role

LARGEST = 2**53  # whole numbers that JSON and JavaScript hold exactly

OpKind = Literal["label", "skip", "flag", "clear", "undo", "redo"]
OPS: tuple[str, ...] = ("label", "skip", "flag", "clear", "undo", "redo")


@dataclass(frozen=True)
class ClassRow:
    """One class; ``count`` images have it as their label now."""

    id: int
    name: str
    position: int
    count: int


@dataclass(frozen=True)
class Op:
    """One thing that a person did.

    label: ``item`` gets ``class_id``. skip: ``item`` is passed over. flag: turns the mark of ``item``
    on or off. clear: ``item`` has no label, skip or mark any more. undo, redo: the client's last
    operation, or its last one on ``item``.
    seq: the client's running number. lead_time: seconds that the person took.
    """

    seq: int
    kind: OpKind
    item: int | None = None
    class_id: int | None = None
    lead_time: float | None = None
    source: str = "person"
    annotator: str = ""


@dataclass(frozen=True)
class State:
    """What holds for an image now. ``class_id`` only where kind is label; ``at`` in seconds since 1970."""

    kind: Literal["label", "skip", "none"]
    class_id: int | None
    at: float
    flagged: bool = False


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


def classes(project: Project) -> list[ClassRow]:
    """The classes in the person's order, with their counts."""
    with db.connect(project.db) as con:
        rows = con.execute(
            f"WITH now AS ({_NOW}) SELECT class.id, name, position, count(now.item) AS count FROM class "
            "LEFT JOIN now ON now.class = class.id AND now.kind = 'label' "
            "WHERE NOT deleted GROUP BY class.id ORDER BY position, class.id"
        )
        return [ClassRow(row["id"], row["name"], row["position"], row["count"]) for row in rows]


def add_class(project: Project, name: str) -> int:
    """Add a class at the end and return its id. InputError when the name cannot be used or is taken."""
    with db.connect(project.db) as con, db.transaction(con):
        return _add_class(con, clean_name(name, "class name"))


def ensure_classes(project: Project, names: Iterable[str]) -> dict[str, int]:
    """The id of each name; missing classes are added, in order. Names that differ only in case are one class."""
    with db.connect(project.db) as con, db.transaction(con):
        known = {row["folded"]: int(row["id"]) for row in con.execute("SELECT id, folded FROM class WHERE NOT deleted")}
        ids: dict[str, int] = {}
        for name in names:
            cleaned = clean_name(name, "class name")
            if (folded := cleaned.casefold()) not in known:
                known[folded] = _add_class(con, cleaned)
            ids[name] = known[folded]
        return ids


def rename_class(project: Project, class_id: int, name: str) -> None:
    """Give a class another name; its labels stay. InputError when the name is taken or the class is gone."""
    cleaned = clean_name(name, "class name")
    with db.connect(project.db) as con, db.transaction(con):
        _need_class(con, class_id)
        _need_free(con, cleaned, class_id)
        con.execute("UPDATE class SET name = ?, folded = ? WHERE id = ?", (cleaned, cleaned.casefold(), class_id))
        db.bump(con)


def delete_class(project: Project, class_id: int) -> None:
    """Take a class away. Its images count as unlabeled; the history keeps what was said."""
    with db.connect(project.db) as con, db.transaction(con):
        _need_class(con, class_id)
        con.execute("UPDATE class SET deleted = 1 WHERE id = ?", (class_id,))
        db.bump(con)


def apply(project: Project, client: str, ops: Sequence[Op]) -> Applied:
    """Store operations in one transaction: all of them, or none and an InputError that names the first bad one.

    Operations whose (client, seq) is stored already are passed over.
    """
    if not _is_name(client, 1, 100):
        raise InputError("The client has no usable name", repr(client)[:80])
    for op in ops:
        _check(op)
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
        now = _states(con, {op.item for op in ops if op.item is not None})
        changed: set[int | None] = {op.item for op in ops}
        rows: list[tuple[object, ...]] = []
        for op in fresh:
            if op.seq in stored:
                continue  # twice in one call
            stored.add(op.seq)
            if op.kind in ("undo", "redo"):  # they read what is stored
                con.executemany(_INSERT, rows)
                rows.clear()
            changed.add(_apply_one(con, client, op, now, rows))
        con.executemany(_INSERT, rows)
        last = con.execute("SELECT coalesce(max(seq), 0) AS seq FROM label WHERE client = ?", (client,)).fetchone()
        after = {item: now[item] for item in changed if item is not None and item in now}
        return Applied(_without_deleted(con, after), int(last["seq"]))


def states(project: Project) -> dict[int, State]:
    """The state of every image that has a label, a skip or a mark now."""
    with db.connect(project.db) as con:
        found = _without_deleted(con, _states(con))
    return {item: state for item, state in found.items() if state.kind != "none" or state.flagged}


def snapshot(project: Project, role: Role | None = None, selection: int | None = None) -> Labels:
    """The labels of images in the pool, by item id; classes in the person's order.

    role: "audit" for check images, "pick" for all others (also those labeled without being chosen), None for
    both. The role of an image is the one in its newest selection. selection: only images of that selection.
    """
    with db.connect(project.db) as con:
        listed = con.execute("SELECT id, name FROM class WHERE NOT deleted ORDER BY position, id").fetchall()
        rows = con.execute(
            f"WITH now AS ({_NOW}), roles AS ("
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
                row["client"], row["seq"], row["lead_time"], row["source"], row["annotator"],
            )
            for row in rows
        ]  # fmt: skip


#: The newest row of every image is its state.
_NOW = (
    "SELECT label.id, label.item, label.kind, label.class, label.flagged, label.at FROM label "
    "JOIN (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item) AS newest ON newest.id = label.id"
)


def _check(op: Op) -> None:
    whole = isinstance(op.seq, int) and not isinstance(op.seq, bool)
    if not whole or not 0 <= op.seq < LARGEST:
        raise InputError("An operation has no usable number", repr(op.seq)[:80])
    if op.kind not in OPS:
        raise InputError("There is no such operation", repr(op.kind)[:80], f"Known: {', '.join(OPS)}.")
    if op.item is None and op.kind not in ("undo", "redo"):
        raise InputError("The operation names no image", op.kind)
    if op.kind == "label" and op.class_id is None:
        raise InputError("The label names no class", f"image {op.item}")
    for value in (op.item, op.class_id):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value < LARGEST):
            raise InputError("This is not the number of an image or class", repr(value)[:80])
    lead = op.lead_time
    if lead is not None and not (isinstance(lead, int | float) and math.isfinite(lead) and lead >= 0):
        raise InputError("The time taken is not a number of seconds", repr(lead)[:80])
    if not _is_name(op.source, 0, 50) or not _is_name(op.annotator, 0, 200):
        raise InputError("The name of the source or of the person cannot be used")


def _is_name(text: object, low: int, high: int) -> bool:
    """A text of that many characters, all of which can be stored."""
    return isinstance(text, str) and low <= len(text) <= high and text.isprintable()


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


_INSERT = (
    "INSERT INTO label (item, op, kind, class, flagged, target, client, seq, at, lead_time, source, annotator) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _apply_one(
    con: sqlite3.Connection, client: str, op: Op, now: dict[int, State], rows: list[tuple[object, ...]]
) -> int | None:
    """Add one row to ``rows`` and put the new state into ``now``. Returns the item that it is about."""
    at, item, target = time.time(), op.item, None
    if op.kind in ("undo", "redo"):
        target, item, row_item, after = _undo_or_redo(con, client, op, at)
    else:
        row_item, before = item, now.get(item or 0, State("none", None, at))
        if op.kind == "label":
            after = State("label", op.class_id, at, before.flagged)
        elif op.kind == "skip":
            after = State("skip", None, at, before.flagged)
        elif op.kind == "flag":
            after = State(before.kind, before.class_id, at, not before.flagged)
        else:
            after = State("none", None, at)
    what = (row_item, op.kind, after.kind, after.class_id, after.flagged, target)
    rows.append((*what, client, op.seq, at, op.lead_time, op.source, op.annotator))
    if item is not None:
        now[item] = after
    return item


def _undo_or_redo(
    con: sqlite3.Connection, client: str, op: Op, at: float
) -> tuple[int | None, int | None, int | None, State]:
    """(row it is about, its item, the item that is changed or None, the item's state after).

    Nothing is changed when there is no such row, or when another client has changed the image since:
    nobody's label is lost by somebody else's undo.
    """
    target = _target(con, client, op)
    if target is None:
        return None, op.item, None, _at(con, op.item, LARGEST, at)
    item = int(target["item"])
    foreign = con.execute(
        "SELECT 1 FROM label WHERE item = ? AND id > ? AND client != ? LIMIT 1", (item, target["id"], client)
    ).fetchone()
    if foreign:
        return target["id"], item, None, _at(con, item, LARGEST, at)
    # Undo: the state before the row. Redo: the state that the row made.
    return target["id"], item, item, _at(con, item, target["id"] + (op.kind == "redo"), at)


def _target(con: sqlite3.Connection, client: str, op: Op) -> sqlite3.Row | None:
    """The client's newest row that is not undone (undo), or newest undone row with nothing new after it (redo).

    Read backwards: the newest undo or redo of a row decides whether it is undone.
    """
    rows = con.execute(
        "SELECT id, op, target FROM label WHERE client = ?1 AND (?2 IS NULL OR "
        "coalesce(item, (SELECT item FROM label AS other WHERE other.id = label.target)) = ?2) ORDER BY id DESC",
        (client, op.item),
    )
    settled: set[int] = set()
    for row in rows:
        if row["op"] in ("undo", "redo"):
            if row["target"] is None or row["target"] in settled:
                continue
            settled.add(row["target"])
            if row["op"] == "undo" and op.kind == "redo":
                return _row(con, row["target"])
            if row["op"] == "redo" and op.kind == "undo":
                return _row(con, row["target"])
        elif op.kind == "redo":
            return None
        elif row["id"] not in settled:
            return _row(con, row["id"])
    return None


def _row(con: sqlite3.Connection, row_id: int) -> sqlite3.Row | None:
    found: sqlite3.Row | None = con.execute("SELECT id, item FROM label WHERE id = ?", (row_id,)).fetchone()
    return found


def _at(con: sqlite3.Connection, item: int | None, before: int, at: float) -> State:
    """The state of an image as of the rows below a row id, dated ``at``."""
    row = con.execute(
        "SELECT kind, class, flagged FROM label WHERE item = ? AND id < ? ORDER BY id DESC LIMIT 1", (item, before)
    ).fetchone()
    return State(row["kind"], row["class"], at, bool(row["flagged"])) if row else State("none", None, at)


def _states(con: sqlite3.Connection, items: set[int] | None = None) -> dict[int, State]:
    if items is None:
        rows = con.execute(_NOW)
    else:
        rows = con.execute(
            "SELECT item, kind, class, flagged, at FROM label JOIN (SELECT max(id) AS newest FROM label "
            "WHERE item IN (SELECT value FROM json_each(?)) GROUP BY item) ON newest = id",
            (json.dumps(sorted(items)),),
        )
    return {row["item"]: State(row["kind"], row["class"], row["at"], bool(row["flagged"])) for row in rows}


def _without_deleted(con: sqlite3.Connection, found: dict[int, State]) -> dict[int, State]:
    """Labels of classes that were taken away do not count."""
    gone = {row["id"] for row in con.execute("SELECT id FROM class WHERE deleted")}
    if not gone:
        return found
    return {
        item: State("none", None, state.at, state.flagged) if state.class_id in gone else state
        for item, state in found.items()
    }


def _add_class(con: sqlite3.Connection, name: str) -> int:
    _need_free(con, name, 0)
    row = con.execute(
        "INSERT INTO class (name, folded, position, created) "
        "VALUES (?, ?, (SELECT coalesce(max(position), -1) + 1 FROM class), ?) RETURNING id",
        (name, name.casefold(), time.time()),
    ).fetchone()
    db.bump(con)
    return int(row["id"])


def _need_free(con: sqlite3.Connection, name: str, but: int) -> None:
    other = con.execute(
        "SELECT name FROM class WHERE folded = ? AND NOT deleted AND id != ?", (name.casefold(), but)
    ).fetchone()
    if other:
        raise InputError("There is a class of this name already", other["name"], "Choose another name.")


def _need_class(con: sqlite3.Connection, class_id: int) -> None:
    if not con.execute("SELECT 1 FROM class WHERE id = ? AND NOT deleted", (class_id,)).fetchone():
        raise InputError("This class does not exist any more", str(class_id), "Reload the page.")
