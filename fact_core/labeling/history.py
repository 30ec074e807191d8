"""The append-only history of labels: one row an operation, and what it makes of an image.

Undo and redo are rows too. An operation is known by (client, running number).
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.files import unseen
from fact_core.labeling.brought_back import class_of, merged, newest_below
from fact_core.labeling.undone import UNDONE, decides, is_undone

LARGEST = 2**53  # whole numbers that JSON and JavaScript hold exactly

StateKind = Literal["label", "skip", "exclude", "none"]
OpKind = Literal["label", "skip", "flag", "exclude", "clear", "undo", "redo"]
OPS: tuple[str, ...] = ("label", "skip", "flag", "exclude", "clear", "undo", "redo")


@dataclass(frozen=True)
class Op:
    """One thing that a person did.

    label: ``item`` gets ``class_id``. skip: ``item`` is passed over. flag: turns the mark of ``item``
    on or off. exclude: ``item`` is left out of the pool. clear: ``item`` has no label, skip or mark any more, and is in
    the pool. undo, redo: the desk's last
    operation, or its last one on ``item``; see ``desk_of``.
    seq: the client's running number. lead_time: seconds that the person took. batch: the seq of the first
    of the operations that were given in one step. was: the class of ``item`` that the person saw, 0 for none; None
    where nobody says what was seen.
    """

    seq: int
    kind: OpKind
    item: int | None = None
    class_id: int | None = None
    lead_time: float | None = None
    source: str = "person"
    annotator: str = ""
    batch: int | None = None
    was: int | None = None


@dataclass(frozen=True)
class State:
    """What holds for an image now. ``class_id`` only where kind is label; ``at`` in seconds since 1970."""

    kind: StateKind
    class_id: int | None
    at: float
    flagged: bool = False


#: The newest row of every image is its state.
NOW = (
    "SELECT label.id, label.item, label.kind, label.class, label.flagged, label.at FROM label "
    "JOIN (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item) AS newest ON newest.id = label.id"
)


def check(op: Op) -> None:
    """InputError when an operation cannot be meant so, whatever is stored."""
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
    if op.batch is not None and (not isinstance(op.batch, int) or not 0 <= op.batch < LARGEST):
        raise InputError("The number of the step cannot be used", repr(op.batch)[:80])
    if op.was is not None and (isinstance(op.was, bool) or not isinstance(op.was, int) or not 0 <= op.was < LARGEST):
        raise InputError("This is not the number of a class that was seen", repr(op.was)[:80])
    lead = op.lead_time
    if lead is not None and not (isinstance(lead, int | float) and math.isfinite(lead) and lead >= 0):
        raise InputError("The time taken is not a number of seconds", repr(lead)[:80])
    if not is_name(op.source, 0, 50) or not is_person(op.annotator):
        raise InputError("The name of the source or of the person cannot be used")


def is_name(text: object, low: int, high: int) -> bool:
    """A text of that many characters, all of which can be stored."""
    return isinstance(text, str) and low <= len(text) <= high and text.isprintable()


def is_person(text: object) -> bool:
    """The name of somebody who labels, or "": names have wide blanks (Japan) and letters that join (Iran), too."""
    return isinstance(text, str) and len(text) <= 200 and not unseen(text)


# The table's column op is ``Op.kind``, what was done; its column kind is ``State.kind``, what the image is after it.
INSERT = (
    "INSERT INTO label (item, op, kind, class, flagged, target, client, seq, at, lead_time, source, annotator, batch) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def apply_one(con: Database, client: str, op: Op, now: dict[int, State], rows: list[tuple[object, ...]]) -> int | None:
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
        elif op.kind == "exclude":
            after = State("exclude", None, at)
        elif op.kind == "flag":
            kind, class_id = (before.kind, before.class_id) if not takes_off(op, now) else _beneath(con, item)
            after = State(kind, class_id, at, not before.flagged)
        else:
            after = State("none", None, at)
    what = (row_item, op.kind, after.kind, after.class_id, after.flagged, target)
    rows.append((*what, client, op.seq, at, op.lead_time, op.source, op.annotator, op.batch))
    if item is not None:
        now[item] = after
    return item


def takes_off(op: Op, now: Mapping[int, State]) -> bool:
    """Whether an operation takes a mark off an image that has nothing else: what was said before the mark holds then.

    That reads what is stored.
    """
    before = now.get(op.item or 0)
    return op.kind == "flag" and before is not None and before.flagged and before.kind == "none"


def _beneath(con: Database, item: int | None) -> tuple[StateKind, int | None]:
    """(kind, class) of an image before its mark, which may be a label of a class that was taken away since."""
    row = newest_below(con, item, LARGEST)
    while row is not None and row["kind"] == "none" and row["op"] in ("undo", "redo", "flag"):
        below = row["id"] if row["op"] == "flag" else row["target"]
        row = newest_below(con, item, below + (row["op"] == "redo"))
    return ("none", None) if row is None else (row["kind"], class_of(con, row, merged(con)))


#: What was done to an image since a row and stands: not what is undone by now, nor the undo of it.
_SINCE = (
    "SELECT client FROM label AS since WHERE item = ?1 AND id > ?2 "
    f"AND NOT (op IN ('undo', 'redo') AND target > ?2) AND NOT {UNDONE.format(row='since')}"
)


def did_nothing(row: tuple[object, ...]) -> bool:
    """Whether a row of ``apply_one`` is an undo or redo that found its image changed by somebody else."""
    item, _, _, _, _, target, *_ = row
    return item is None and target is not None


def _undo_or_redo(con: Database, client: str, op: Op, at: float) -> tuple[int | None, int | None, int | None, State]:
    """(row it is about, its item, the item that is changed or None, the item's state after).

    Nothing is changed when there is no such row, or when another desk has changed the image since, and that stands:
    nobody's label is lost by somebody else's undo. A merge of classes that was taken back changes nothing.
    """
    target = _target(con, client, op)
    if target is None:
        return None, op.item, None, _at(con, op.item, LARGEST, at)
    item = int(target["item"])
    if is_another_s(con, client, target):
        return target["id"], item, None, _at(con, item, LARGEST, at)
    # Undo: the state before the row. Redo: the state that the row made.
    return target["id"], item, item, _at(con, item, target["id"] + (op.kind == "redo"), at)


def is_another_s(con: Database, client: str, row: sqlite3.Row) -> bool:
    """Whether another desk has changed a row's image since: undoing the row, or doing it again, changes nothing."""
    rows = con.execute(_SINCE, (row["item"], row["id"]))
    return any(desk_of(each["client"]) != desk_of(client) for each in rows)


def desk_of(client: str) -> str:
    """Who undoes whose operations: what stands before the dot. The windows of one browser are one desk."""
    return client.partition(".")[0]


def desk_rows(con: Database, client: str) -> Iterator[sqlite3.Row]:
    """All rows of the client's desk, newest first."""
    desk = desk_of(client)
    return iter(
        con.execute(
            "SELECT * FROM label WHERE client = ?1 OR (client >= ?1 || '.' AND client < ?1 || '/') ORDER BY id DESC",
            (desk,),
        )
    )


def _item_rows(con: Database, client: str, item: int) -> Iterator[sqlite3.Row]:
    """The desk's rows about an image, newest first; an undo that changed nothing names it by its target only."""
    rows = con.execute(
        "SELECT id, item, op, target, client FROM label WHERE item = ?1 UNION ALL "
        "SELECT id, item, op, target, client FROM label "
        "WHERE item IS NULL AND target IN (SELECT id FROM label WHERE item = ?1) ORDER BY id DESC",
        (item,),
    )
    return (row for row in rows if desk_of(row["client"]) == desk_of(client))


def _target(con: Database, client: str, op: Op) -> sqlite3.Row | None:
    """The desk's newest row that is not undone (undo), or newest undone row with nothing new after it (redo).

    Rows are read newest first.
    """
    rows = desk_rows(con, client) if op.item is None else _item_rows(con, client, op.item)
    settled: dict[int, str] = {}
    for row in rows:
        if row["op"] in ("undo", "redo"):
            # What was undone can be redone, and the other way round; not what an undo has left as it was.
            if decides(settled, row) and row["op"] != op.kind and (row["item"] is not None or row["op"] == "redo"):
                return _row(con, row["target"])
        elif op.kind == "redo":
            return None
        elif not is_undone(settled, row):
            return _row(con, row["id"])
    return None


def _row(con: Database, row_id: int) -> sqlite3.Row | None:
    found: sqlite3.Row | None = con.execute("SELECT id, item FROM label WHERE id = ?", (row_id,)).fetchone()
    return found


def _at(con: Database, item: int | None, before: int, at: float) -> State:
    """The state of an image as of the rows below a row id, dated ``at``."""
    row = newest_below(con, item, before)
    if row is None:
        return State("none", None, at)
    return State(row["kind"], class_of(con, row, merged(con)), at, bool(row["flagged"]))


def states_of(con: Database, items: set[int] | None = None) -> dict[int, State]:
    """The newest state of every image that has one (of the given images)."""
    if items is None:
        rows = con.execute(NOW)
    else:
        rows = con.execute(
            "SELECT item, kind, class, flagged, at FROM label JOIN (SELECT max(id) AS newest FROM label "
            "WHERE item IN (SELECT value FROM json_each(?)) GROUP BY item) ON newest = id",
            (json.dumps(sorted(items)),),
        )
    return {row["item"]: State(row["kind"], row["class"], row["at"], bool(row["flagged"])) for row in rows}
