"""Images that a person adds to the choice: picks of the newest selection, behind those of the strategy.

The order that stopping early relies on stays as it is: what is added is labeled after all that the strategy chose, and
before the check images. Check images stay what they are, a fair draw that nobody picks among. What is added may be what
is easy, so a promise does not count it as chosen (``finishing``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling import labels_now
from fact_core.labeling.history import State
from fact_core.labeling.selections import BY_HAND, need_none_chosen_now
from fact_core.storage import db, groups
from fact_core.storage.excluded import IN_POOL
from fact_core.storage.project import Project

MOST = 50_000  # images at once


@dataclass(frozen=True)
class Added:
    """What came of it. ids: the images that are picks now and were none.

    Left as they are: chosen (were picks already), check (check images), beside_check (belong together with one),
    answered (labeled, skipped, marked), left_out (of the pool by a person), unknown (no image that can be used).
    """

    ids: tuple[int, ...]
    chosen: int
    check: int
    beside_check: int
    answered: int
    left_out: int
    unknown: int


@dataclass(frozen=True)
class TakenBack:
    """ids: images that are no picks any more; answered: how many stay because they have an answer by now."""

    ids: tuple[int, ...]
    answered: int


def add(project: Project, ids: Sequence[int]) -> Added:
    """Make images picks of the newest selection, in this order. Asked twice, the second time changes nothing.

    InputError where nothing is chosen yet, or while images are being chosen.
    """
    if len(ids) > MOST:
        raise InputError("These are too many images at once", f"{len(ids):,}", f"At most {MOST:,}.")
    asked = list(dict.fromkeys(int(each) for each in ids))
    with db.writing(project.db, project.id) as con:
        selection = _selection(con)
        picks, checks = (_with_role(con, selection, role) for role in ("pick", "audit"))
        mates, said, pool = groups.mates(con, checks) - checks, labels_now.states_in(con), _pool(con, asked)
        kinds: dict[str, list[int]] = {}
        for each in asked:
            kinds.setdefault(_kind(each, pool, picks, checks, mates, said), []).append(each)
        free = kinds.get("free", [])
        _insert(con, selection, free)
        if free:
            db.bump(con)
    reasons = ("chosen", "check", "beside_check", "answered", "left_out", "unknown")
    count = {kind: len(kinds.get(kind, ())) for kind in reasons}
    return Added(tuple(free), **count)


def take_back(project: Project, ids: Sequence[int]) -> TakenBack:
    """Undo ``add`` for these images of the newest selection. Those with an answer stay; others are passed over."""
    with db.writing(project.db, project.id) as con:
        selection, said = _selection(con), labels_now.states_in(con)
        rows = con.execute(
            "SELECT item FROM pick WHERE selection = ? AND state = 'chosen' AND source = ? "
            "AND item IN (SELECT value FROM json_each(?))",
            (selection, BY_HAND, json.dumps([int(each) for each in ids])),
        ).fetchall()
        mine = [int(row["item"]) for row in rows]
        free = [each for each in mine if each not in said]
        gone = (selection, json.dumps(free))
        con.execute(
            "DELETE FROM pick WHERE selection = ? AND was = '' AND item IN (SELECT value FROM json_each(?))", gone
        )
        con.execute(
            "UPDATE pick SET state = was, rank = was_rank, source = '', was = '', was_rank = 0 "
            "WHERE selection = ? AND item IN (SELECT value FROM json_each(?))",
            gone,
        )
        if free:
            db.bump(con)
    return TakenBack(tuple(free), len(mine) - len(free))


def _selection(con: Database) -> int:
    """The newest selection. InputError where there is none, or another one comes in its place."""
    number = con.execute("SELECT max(id) FROM selection").fetchone()[0]
    if number is None:
        raise InputError("Nothing is chosen yet", do="Choose images on the Select page first.")
    need_none_chosen_now(con)
    return int(number)


def _with_role(con: Database, selection: int, role: str) -> set[int]:
    rows = con.execute("SELECT item FROM pick WHERE selection = ? AND role = ? AND state = 'chosen'", (selection, role))
    return {int(row["item"]) for row in rows}


def _pool(con: Database, asked: Sequence[int]) -> set[int]:
    rows = con.execute(
        f"SELECT id FROM item WHERE id IN (SELECT value FROM json_each(?)) AND {IN_POOL}", (json.dumps(asked),)
    )
    return {int(row["id"]) for row in rows}


def _kind(
    item: int,
    pool: Collection[int],
    picks: Collection[int],
    checks: Collection[int],
    mates: Collection[int],
    said: Mapping[int, State],
) -> str:
    """Why an image is left as it is, or "free"."""
    if item in said and said[item].kind == "exclude":
        return "left_out"
    if item in checks:
        return "check"
    if item in picks:
        return "chosen"
    if item in said:
        return "answered"
    if item in mates:
        return "beside_check"
    return "free" if item in pool else "unknown"


def _insert(con: Database, selection: int, ids: Sequence[int]) -> None:
    """Put picks between the others and the check images."""
    last = con.execute(
        "SELECT coalesce(max(rank), -1) FROM pick WHERE selection = ? AND role = 'pick' AND state != 'candidate'",
        (selection,),
    ).fetchone()[0]
    con.execute(
        "UPDATE pick SET rank = rank + ? WHERE selection = ? AND role = 'audit' AND state != 'candidate' AND rank > ?",
        (len(ids), selection, last),
    )
    con.conn.executemany(
        "INSERT INTO pick (selection, item, role, rank, state, source) VALUES (?, ?, 'pick', ?, 'chosen', ?) "
        "ON CONFLICT (selection, item) DO UPDATE SET was = state, was_rank = rank, rank = excluded.rank, "
        "role = 'pick', state = 'chosen', source = excluded.source",
        [(selection, item, rank, BY_HAND) for rank, item in enumerate(ids, start=int(last) + 1)],
    )
