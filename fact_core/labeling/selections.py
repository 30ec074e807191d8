"""Selections: which images are to be labeled, in which order, and what replaces a rejected one."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling import labels_now
from fact_core.labeling.history import State
from fact_core.storage import db, groups
from fact_core.storage.excluded import EXCLUDED
from fact_core.storage.project import Project
from fact_core.types import IntArray, Role, Selection

#: The source of a pick that the person added to the choice.
BY_HAND = "by hand"
#: In the options of a selection: the import that made it, to keep check images apart (``kept_apart``).
IMPORT_STEP = "import"
NOTHING_SAID = State("none", None, 0.0)


@dataclass(frozen=True)
class Stored:
    """A selection as it stands now: rejected images are replaced in ``selection.ids``.

    by_hand: those of them that the person added (``by_hand.add``); rejected: the picks that were, in labeling order.
    """

    id: int
    selection: Selection
    run_id: int | None
    seconds: float
    config: dict[str, Any]
    created: float
    by_hand: frozenset[int] = frozenset()
    rejected: tuple[int, ...] = ()

    @property
    def picks(self) -> IntArray:
        """The ids of the chosen images that are to be trained on, in labeling order."""
        rows = [row for row, role in enumerate(self.selection.roles) if role == "pick"]
        return self.selection.ids[np.array(rows, dtype=np.int64)]

    @property
    def mark(self) -> str:
        """Tells whether figures of these picks are of those that are chosen now."""
        return f"{zlib.crc32(np.sort(self.picks).tobytes()):08x}"


@dataclass(frozen=True)
class QueueEntry:
    """One image to be labeled: its id, its role, its 0-based place in the queue; source: "by hand", else ""."""

    item: int
    role: Role
    rank: int
    source: str = ""


#: Check images that have a label now.
_CHECKED = (
    "WITH roles AS (SELECT item, role, max(selection) FROM pick WHERE state = 'chosen' GROUP BY item) "
    "SELECT item FROM roles WHERE role = 'audit' AND 'label' = "
    "(SELECT kind FROM label WHERE label.item = roles.item ORDER BY label.id DESC LIMIT 1)"
)


def save(
    project: Project, selection: Selection, run_id: int | None, seconds: float = 0.0, *, extends: bool = False
) -> int:
    """Store a selection and return its id. ``seconds``: how long choosing took.

    What has become a check image with a label since the choice began, by an import, is not picked: it would teach.
    Where it goes on from the newest one (``extends``, or its option ``extend``), what was added by hand or kept apart
    by an import there stays known as such.
    """
    ids, candidates = [int(i) for i in selection.ids], [int(i) for i in selection.next_best]
    if len(ids) != len(selection.roles):
        raise ValueError("a selection needs one role for each image")
    picks = [(i, role, rank, "chosen") for rank, (i, role) in enumerate(zip(ids, selection.roles, strict=True))]
    chosen = set(ids)
    picks += [(i, "pick", rank, "candidate") for rank, i in enumerate(candidates) if i not in chosen]
    with db.writing(project.db, project.id) as con:
        held = {(int(row["item"]), "pick") for row in con.execute(_CHECKED)}
        own = {name: value for name, value in selection.config.items() if name != IMPORT_STEP}
        config = json.dumps({**own, "rows": newest_row(con)}, ensure_ascii=False)
        row = {"run": run_id, "strategy": selection.strategy, "config": config, "seconds": seconds}
        number = int(con.table("selection").insert({**row, "created": time.time()}).last_rowid or 0)
        columns = ("selection", "item", "role", "rank", "state")
        con.table("pick").insert_all([columns, *((number, *pick) for pick in picks if pick[:2] not in held)])
        if extends or selection.config.get("extend"):
            _keep_sources(con, number)
        db.bump(con)
        return number


def _keep_sources(con: Database, number: int) -> None:
    """Have the picks of a selection the sources that they have in the one before it."""
    con.execute(
        "UPDATE pick SET source = older.source FROM pick AS older "
        "WHERE pick.selection = ? AND pick.state = 'chosen' AND older.item = pick.item AND older.state = 'chosen' "
        "AND older.source != '' AND older.selection = (SELECT max(id) FROM selection WHERE id < pick.selection)",
        (number,),
    )


def newest_row(con: Database) -> int:
    """The newest row of the labels' history: what is said later came after this selection, whatever a clock says."""
    return int(con.execute("SELECT coalesce(max(id), 0) FROM label").fetchone()[0])


def only_checks(budget: str, check: int, extend: bool) -> bool:
    """Whether check images alone are to be added: a budget of 0 means nothing else."""
    return extend and check > 0 and budget.strip() == "0"


def earlier(project: Project) -> list[int]:
    """The images that a selection before the newest one had chosen, ascending."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT DISTINCT item FROM pick WHERE selection < (SELECT max(id) FROM selection) AND state = 'chosen' "
            "ORDER BY item"
        )
        return [int(row["item"]) for row in rows]


def latest(project: Project) -> Stored | None:
    """The newest selection, or None."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT * FROM selection ORDER BY id DESC LIMIT 1").fetchone()
        return _stored(con, row) if row else None


def of_run(project: Project, run_id: int) -> Stored | None:
    """What a run has chosen, or None; it may have been ended before it could say so."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT * FROM selection WHERE run = ? ORDER BY id LIMIT 1", (run_id,)).fetchone()
        return _stored(con, row) if row else None


def get(project: Project, selection_id: int) -> Stored:
    """The selection of that id. InputError when there is none."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT * FROM selection WHERE id = ?", (selection_id,)).fetchone()
        if row is None:
            raise InputError("There is no such selection", str(selection_id), "Reload the page.")
        return _stored(con, row)


def queue(project: Project) -> list[QueueEntry]:
    """The newest selection in labeling order, without images that cannot be read any more or are left out."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT pick.item, pick.role, pick.rank, pick.source FROM pick "
            "JOIN item ON item.id = pick.item AND item.status = 'ok' "
            f"WHERE selection = (SELECT max(id) FROM selection) AND state = 'chosen' AND item.id NOT IN ({EXCLUDED}) "
            "ORDER BY rank"
        )
        return [QueueEntry(row["item"], row["role"], row["rank"], row["source"]) for row in rows]


def reject(project: Project, selection_id: int, item_id: int) -> int | None:
    """Take an image out of a selection; the next best takes its place. Its id, or None when there is none left.

    A rejected check image is replaced by one drawn at random, so that check images stay a fair draw.
    InputError when the image is not in the selection, and for a check image with a label: who drops those that are
    known chooses the figure, and the label would teach.
    """
    with db.writing(project.db, project.id) as con:
        need_none_chosen_now(con)
        row = con.execute(
            "SELECT role, rank FROM pick WHERE selection = ? AND item = ? AND state = 'chosen'", (selection_id, item_id)
        ).fetchone()
        if row is None:
            raise InputError("This image is not in the selection", str(item_id), "Reload the page.")
        if row["role"] == "audit" and labels_now.states_in(con).get(item_id, NOTHING_SAID).kind == "label":
            raise InputError("This check image has a label", str(item_id), "Leave it out of the pool instead.")
        con.execute("UPDATE pick SET state = 'rejected' WHERE selection = ? AND item = ?", (selection_id, item_id))
        find = _draw if row["role"] == "audit" else _next_best
        other = find(con, selection_id, item_id)
        if other is not None:
            con.execute(
                "INSERT INTO pick (selection, item, role, rank, state, replaces) VALUES (?, ?, ?, ?, 'chosen', ?) "
                "ON CONFLICT (selection, item) DO UPDATE SET was = state, was_rank = rank, role = excluded.role, "
                "rank = excluded.rank, state = 'chosen', replaces = excluded.replaces",
                (selection_id, other, row["role"], row["rank"], item_id),
            )
        db.bump(con)
        return other


def need_none_chosen_now(con: Database) -> None:
    """InputError while images are being chosen: the new selection would know nothing of what is changed in this one."""
    if con.execute("SELECT 1 FROM run WHERE kind = 'select' AND status IN ('queued', 'running')").fetchone():
        raise InputError("Images are being chosen right now", do="Wait until that is done, or stop it.")


def take_back_rejection(project: Project, selection_id: int, item_id: int) -> None:
    """Undo ``reject``: the image is chosen again, and the one that took its place waits as before.

    InputError when it was not rejected, or when the other one has an answer, or was rejected too.
    """
    with db.writing(project.db, project.id) as con:
        need_none_chosen_now(con)
        mine = (selection_id, item_id)
        find = "SELECT 1 FROM pick WHERE selection = ? AND item = ? AND state = 'rejected'"
        if con.execute(find, mine).fetchone() is None:
            raise InputError("This image was not rejected", str(item_id), "Reload the page.")
        row = con.execute("SELECT item, state, was FROM pick WHERE selection = ? AND replaces = ?", mine).fetchone()
        if row is not None and (row["state"] != "chosen" or int(row["item"]) in labels_now.states_in(con)):
            raise InputError("The image that took its place has an answer by now", do="Add this one to the choice.")
        if row is not None and row["was"]:
            con.execute(
                "UPDATE pick SET state = was, rank = was_rank, was = '', was_rank = 0, replaces = NULL "
                "WHERE selection = ? AND item = ?",
                (selection_id, row["item"]),
            )
        elif row is not None:
            con.execute("DELETE FROM pick WHERE selection = ? AND item = ?", (selection_id, row["item"]))
        con.execute("UPDATE pick SET state = 'chosen' WHERE selection = ? AND item = ?", mine)
        db.bump(con)


def spoken_for(project: Project) -> IntArray:
    """The ids of all images that self-training may not name, ascending.

    Check images, which nothing may be learned from, also those without a label yet; and images that a person has
    labeled, skipped, marked or rejected. Images that belong together with a check image count as such.
    """
    with db.connect(project.db) as con:
        rows = con.execute("SELECT item FROM pick WHERE state = 'rejected' OR (state = 'chosen' AND role = 'audit')")
        items = {int(row["item"]) for row in rows}
        checks = con.execute("SELECT item FROM pick WHERE state = 'chosen' AND role = 'audit'")
        items |= groups.mates(con, {int(row["item"]) for row in checks})
    return np.array(sorted(items | set(labels_now.states(project))), dtype=np.int64)


def rejected(project: Project) -> IntArray:
    """The ids of all images that a person has rejected in some selection, ascending."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT DISTINCT item FROM pick WHERE state = 'rejected' ORDER BY item").fetchall()
        return np.array([row["item"] for row in rows], dtype=np.int64)


def rejected_picks(project: Project) -> list[int]:
    """The ids of the picks that a person has rejected, those of the newest selection first, each in labeling order.

    No later selection picks them (``rejected``), so that those of earlier rounds are told as well.
    """
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT item FROM (SELECT item, selection, rank, row_number() OVER (PARTITION BY item ORDER BY selection "
            "DESC) AS place FROM pick WHERE state = 'rejected' AND role = 'pick') WHERE place = 1 "
            "ORDER BY selection DESC, rank"
        )
        return [int(row["item"]) for row in rows]


#: Images that may be offered: readable, no repeats, without a label now.
_FREE = (
    "SELECT item.id FROM item WHERE status = 'ok' AND duplicate_of IS NULL AND coalesce("
    "(SELECT kind FROM label WHERE label.item = item.id ORDER BY label.id DESC LIMIT 1), 'none') = 'none'"
)


def _next_best(con: Database, selection_id: int, item_id: int) -> int | None:
    row = con.execute(
        f"SELECT item FROM pick WHERE selection = ? AND state = 'candidate' AND item IN ({_FREE}) "
        "ORDER BY rank LIMIT 1",
        (selection_id,),
    ).fetchone()
    return int(row["item"]) if row else None


def _draw(con: Database, selection_id: int, item_id: int) -> int | None:
    rows = con.execute(
        f"{_FREE} AND id NOT IN (SELECT item FROM pick WHERE selection = ? AND state != 'candidate') ORDER BY id",
        (selection_id,),
    ).fetchall()
    picks = con.execute(
        "SELECT item FROM pick WHERE selection = ? AND state = 'chosen' AND role = 'pick'", (selection_id,)
    )
    theirs = groups.mates(con, {int(row["item"]) for row in picks})
    rows = [row for row in rows if row["id"] not in theirs]
    if not rows:
        return None
    # Seeded by what is replaced: the same rejection draws the same image.
    return int(rows[np.random.default_rng([selection_id, item_id]).integers(len(rows))]["id"])


def _stored(con: Database, row: sqlite3.Row) -> Stored:
    picks = con.execute("SELECT * FROM pick WHERE selection = ? ORDER BY rank", (row["id"],)).fetchall()
    chosen = [pick for pick in picks if pick["state"] == "chosen"]
    config = {name: value for name, value in json.loads(row["config"]).items() if name != "rows"}
    selection = Selection(
        np.array([pick["item"] for pick in chosen], dtype=np.int64),
        tuple(pick["role"] for pick in chosen),
        np.array([pick["item"] for pick in picks if pick["state"] == "candidate"], dtype=np.int64),
        row["strategy"],
        config,
    )
    own = frozenset(int(pick["item"]) for pick in chosen if pick["source"] == BY_HAND)
    out = tuple(int(pick["item"]) for pick in picks if pick["state"] == "rejected" and pick["role"] == "pick")
    return Stored(row["id"], selection, row["run"], row["seconds"], config, row["created"], own, out)
