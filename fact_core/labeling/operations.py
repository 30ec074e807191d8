"""Writing labels. The label history is append-only: undo is one more row.

The way of a label, from the key to the disk: assets/label/keys.js, acts.js, page.js ``give`` (or assets/review/), then
assets/images/store.js and op_queue.js (which keeps it in the browser until it is stored) -> POST /x/KEY/ops,
app/pages/label/routes.py ``apply_ops`` -> ``apply`` below -> one row by history.py ``apply_one`` -> the table ``label``
of storage/schema.py, on the disk when the transaction of storage/db.py ends. labels_now.py reads what holds.

Every operation of a client carries a running number and is stored under (client, number),
so a page that did not hear the answer sends it again and nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling import bulk, taken_back
from fact_core.labeling.history import INSERT, Op, State, apply_one, check, did_nothing, is_name, states_of, takes_off
from fact_core.labeling.labels_now import without_classes
from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class Over:
    """A label that whoever gave another answer has not seen. rows: of the history, since then, to undo."""

    before: State
    rows: int = 1


@dataclass(frozen=True)
class Applied:
    """The states that changed, by item id, and the largest number of this client that is stored.

    over: item id -> the label that another window gave meanwhile, which an answer took the place of. stays: images
    of which an undo or redo changed nothing, since somebody else, an import or a merge has changed them.
    """

    states: dict[int, State]
    last_seq: int
    over: dict[int, Over] = field(default_factory=dict)
    stays: tuple[int, ...] = ()


def apply(project: Project, client: str, ops: Sequence[Op]) -> Applied:
    """Store operations in one transaction: all of them, or none and an InputError that names the first bad one.

    Operations whose (client, seq) is stored already are passed over. ProjectChanged when the file is another project's.
    """
    if not is_name(client, 1, 100):
        raise InputError("The client has no usable name", repr(client)[:80])
    for op in ops:
        check(op)
    with db.writing(project.db, project.id) as con:
        stored = _numbers(con, client, ops)
        fresh = [op for op in ops if op.seq not in stored]
        deleted = _check_classes(con, fresh)
        now = without_classes(_images_now(con, {op.item for op in ops if op.item is not None}), deleted)
        out = _excluded(now)
        changed: set[int | None] = {op.item for op in ops}
        rows: list[tuple[object, ...]] = []
        over: dict[int, Over] = {}
        stays: dict[int, None] = {}
        waited: set[str] = set()
        for op in fresh:
            if op.seq in stored:
                continue  # twice in one call
            stored.add(op.seq)
            if op.kind in ("undo", "redo") or takes_off(op, now):  # they read what is stored
                con.conn.executemany(INSERT, rows)
                rows.clear()
            _note_over(over, op, now.get(op.item or 0), deleted)
            changed.add(item := apply_one(con, client, op, now, rows))
            if item is not None and did_nothing(rows[-1]):
                stays[item] = None
            elif item is not None and op.kind == "undo":
                con.conn.executemany(INSERT, rows)
                rows.clear()
                if steps := bulk.settle(con, {item}):
                    waited |= steps
                    now |= states_of(con, {item})
        con.conn.executemany(INSERT, rows)
        turned = _turned(con, client, [op.seq for op in fresh if op.kind in ("undo", "redo")])
        taken_back.follow(con, (), turned | waited)
        if out != _excluded(now):
            db.bump(con)  # the pool is another one, and the queue
        after = {item: now[item] for item in changed if item is not None and item in now}
        return Applied(without_classes(after, deleted), max(stored, default=0), over, tuple(stays))


def _turned(con: Database, client: str, seqs: Sequence[int]) -> set[str]:
    """The clients whose rows these undos and redos of a client are about."""
    if not seqs:
        return set()
    rows = con.execute(
        "SELECT DISTINCT turned.client FROM label JOIN label AS turned ON turned.id = label.target "
        "WHERE label.client = ? AND label.seq BETWEEN ? AND ?",
        (client, min(seqs), max(seqs)),
    )
    return {row["client"] for row in rows}


def _excluded(now: dict[int, State]) -> set[int]:
    return {item for item, state in now.items() if state.kind == "exclude"}


def _note_over(over: dict[int, Over], op: Op, before: State | None, deleted: set[int]) -> None:
    """Note in ``over`` that an operation takes the place of a label that the person did not see."""
    item = op.item or 0
    if item in over:
        over[item] = replace(over[item], rows=over[item].rows + 1)
        return
    lost = op.was is not None and op.kind in ("label", "skip", "exclude", "clear") and before is not None
    if lost and before and before.kind == "label" and before.class_id not in deleted | {op.was, op.class_id}:
        over[item] = Over(before)


# Each label is one call, which opens the file and reads its schema. Few and plain statements keep it fast;
# ``Table.insert_all`` would first ask three times what the table looks like, ``json_each`` sets up a table.


def _numbers(con: Database, client: str, ops: Sequence[Op]) -> set[int]:
    """Numbers of the client that are stored: all that the operations bear, and its largest one."""
    given = [op.seq for op in ops] or [0]
    rows = con.execute(
        "SELECT seq FROM label WHERE client = ?1 AND seq BETWEEN ?2 AND ?3 "
        "UNION ALL SELECT max(seq) FROM label WHERE client = ?1",
        (client, min(given), max(given)),
    )
    return {row["seq"] for row in rows} - {None}


def _images_now(con: Database, items: set[int]) -> dict[int, State]:
    """The states of images that have one. InputError when one of the images is not there."""
    found: dict[int, State] = {}
    for item in sorted(items):
        row = con.execute(
            "SELECT label.kind, label.class, label.flagged, label.at FROM item LEFT JOIN label "
            "ON label.id = (SELECT max(id) FROM label AS own WHERE own.item = item.id) WHERE item.id = ?",
            (item,),
        ).fetchone()
        if row is None:
            raise InputError("There is no such image", str(item), "Reload the page.")
        if row["kind"]:
            found[item] = State(row["kind"], row["class"], row["at"], bool(row["flagged"]))
    return found


def _check_classes(con: Database, ops: Sequence[Op]) -> set[int]:
    """The classes that were taken away. InputError when an operation names one of them, or an unknown one."""
    rows = con.execute("SELECT id, name, deleted FROM class").fetchall()
    deleted, names = {row["id"]: bool(row["deleted"]) for row in rows}, {row["id"]: row["name"] for row in rows}
    wanted = {op.class_id for op in ops if op.kind == "label"}
    if gone := [each for each in wanted if each is None or deleted.get(each, True)]:
        name = names.get(gone[0], f"class {gone[0]}")
        raise InputError("This class does not exist any more", name, "Reload the page and choose another.")
    return {each for each, taken_away in deleted.items() if taken_away}
