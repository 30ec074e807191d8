"""What can be undone and done again: the steps of one desk, read from the history, so that they outlive a restart."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.labeling.history import State, desk_rows, is_another_s
from fact_core.labeling.undone import decides, is_undone
from fact_core.storage import db
from fact_core.storage.project import Project

MOST_ROWS = 20_000  # of the history are turned into steps at a time


@dataclass(frozen=True)
class Change:
    """One image of a step: its state before and after. rows: how many rows of the history it took."""

    item: int
    before: State | None
    after: State | None
    rows: int = 1


@dataclass(frozen=True)
class Steps:
    """Steps of a desk, the next one to undo or redo first. more: there are older ones."""

    undo: tuple[tuple[Change, ...], ...]
    redo: tuple[tuple[Change, ...], ...]
    more: bool


def steps(project: Project, client: str, most: int = 100) -> Steps:
    """The newest ``most`` steps of the client's desk that can be undone, and all that can be done again.

    A step is one operation, or all operations of one batch. Nothing can be done again once something new was done, nor
    to an image that another desk, or a merge, has changed since. What was done again last is undone first, though it is
    older than others: an import is taken back out of its turn.
    """
    with db.connect(project.db) as con:
        undo: list[list[sqlite3.Row]] = []
        redo: list[list[sqlite3.Row]] = []
        settled: dict[int, str] = {}  # row -> the newest undo or redo of it
        again: set[int] = set()  # rows that were done again: they are undone at the place of that
        seen = 0
        more = blocked = False
        for row in desk_rows(con, client):
            seen += 1
            if row["op"] in ("undo", "redo"):
                if not decides(settled, row):
                    continue
                done = con.execute("SELECT * FROM label WHERE id = ?", (row["target"],)).fetchone()
                if row["op"] == "undo":
                    if not blocked and row["item"] is not None and not is_another_s(con, client, done):
                        _add(redo, done)
                    continue
                again.add(int(done["id"]))
            else:
                blocked, done = True, row
                if is_undone(settled, row) or row["id"] in again:
                    continue
            if undo and (len(undo) >= most or seen > MOST_ROWS) and not _same(undo[-1][-1], done):
                more = True
                break
            _add(undo, done)
        return Steps(tuple(_step(con, each) for each in undo), tuple(_step(con, each) for each in redo), more)


def _same(one: sqlite3.Row, other: sqlite3.Row) -> bool:
    """Whether two rows were given in one step."""
    return one["batch"] is not None and (one["client"], one["batch"]) == (other["client"], other["batch"])


def _add(found: list[list[sqlite3.Row]], row: sqlite3.Row) -> None:
    if found and _same(found[-1][-1], row):
        found[-1].append(row)
    else:
        found.append([row])


def _step(con: Database, rows: list[sqlite3.Row]) -> tuple[Change, ...]:
    """What the rows did, image by image; several rows of one image (a mark taken off, then a label) are one change."""
    by_item: dict[int, list[sqlite3.Row]] = {}
    for row in sorted(rows, key=lambda each: int(each["id"])):
        by_item.setdefault(int(row["item"]), []).append(row)
    return tuple(Change(item, _before(con, each[0]), _state(each[-1]), len(each)) for item, each in by_item.items())


def _before(con: Database, row: sqlite3.Row) -> State | None:
    older = con.execute(
        "SELECT * FROM label WHERE item = ? AND id < ? ORDER BY id DESC LIMIT 1", (row["item"], row["id"])
    ).fetchone()
    return _state(older) if older else None


def _state(row: sqlite3.Row) -> State | None:
    return State(row["kind"], row["class"], row["at"], bool(row["flagged"]))
