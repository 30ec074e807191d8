"""Check images that nobody has drawn: those that an import calls val or test, or keeps of what it labels.

They measure the result and teach nothing, as all check images do. But they are no random part of what is open, which a
promise rests on (``analysis.promise``), so it passes over them (``finishing``).

They are check images as long as the labels that the import gave them stand: undone, they are what they were before,
done again, they are kept apart again. What was chosen, rejected or added meanwhile stays as it is.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Sequence

from sqlite_utils import Database

from fact_core.labeling import selections
from fact_core.labeling.undone import UNDONE
from fact_core.storage import db
from fact_core.storage.project import Project

#: The source of such a pick.
IMPORT = "import"
#: The step of the command line, which no undo takes back.
COMMAND = "keep-test"
#: Columns that a selection's copy takes over.
_PICK = "item, role, rank, state, replaces, source, was, was_rank"

# An import gives each image one label, whose row has the step for its client.
_TURNED = (
    f"SELECT kept.item, kept.stands, {UNDONE.format(row='given')} AS undone FROM kept_apart AS kept "
    "JOIN label AS given ON given.client = kept.step AND given.item = kept.item AND given.op = 'label' "
    "WHERE kept.step = ? ORDER BY kept.item"
)


def keep_apart(con: Database, items: Sequence[int], step: str) -> None:
    """Make images check images, within a transaction: a new selection that goes on from the newest one.

    step: the client of the import that gave them their labels. What was drawn as one before stays a drawn one.
    """
    drawn = set() if not items else _checks(con)
    fresh = [item for item in items if item not in drawn]
    con.conn.executemany(
        "INSERT INTO kept_apart (step, item, stands) VALUES (?, ?, 1)", [(step, item) for item in fresh]
    )
    if fresh:
        _hold(con, fresh, step)


def name(project: Project, items: Sequence[int]) -> None:
    """Say of check images of the newest selection that nobody has drawn them: the command line's ``--keep-test``."""
    with db.writing(project.db, project.id) as con:
        con.conn.executemany(
            "INSERT OR REPLACE INTO kept_apart (step, item, stands) VALUES (?, ?, 1)",
            [(COMMAND, item) for item in items],
        )
        con.execute(
            "UPDATE pick SET source = ? WHERE selection = (SELECT max(id) FROM selection) AND role = 'audit' "
            "AND state = 'chosen' AND item IN (SELECT value FROM json_each(?))",
            (IMPORT, json.dumps(list(items))),
        )
        db.bump(con)


def follow(con: Database, steps: Collection[str]) -> None:
    """Have check images follow the labels of these imports, within a transaction, once some were undone or redone."""
    for step in steps:
        rows = con.execute(_TURNED, (step,)).fetchall()
        _release(con, [row["item"] for row in rows if row["stands"] and row["undone"]], step)
        if again := [row["item"] for row in rows if not row["stands"] and not row["undone"]]:
            _settle(con, again, step, stands=True)
            _hold(con, again, step)


def not_drawn(con: Database) -> set[int]:
    """The images that are check images by an import."""
    return {int(row["item"]) for row in con.execute("SELECT item FROM kept_apart WHERE stands")}


def drawn(con: Database) -> tuple[set[int], set[int]]:
    """(the images that were drawn as check images, those of them that the person has rejected)."""
    rows = con.execute(
        "SELECT item, role, source, max(selection) FROM pick WHERE state = 'chosen' GROUP BY item"
    ).fetchall()
    now = {int(row["item"]) for row in rows if row["role"] == "audit" and row["source"] != IMPORT}
    out = con.execute("SELECT DISTINCT item FROM pick WHERE state = 'rejected' AND role = 'audit' AND source = ''")
    return now, {int(row["item"]) for row in out} - {int(row["item"]) for row in rows}


def drawn_now(project: Project) -> set[int]:
    """The images that were drawn as check images and are some now, with a label or without."""
    with db.connect(project.db) as con:
        return drawn(con)[0]


def _checks(con: Database) -> set[int]:
    rows = con.execute(
        "SELECT item FROM pick WHERE selection = (SELECT max(id) FROM selection) AND role = 'audit' "
        "AND state = 'chosen' AND source != ?",
        (IMPORT,),
    )
    return {int(row["item"]) for row in rows}


def _hold(con: Database, items: Sequence[int], step: str) -> None:
    """Add check images to a copy of the newest selection."""
    latest = _latest(con)
    config = {**(json.loads(latest["config"]) if latest else {"budget": 0, "check": 0}), selections.IMPORT_STEP: step}
    config |= {"check": int(config.get("check") or 0) + len(items), "rows": selections.newest_row(con)}
    row = {"run": latest["run"] if latest else None, "strategy": latest["strategy"] if latest else "random"}
    row |= {"config": json.dumps(config, ensure_ascii=False), "seconds": latest["seconds"] if latest else 0.0}
    number = int(con.table("selection").insert({**row, "created": time.time()}).last_rowid or 0)
    if latest:
        copied = f"INSERT INTO pick (selection, {_PICK}) SELECT ?, {_PICK} FROM pick WHERE selection = ?"
        con.execute(copied, (number, latest["id"]))
    last = con.execute("SELECT coalesce(max(rank), -1) FROM pick WHERE selection = ?", (number,)).fetchone()[0]
    con.conn.executemany(
        "INSERT INTO pick (selection, item, role, rank, state, source) VALUES (?, ?, 'audit', ?, 'chosen', ?) "
        "ON CONFLICT (selection, item) DO UPDATE SET was = CASE WHEN source = '' THEN state ELSE was END, "
        "was_rank = CASE WHEN source = '' THEN rank ELSE was_rank END, "
        "role = 'audit', state = 'chosen', rank = excluded.rank, source = excluded.source",
        [(number, item, rank, IMPORT) for rank, item in enumerate(items, start=last + 1)],
    )
    db.bump(con)


def _release(con: Database, items: Sequence[int], step: str) -> None:
    """End that images are check images by an import, in all selections; those are what they were before."""
    if not items:
        return
    told = (IMPORT, json.dumps(list(items)))
    mine = "state = 'chosen' AND source = ? AND item IN (SELECT value FROM json_each(?))"
    newest = "selection = (SELECT max(id) FROM selection)"
    left = con.execute(f"SELECT count(*) FROM pick WHERE {newest} AND {mine}", told).fetchone()[0]
    con.execute(f"DELETE FROM pick WHERE was = '' AND {mine}", told)
    con.execute(
        "UPDATE pick SET role = 'pick', state = was, rank = was_rank, source = '', was = '', was_rank = 0 "
        f"WHERE {mine}",
        told,
    )
    con.execute(
        "UPDATE selection SET config = json_set(config, '$.check', max(0, json_extract(config, '$.check') - ?)) "
        "WHERE id = (SELECT max(id) FROM selection)",
        (left,),
    )
    _settle(con, items, step, stands=False)
    _drop_copy(con, step)
    db.bump(con)


def _settle(con: Database, items: Sequence[int], step: str, *, stands: bool) -> None:
    con.execute(
        "UPDATE kept_apart SET stands = ? WHERE step = ? AND item IN (SELECT value FROM json_each(?))",
        (stands, step, json.dumps(list(items))),
    )


def _drop_copy(con: Database, step: str) -> None:
    """Delete the selection that an import made where nothing in it differs from the one before."""
    latest = _latest(con)
    if latest is None or json.loads(latest["config"]).get(selections.IMPORT_STEP) != step:
        return
    before = con.execute("SELECT coalesce(max(id), 0) FROM selection WHERE id < ?", (latest["id"],)).fetchone()[0]
    asked = f"SELECT {_PICK} FROM pick WHERE selection = ? ORDER BY item"
    now, then = ([tuple(row) for row in con.execute(asked, (each,))] for each in (latest["id"], before))
    if now == then:
        con.execute("DELETE FROM pick WHERE selection = ?", (latest["id"],))
        con.execute("DELETE FROM selection WHERE id = ?", (latest["id"],))


def _latest(con: Database) -> sqlite3.Row | None:
    found: sqlite3.Row | None = con.execute("SELECT * FROM selection ORDER BY id DESC LIMIT 1").fetchone()
    return found
