"""The queue of runs: with their events, the only wire between the page and the child process that works.

A run is queued, claimed by the one worker that the project has (``worker_lock``), and ends as done, stopped or failed.
A run may wait for others (``park``); it then lies in the queue again until they are done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlite_utils import Database

from fact_core.errors import RunError
from fact_core.storage import db, set_clock
from fact_core.storage.project import Project
from fact_core.storage.run_process import fail_lost_in

Status = Literal["queued", "running", "done", "stopped", "failed"]


#: What a training calls its decision about images that it learns from without a label.
POOL_DECISIONS = ("st.images", "lm.images")


@dataclass(frozen=True)
class Run:
    """One row of the queue. Times in seconds since 1970, for people to read: no decision rests on them.

    ``result`` is what the kind of run gives. ``heartbeat`` was written by earlier versions. name, note: a person's
    words; deleted: when a person deleted it, see ``run_delete``.
    """

    id: int
    kind: str
    config: dict[str, Any]
    versions: dict[str, Any]
    seed: int
    device: str
    status: Status
    claimed_by: str
    heartbeat: float | None
    stop_requested: bool
    created: float
    started: float | None
    ended: float | None
    reason: str
    result: dict[str, Any]
    parent: int | None
    waits_for: tuple[int, ...]
    name: str = ""
    note: str = ""
    deleted: float | None = None

    @property
    def open(self) -> bool:
        """Queued or running."""
        return self.status in ("queued", "running")

    @property
    def took(self) -> float | None:
        """Seconds from its start to its end, pauses included; None before that.

        Never less than it has worked: a clock may have been set back meanwhile.
        """
        if self.started is None or self.ended is None:
            return None
        done = (self.result.get("phases") or ()) if self.kind == "train" else ()  # of predictions they are names alone
        phases = sum(float(each.get("seconds") or 0) for each in done)
        worked = self.result.get("seconds")
        return max(self.ended - self.started, phases, float(worked) if isinstance(worked, int | float) else 0.0)

    @property
    def self_taught(self) -> int:
        """How many images of the pool a training run has learned from without a label, in its last round."""
        named = [each["value"] for each in self.result.get("decisions") or () if each["name"] in POOL_DECISIONS]
        return int(named[-1]) if named else 0


def queue(project: Project, kind: str, config: Mapping[str, Any], parent: int | None = None) -> int:
    """Put a run into the queue and return its id. It starts after ``parent``, unless that waits for it."""
    with db.writing(project.db, project.id) as con:
        number = _queue(con, kind, config, parent)
        db.bump(con)
        return number


def get(project: Project, run_id: int) -> Run:
    """The run of that id. RunError when there is none."""
    with db.connect(project.db) as con:
        return _get(con, run_id)


def list_runs(project: Project, kind: str | None = None) -> list[Run]:
    """All runs (of one kind) that are not deleted, newest first."""
    wanted = "deleted IS NULL AND (? IS NULL OR kind = ?)"
    with db.connect(project.db) as con:
        return [_run(row) for row in con.table("run").rows_where(wanted, [kind, kind], "id DESC")]


def places(project: Project, kind: str) -> dict[int, int]:
    """Id -> 1, 2, 3, ...: the places of all runs of a kind, the oldest first. One that was deleted keeps its own."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT id FROM run WHERE kind = ? ORDER BY id", (kind,))
        return {int(row["id"]): number for number, row in enumerate(rows, 1)}


def place(project: Project, run: Run) -> int:
    """1, 2, 3, ...: the place of a run among those of its kind, the oldest first."""
    with db.connect(project.db) as con:
        return int(con.table("run").count_where("kind = ? AND id <= ?", [run.kind, run.id]))


def active(project: Project) -> Run | None:
    """The run that works now, else the one that is next in the queue."""
    with db.connect(project.db) as con:
        row = con.execute(
            "SELECT * FROM run WHERE status IN ('running', 'queued') ORDER BY status = 'queued', id LIMIT 1"
        ).fetchone()
        return _run(row) if row else None


def claim(project: Project, worker: str) -> Run | None:
    """Take the oldest queued run that waits for nothing, or None. One run works at a time.

    ``worker``: the name under which the caller holds the project's ``worker_lock``. Lost runs become failed first;
    what waited for a failed or stopped run ends like it. ProjectChanged where another project lies there by now.
    """
    with db.connect(project.db) as con:
        # Looked at first: a worker that waits for work takes no lock, so that none is held while it is stopped.
        return _claim(con, project, worker) if _any_open(con) else None


def last_claim(project: Project) -> str:
    """The name of the worker that claimed a run last; empty where none has."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT value FROM meta WHERE key = 'last_claim'").fetchone()
        return str(row["value"]) if row else ""


def _any_open(con: Database) -> bool:
    return con.execute("SELECT 1 FROM run WHERE status IN ('queued', 'running') LIMIT 1").fetchone() is not None


def _claim(con: Database, project: Project, worker: str) -> Run | None:
    with db.transaction(con):
        db.check_same(con, project.id, project.db)  # a worker that outlived its project's folder may find a new one
        fail_lost_in(con, project)
        set_clock.follow(con, worker)
        if con.execute("SELECT 1 FROM run WHERE status = 'running'").fetchone():
            return None
        run = next((each for each in _queued(con) if _ready(con, each)), None)
        if run is None:
            return None
        con.execute(
            "UPDATE run SET status = 'running', claimed_by = ?, started = coalesce(started, ?), waits_for = '[]' "
            "WHERE id = ?",
            (worker, time.time(), run.id),
        )
        con.table("meta").upsert({"key": "last_claim", "value": worker}, pk="key")
        db.bump(con)
        return _get(con, run.id)


def note(project: Project, run_id: int, *, device: str = "", versions: Mapping[str, str] | None = None) -> None:
    """Record where and with what a run works."""
    with db.writing(project.db, project.id) as con:
        con.execute(
            "UPDATE run SET device = CASE WHEN ? = '' THEN device ELSE ? END, "
            "versions = CASE WHEN ? = '{}' THEN versions ELSE ? END WHERE id = ?",
            (device, device, _json(versions or {}), _json(versions or {}), run_id),
        )
        db.bump(con)


def finish(
    project: Project,
    run_id: int,
    status: Status,
    reason: str = "",
    result: Mapping[str, Any] | None = None,
    worker: str | None = None,
    then: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> bool:
    """End a run, and queue what follows. False, and nothing is changed, when it had ended or is another worker's."""
    if status not in ("done", "stopped", "failed"):
        raise ValueError(f"a run cannot end as {status!r}")
    with db.writing(project.db, project.id) as con:
        if worker is not None:
            set_clock.follow(con, worker)
        changed = con.execute(
            "UPDATE run SET status = ?, reason = ?, result = ?, ended = ?, stop_requested = 0 "
            "WHERE id = ? AND status IN ('queued', 'running') AND (? IS NULL OR claimed_by = ?)",
            (status, reason, _json(result or {}), time.time(), run_id, worker, worker),
        ).rowcount
        for kind, config in then if changed else ():
            _queue(con, kind, config, None)
        db.bump(con)
        return changed == 1


def request_stop(project: Project, run_id: int) -> None:
    """Ask a run to stop. A queued one is stopped at once, and so are the runs it waits for."""
    with db.writing(project.db, project.id) as con:
        _request_stop(con, run_id)
        db.bump(con)


def requeue(project: Project, run_id: int) -> None:
    """Put an ended run into the queue again: it goes on from its last checkpoint. Its events stay."""
    with db.writing(project.db, project.id) as con:
        run = _get(con, run_id)
        if run.open:
            return
        con.execute(
            "UPDATE run SET status = 'queued', claimed_by = '', stop_requested = 0, ended = NULL, "
            "reason = '', result = '{}', waits_for = '[]' WHERE id = ?",
            (run_id,),
        )
        db.bump(con)


def park(project: Project, run_id: int, prereq_ids: Sequence[int]) -> None:
    """Put a running run back into the queue until the others are done."""
    if run_id in prereq_ids:
        raise ValueError("a run cannot wait for itself")
    with db.writing(project.db, project.id) as con:
        con.execute(
            "UPDATE run SET status = CASE WHEN stop_requested THEN 'stopped' ELSE 'queued' END, claimed_by = '', "
            "ended = CASE WHEN stop_requested THEN ? END, waits_for = ? "
            "WHERE id = ? AND status IN ('queued', 'running')",
            (time.time(), json.dumps([int(each) for each in prereq_ids]), run_id),
        )
        if _get(con, run_id).status == "stopped":  # asked for meanwhile
            _stop_prerequisites(con, run_id, prereq_ids)
        db.bump(con)


def _queue(con: Database, kind: str, config: Mapping[str, Any], parent: int | None) -> int:
    row = {"kind": kind, "config": _json(config), "seed": int(config.get("seed", 0)), "status": "queued"}
    return int(con.table("run").insert({**row, "created": time.time(), "parent": parent}).last_rowid or 0)


def _queued(con: Database) -> list[Run]:
    return [_run(row) for row in con.table("run").rows_where("status = 'queued'", order_by="id")]


def _ready(con: Database, run: Run) -> bool:
    """Whether all it waits for is done. Ends the run when one of them failed or was stopped."""
    before = [_get(con, each) for each in run.waits_for]
    if run.parent is not None and run.id not in (parent := _get(con, run.parent)).waits_for:
        before.append(parent)
    for other in before:
        if other.status in ("failed", "stopped"):
            reason = f"{other.kind} (run {other.id}) {'failed' if other.status == 'failed' else 'was stopped'}"
            con.execute(
                "UPDATE run SET status = ?, reason = ?, ended = ? WHERE id = ?",
                (other.status, f"{reason}: {other.reason}" if other.reason else reason, time.time(), run.id),
            )
            _stop_prerequisites(con, run.id, run.waits_for)
            db.bump(con)
            return False
    return all(other.status == "done" for other in before)


def _request_stop(con: Database, run_id: int) -> None:
    run = _get(con, run_id)
    if run.status == "running":
        con.execute("UPDATE run SET stop_requested = 1 WHERE id = ?", (run_id,))
    elif run.status == "queued":
        con.execute(
            "UPDATE run SET status = 'stopped', reason = 'Stopped before it began.', ended = ? WHERE id = ?",
            (time.time(), run_id),
        )
        _stop_prerequisites(con, run_id, run.waits_for)


def _stop_prerequisites(con: Database, run_id: int, others: Sequence[int]) -> None:
    """Nobody needs what only this run had asked for."""
    for other in others:
        if _get(con, other).parent == run_id:
            _request_stop(con, other)


def _get(con: Database, run_id: int) -> Run:
    row = con.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise RunError("There is no such run", str(run_id))
    return _run(row)


def _run(row: Mapping[str, Any]) -> Run:
    values = dict(row)
    for name in ("config", "versions", "result"):
        values[name] = json.loads(values[name])
    values["waits_for"] = tuple(json.loads(values["waits_for"]))
    values["stop_requested"] = bool(values["stop_requested"])
    return Run(**values)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False)
