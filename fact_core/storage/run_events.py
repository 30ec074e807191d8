"""Events of runs: what the child process has to say, read by the page from a cursor on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fact_core.events import Event, to_row
from fact_core.storage import db
from fact_core.storage.project import Project


@dataclass(frozen=True)
class EventRow:
    """One stored event; ``body`` holds the fields of the dataclass ``events.EVENT_KINDS[kind]``."""

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
    with db.connect(project.db) as con:
        # An event may be lost in a power cut. Without the wait for the disk the write lock is held for a blink, so
        # that a worker that is stopped (SIGSTOP) hardly ever keeps it from the labels.
        con.execute("PRAGMA synchronous = NORMAL")
        with db.transaction(con):
            con.table("event").insert_all([("run", "at", "kind", "body"), *rows])


def events_since(project: Project, run_id: int, cursor: int = 0, limit: int = 1000) -> tuple[list[EventRow], int]:
    """The next events of a run after the cursor (0: from the start), and the new cursor."""
    with db.connect(project.db) as con:
        found = con.table("event").rows_where("run = ? AND id > ?", [run_id, cursor], order_by="id", limit=limit)
        rows = [_event(row) for row in found]
    return rows, rows[-1].id if rows else cursor


def last_event(project: Project, run_id: int, kind: str) -> EventRow | None:
    """The newest event of one kind ("progress", "point", ...)."""
    with db.connect(project.db) as con:
        found = con.table("event").rows_where("run = ? AND kind = ?", [run_id, kind], order_by="id DESC", limit=1)
        return next((_event(row) for row in found), None)


def _event(row: Mapping[str, Any]) -> EventRow:
    return EventRow(row["id"], row["run"], row["at"], row["kind"], json.loads(row["body"]))
