"""The odd images of the pool, list by list, and those that are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import FastAPI

from app.routes import kept_answers
from app.routes.shapes import told
from app.shell.server import Opened, Server
from fact_core.analysis.odd import MOST, measures_of, odd
from fact_core.storage import items, odd_file
from fact_core.storage import project as projects
from fact_core.storage.excluded import excluded
from fact_core.storage.odd_file import Measured
from fact_core.storage.project import Project
from fact_core.types import Pool

#: kind -> the measure that is told of its images; what has none says nothing that a person could read.
TOLD = {"dark": "light", "bright": "light", "tiny": "side", "twin": "alike"}


@dataclass(frozen=True)
class OddList:
    """Images that are odd in one way, the oddest first.

    values: shares or pixels, or nothing; twins: what each of them nearly repeats, of that kind alone.
    """

    kind: str
    ids: list[int]
    values: list[float]
    twins: list[int]


@dataclass(frozen=True)
class Odd:
    """known: images were measured; new: images of the pool that were not; n: odd ones, each counted once.

    among: of so many images drawn at random each was held against; 0: against all others.
    """

    known: bool
    new: int
    n: int
    lists: list[OddList]
    excluded: list[int]
    among: int = 0


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/odd."""

    @app.get("/x/{key}/odd")
    def lists(key: str) -> dict[str, Any]:
        return told(odd_of(server.opened(key)))


def odd_of(held: Opened) -> Odd:
    """See ``Odd``. What is odd is judged among all that was measured, also what is left out by now: no list grows
    because its worst images are gone."""
    out, measured = excluded(held.project), _measured(held)
    if measured is None:
        return Odd(False, len(kept_answers.pool_ids_of(held)), 0, [], out)
    kept, found = measured
    stamp = (_stamp(held), projects.version(held.project).partition(".")[0], out)
    return held.slowly("odd lists", stamp, lambda: _lists(items.pool(held.project), kept, found, out))


def _lists(pool: Pool, kept: Measured, found: dict[str, Any], out: list[int]) -> Odd:
    place = {digest: row for row, digest in enumerate(kept.digests)}
    ids = np.zeros(len(kept.digests), dtype=np.int64)  # 0: not in the pool now
    for item, digest in zip(pool.ids.tolist(), pool.digests, strict=True):
        if digest in place:
            ids[place[digest]] = item
    lists = [_list(kind, rows, ids, kept) for kind, rows in found.items()]
    n = len({item for each in lists for item in each.ids})
    among = MOST if len(kept.digests) > MOST else 0
    return Odd(True, len(pool) - int((ids > 0).sum()), n, lists, out, among)


def _list(kind: str, rows: Any, ids: Any, kept: Measured) -> OddList:
    rows = rows[ids[rows] > 0]
    twins = list[int]()
    if kind == "twin":
        rows = rows[ids[kept.columns["twin"][rows]] > 0]  # else it is the only one that is left
        twins = ids[kept.columns["twin"][rows]].tolist()
    values = np.round(kept.columns[TOLD[kind]][rows].astype(float), 4).tolist() if kind in TOLD else []
    return OddList(kind, ids[rows].tolist(), values, twins)


def _measured(held: Opened) -> tuple[Measured, dict[str, Any]] | None:
    """What was measured, and the rows that are odd; kept while the file stays."""
    stamp = _stamp(held)
    return held.once("odd", stamp, lambda: _read(held.project) if stamp else None)


def _read(project: Project) -> tuple[Measured, dict[str, Any]] | None:
    """None where an earlier version has measured something else, too: the page offers to look again."""
    kept = odd_file.load(project)
    measures = measures_of(kept.columns) if kept else None
    return (kept, odd(measures)) if kept and measures else None


def _stamp(held: Opened) -> int:
    """Of the file of what was measured; 0 without one."""
    file = odd_file.file_of(held.project)
    return file.stat().st_mtime_ns if file.is_file() else 0
