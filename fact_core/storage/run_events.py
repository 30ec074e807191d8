"""Events of runs: what the child process has to say, read by the page from a cursor on."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fact_core.events import Event, to_row
from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class EventRow:
    """One stored event; ``body`` holds the fields of the dataclass ``events.KINDS[kind]``."""

    id: int
    run: int
    at: float
    kind: str
    body: dict[str, Any]


def append_events(project: Project, run_id: int, events: Sequence[Event]) -> None:
    """Store events in one transaction."""
    if not events:
        return
    now = time.time()
    rows = [(run_id, now, *to_row(event)) for event in events]
    with db.connect(project.db) as con, db.transaction(con):
        con.conn.executemany("INSERT INTO event (run, at, kind, body) VALUES (?, ?, ?, ?)", rows)


def events_since(project: Project, run_id: int, cursor: int = 0, limit: int = 1000) -> tuple[list[EventRow], int]:
    """The next events of a run after the cursor (0: from the start), and the new cursor."""
    with db.connect(project.db) as con:
        found = con.execute(
            "SELECT * FROM event WHERE run = ? AND id > ? ORDER BY id LIMIT ?", (run_id, cursor, limit)
        ).fetchall()
    rows = [_event(row) for row in found]
    return rows, rows[-1].id if rows else cursor


def last_event(project: Project, run_id: int, kind: str) -> EventRow | None:
    """The newest event of one kind ("progress", "point", ...)."""
    with db.connect(project.db) as con:
        row = con.execute(
            "SELECT * FROM event WHERE run = ? AND kind = ? ORDER BY id DESC LIMIT 1", (run_id, kind)
        ).fetchone()
        return _event(row) if row else None


def _event(row: sqlite3.Row) -> EventRow:
    return EventRow(row["id"], row["run"], row["at"], row["kind"], json.loads(row["body"]))
