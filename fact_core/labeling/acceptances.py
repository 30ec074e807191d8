"""Answers of a model that a person accepted as labels, in steps that can be undone and done again.

They are no labels of a person: nothing is trained on them and no selection counts them. A label, a skip or a mark
outweighs them. The newest step that is not undone counts and no other: a later one, of another model or goal, takes its
place, for its promise is about all that is accepted by it. A new training changes nothing: what is accepted stays, by
the older model, until it is accepted anew or undone.

A look is a question to the check images, which costs a share of the error (``analysis.promise.level``), so it is kept.
The same question to the same answers costs nothing more: ``find_look``.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.labeling import checked
from fact_core.labeling.brought_back import merged
from fact_core.labeling.history import LARGEST, is_person
from fact_core.labeling.labels_now import states
from fact_core.storage import db, run_queue
from fact_core.storage.project import Project
from fact_core.storage.sql_views import BECAME
from fact_core.types import Evidence, IntArray

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OwnGoal:
    """What the check images said of a class (its number) that has a goal of its own; the rest as in ``Look``."""

    class_id: int
    goal: float
    threshold: float | None
    checks: int
    wrong: int


@dataclass(frozen=True)
class Look:
    """What the check images said. threshold: accept answers at least as sure; None: none may be accepted.

    own: the classes with goals of their own; threshold, checks and wrong are of all others then.
    """

    id: int
    run: int
    goal: float
    alpha: float
    basis: str
    threshold: float | None
    accepted: int
    checks: int
    wrong: int
    at: float
    own: tuple[OwnGoal, ...] = ()

    @property
    def goals(self) -> dict[int, float]:
        """Class -> its own goal."""
        return {each.class_id: each.goal for each in self.own}

    def takes(self, evidence: Evidence) -> Bools:
        """Which of the open images (N,) are sure enough."""
        of = {each.class_id: each.threshold for each in self.own}
        limits = [of.get(each, self.threshold) for each in evidence.class_ids]
        least = np.array([np.inf if each is None else each for each in limits], dtype=np.float32)
        found: Bools = evidence.confidence >= least[evidence.y]
        return found


@dataclass(frozen=True)
class Acceptance:
    """A step of so many images. undone: when, None while it stands."""

    id: int
    look: Look
    images: int
    at: float
    undone: float | None


@dataclass(frozen=True)
class Accepted:
    """An image whose answer is taken for its label."""

    class_id: int
    name: str
    confidence: float


def looks(project: Project) -> list[Look]:
    """All looks, the first one first."""
    with db.connect(project.db) as con:
        now = merged(con)
        return [_look(row, now) for row in con.execute("SELECT * FROM look ORDER BY id")]


def find_look(
    project: Project, run: int, goal: float, basis: str, own: Mapping[int, float] | None = None
) -> Look | None:
    """The look at these answers to the same check images for the same goals, where there was one."""
    same = (each for each in looks(project) if (each.run, each.basis, each.goals) == (run, basis, own or {}))
    return next((each for each in same if abs(each.goal - goal) < 1e-6), None)


def note_look(
    project: Project,
    run: int,
    goal: float,
    alpha: float,
    basis: str,
    *,
    threshold: float | None,
    accepted: int,
    checks: int,
    wrong: int,
    own: Sequence[OwnGoal] = (),
) -> Look:
    """Keep a look. InputError where another window has looked at the same moment, whose share this one had taken."""
    with db.writing(project.db, project.id) as con:
        taken = con.execute("SELECT min(alpha) AS least FROM look").fetchone()["least"]
        if taken is not None and taken <= alpha:
            raise InputError("Another window has looked at this moment", do="Look again.")
        look = Look(0, run, goal, alpha, basis, threshold, accepted, checks, wrong, time.time(), tuple(own))
        row = {name: value for name, value in vars(look).items() if name != "id"}
        row["own"] = json.dumps([vars(each) for each in own])
        number = int(con.table("look").insert(row).last_rowid or 0)
        db.bump(con)
        return replace(look, id=number)


def accept(project: Project, look: Look, evidence: Evidence, annotator: str = "") -> int:
    """Take the answers that are sure enough for labels, as one step. Returns its number.

    The same look to the same images again is the step that stands. InputError where the look lets nothing through.
    """
    if look.threshold is None and not any(each.threshold is not None for each in look.own):
        raise InputError("No answer may be accepted for this goal", f"{look.goal:.1%}", "Choose a lower goal.")
    if not is_person(annotator):
        raise InputError("The name of the person cannot be used")
    with db.shared(project.db), db.writing(project.db, project.id) as con:
        # A scan may have come between the evidence and now: what it has seen change is answered no more.
        found = checked.answers(project, run_queue.get(project, look.run))
        rows = np.flatnonzero(look.takes(evidence) & (True if found is None else np.isin(evidence.ids, found.ids)))
        taken = evidence.ids[rows].tolist()
        numbers = np.array(evidence.class_ids, dtype=np.int64)[evidence.y[rows]].tolist()
        stands = _standing(con)
        if stands is not None and stands.look.id == look.id and _items(con, stands.id) >= set(taken):
            return stands.id
        step = int(con.table("acceptance").insert(
            {"look": look.id, "at": time.time(), "annotator": annotator, "undone": None}
        ).last_rowid or 0)  # fmt: skip
        con.conn.executemany(
            "INSERT INTO accepted (acceptance, item, class, confidence) VALUES (?, ?, ?, ?)",
            zip([step] * len(taken), taken, numbers, evidence.confidence[rows].tolist(), strict=True),
        )
        db.bump(con)
        return step


def steps(project: Project) -> tuple[Acceptance | None, Acceptance | None]:
    """(the step that stands and can be undone, the one that can be done again)."""
    with db.connect(project.db) as con:
        return _standing(con), _undone(con)


def undo(project: Project, step: int) -> bool:
    """Take back the step that stands; the one before it stands then. False where it is not the one that stands."""
    return _turn(project, step, _standing, time.time())


def redo(project: Project, step: int) -> bool:
    """Do the step again that was undone last. False where it is not that one."""
    return _turn(project, step, _undone, None)


def now(project: Project) -> dict[int, Accepted]:
    """Image -> the answer that is taken for its label: nothing said of it by a person, its class is still there.

    Of a class that was merged into another one it is that one.
    """
    with db.connect(project.db) as con:
        asked = f"{BECAME} SELECT accepted.item, class.now, class.name, accepted.confidence {_NOW}"
        rows = con.conn.execute(asked).fetchall()
    said = states(project)
    return {item: Accepted(*row) for item, *row in rows if item not in said}


def ids_now(project: Project) -> IntArray:
    """The images of ``now``, ascending."""
    with db.connect(project.db) as con:
        found = np.array([row[0] for row in con.conn.execute(f"{BECAME} SELECT accepted.item {_NOW}")], dtype=np.int64)
    return found[~np.isin(found, list(states(project)))]


def _turn(project: Project, step: int, which: Callable[[Database], Acceptance | None], undone: float | None) -> bool:
    if not 0 < step < LARGEST:
        raise InputError("There is no such step", str(step)[:80], "Reload the page.")
    with db.writing(project.db, project.id) as con:
        found = which(con)
        if found is None or found.id != step:
            return False
        con.execute("UPDATE acceptance SET undone = ? WHERE id = ?", (undone, step))
        db.bump(con)
        return True


_NOW = (
    "FROM accepted JOIN became AS class ON class.id = accepted.class "
    "JOIN item ON item.id = accepted.item AND item.status = 'ok' AND item.duplicate_of IS NULL "
    "AND item.was IN ('', item.digest) "  # a scan that was cut short has yet to say whose bytes lie there
    "WHERE acceptance = (SELECT max(id) FROM acceptance WHERE undone IS NULL) ORDER BY accepted.item"
)
_STEP = (
    "SELECT acceptance.id AS step, acceptance.at AS stepped, acceptance.undone, look.*, "
    "(SELECT count(*) FROM accepted WHERE accepted.acceptance = acceptance.id) AS images "
    "FROM acceptance JOIN look ON look.id = acceptance.look "
)


def _standing(con: Database) -> Acceptance | None:
    row = con.execute(_STEP + "WHERE undone IS NULL ORDER BY acceptance.id DESC LIMIT 1").fetchone()
    return _acceptance(row, merged(con)) if row else None


def _undone(con: Database) -> Acceptance | None:
    """The one undone last is the oldest of those after the step that stands: they were undone from the newest on."""
    row = con.execute(
        _STEP + "WHERE acceptance.id > (SELECT coalesce(max(id), 0) FROM acceptance WHERE undone IS NULL) "
        "ORDER BY acceptance.id LIMIT 1"
    ).fetchone()
    return _acceptance(row, merged(con)) if row else None


def _items(con: Database, step: int) -> set[int]:
    return {row["item"] for row in con.execute("SELECT item FROM accepted WHERE acceptance = ?", (step,))}


def _acceptance(row: sqlite3.Row, now: Mapping[int, int]) -> Acceptance:
    return Acceptance(row["step"], _look(row, now), row["images"], row["stepped"], row["undone"])


def _look(row: sqlite3.Row, now: Mapping[int, int]) -> Look:
    """now: ``history.merged``. The goal of a class that became another one is that one's: the answers are, too."""
    own = (OwnGoal(**each) for each in json.loads(row["own"]))
    told = {each.name: row[each.name] for each in fields(Look)}
    return Look(**{**told, "own": tuple(replace(each, class_id=now.get(each.class_id, each.class_id)) for each in own)})
