"""Answers of models to images whose files hold other bytes now: they were about another picture, and go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from sqlite_utils import Database

from fact_core.choices import GROUPINGS
from fact_core.errors import storage_error
from fact_core.files import write_arrays
from fact_core.storage.project import Project


def drop(con: Database, project: Project, changed: Sequence[int]) -> list[str]:
    """Take away what models said of images that have changed. Returns the accepted ones that are open now, by path.

    Part of the transaction that knows them. Every step of accepting loses them, also one that is undone: to do it again
    brings nothing back that was said of other bytes.
    """
    if not changed:
        return []
    listed = json.dumps(list(changed))
    among = "item IN (SELECT value FROM json_each(?))"
    paths = con.execute(
        "SELECT path FROM accepted JOIN item ON item.id = accepted.item AND item.status = 'ok' "
        f"WHERE acceptance = (SELECT max(id) FROM acceptance WHERE undone IS NULL) AND {among} "
        "AND NOT EXISTS (SELECT 1 FROM label WHERE label.item = item.id) ORDER BY path",
        (listed,),
    ).fetchall()
    for file in sorted((project.folder / "runs").glob("*/predictions.npz")):
        _without(file, changed)
    for table in ("accepted", "prediction"):
        con.execute(f"DELETE FROM {table} WHERE {among}", (listed,))
    ways = json.dumps([name for name, each in GROUPINGS.items() if each.features])  # what they looked like
    con.execute(f"DELETE FROM together WHERE {among} AND way IN (SELECT value FROM json_each(?))", (listed, ways))
    return [row["path"] for row in paths]


def _without(file: Path, changed: Sequence[int]) -> None:
    """Write stored answers again without these images, as an earlier version kept no digests with them."""
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as stored:
            keep = ~np.isin(stored["ids"], changed)
            if keep.all():
                return
            arrays = {name: stored[name][keep] for name in stored.files}
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile):
        return  # who reads it says that it is damaged
    if keep.any():
        write_arrays(file, arrays, "saving the predictions")
        return
    try:
        file.unlink()
    except OSError as error:
        raise storage_error(error, "saving the predictions") from error
