"""Reading labels: what holds for each image now, and the rows of the history that it came from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlite_utils import Database

from fact_core.labeling.history import NOW, OpKind, State, states_of
from fact_core.storage import db
from fact_core.storage.excluded import USABLE
from fact_core.storage.project import Project
from fact_core.storage.sql_views import BECAME
from fact_core.types import Labels, Role

#: Behind the name of a class that is gone, where another one has its name.
GONE = " (deleted)"


@dataclass(frozen=True)
class HistoryRow:
    """One row of the history, with the state of the image after it. target: the row that it undoes or does again."""

    id: int
    item: int | None
    op: OpKind
    kind: Literal["label", "skip", "exclude", "none"]
    class_id: int | None
    flagged: bool
    at: float
    client: str
    seq: int
    lead_time: float | None
    source: str
    annotator: str
    batch: int | None
    target: int | None


def changes(project: Project, since: int) -> tuple[int, dict[int, State]]:
    """(the newest row, the states now of all images that rows after ``since`` are about)."""
    with db.connect(project.db) as con:
        newest = int(con.execute("SELECT coalesce(max(id), 0) FROM label").fetchone()[0])
        rows = con.execute("SELECT DISTINCT item FROM label WHERE id > ? AND item IS NOT NULL", (since,))
        items = {int(row["item"]) for row in rows}
        return newest, without_classes(states_of(con, items), _deleted(con)) if items else {}


def states(project: Project) -> dict[int, State]:
    """The state of every image that has a label, a skip or a mark now, or is left out."""
    with db.connect(project.db) as con:
        return states_in(con)


def states_in(con: Database) -> dict[int, State]:
    """The same within a transaction."""
    found = without_classes(states_of(con), _deleted(con))
    return {item: state for item, state in found.items() if state.kind != "none" or state.flagged}


def any_answer(project: Project) -> bool:
    """Whether anybody has ever answered anything here: told at once, however many labels there are."""
    with db.connect(project.db) as con:
        return con.execute("SELECT 1 FROM label LIMIT 1").fetchone() is not None


def names_now(project: Project, ids: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    """The names that classes have now, twice where one was merged into another; without ids all keep their old one.

    A class that is gone keeps its old name, too, with a word where another one of them is called so: only classes that
    were made one have one name.
    """
    now = {each: name for each, (_, name) in became(project).items()} if ids else {}
    pairs = list(zip(ids or (0,) * len(names), map(str, names), strict=True))
    taken, found = {now[each] for each, _ in pairs if each in now}, list[str]()
    for each, old in pairs:
        name = now.get(each, old)
        while each not in now and name in taken:
            name += GONE
        taken.add(name)
        found.append(name)
    return tuple(found)


def became(project: Project) -> dict[int, tuple[int, str]]:
    """Class -> the one that it is now, and its name: itself, or what it was merged into; not of deleted ones."""
    with db.connect(project.db) as con:
        rows = con.execute(f"{BECAME} SELECT id, now, name FROM became").fetchall()
        return {row["id"]: (row["now"], row["name"]) for row in rows}


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
            f"JOIN item ON item.id = now.item AND {USABLE} "
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
                row["target"],
            )
            for row in rows
        ]  # fmt: skip


def givers(project: Project) -> dict[int, HistoryRow]:
    """Image -> the row that gave it what it has now: who did so is not who has taken something else back since.

    Of a redo the row that it does again; of an undo the one before what it takes back, itself where there is none; of a
    mark on what is labeled the one before it. The view ``labels_now`` says the same (``sql_views.GIVEN``).
    """
    given: dict[int, HistoryRow] = {}  # row -> the one that gave what the image has after it
    of_item: dict[int, list[int]] = {}
    for row in history(project):
        if row.item is None:
            continue
        rows, own = of_item.setdefault(row.item, []), row
        if row.target is not None and row.op == "redo":
            own = given[row.target]
        elif row.target is not None:
            before = bisect_left(rows, row.target)
            own = given[rows[before - 1]] if before else row
        elif row.op == "flag" and row.kind != "none":
            own = given[rows[-1]]
        given[row.id] = own
        rows.append(row.id)
    return {item: given[rows[-1]] for item, rows in of_item.items()}


def without_classes(found: dict[int, State], gone: set[int]) -> dict[int, State]:
    """The states as if nothing had a label of these classes: labels of what was taken away do not count."""
    if not gone:
        return found
    return {
        item: State("none", None, state.at, state.flagged) if state.class_id in gone else state
        for item, state in found.items()
    }


def _deleted(con: Database) -> set[int]:
    return {row["id"] for row in con.execute("SELECT id FROM class WHERE deleted")}
