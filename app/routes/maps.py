"""The picture of the pool in two dimensions: which one there is now, and its points.

A UMAP of a done "map" run where there is one; until then the PCA picture that the features run drew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from fastapi import FastAPI, Response

from app.routes import binary, kept_answers
from app.shell.server import Server
from fact_core.errors import InputError, StorageError
from fact_core.storage import run_queue
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Picture:
    """Which picture the map shows: ``key`` names what it was made from, ``run`` made it."""

    kind: Literal["pca", "umap"]
    key: str
    run: int


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/map."""

    @app.get("/x/{key}/map")
    def newest(key: str) -> Response:
        return binary.answer(map_bytes(server, key))


def map_bytes(server: Server, key: str) -> bytes:
    """The newest picture, packed. It is kept until another one or another pool takes its place."""
    held = server.opened(key)
    picture = current(held.project)
    if picture is None:
        raise InputError("There is no map yet", do="It appears when the features of the images are computed.")
    out = excluded(held.project)
    stamp = (picture, len(kept_answers.pool_ids_of(held)), out)
    kept = held.cache.get("map")
    if kept is None or kept[0] != stamp:
        xy, ids = points(held.project, picture)
        shown = ~np.isin(ids, out)
        kept = (stamp, packed(picture, xy[shown], ids[shown]))
        held.cache["map"] = kept
    content: bytes = kept[1]
    return content


def current(project: Project, history: list[run_queue.Run] | None = None) -> Picture | None:
    """The best picture there is now, or None. ``history``: the project's runs, newest first, if known."""
    first: Picture | None = None
    for run in history if history is not None else run_queue.list_runs(project):
        key = str(run.result.get("key") or "")
        if run.status != "done" or run.kind not in ("map", "features") or not _file(project, key, ".npy").is_file():
            continue
        if run.kind == "map":
            return Picture("umap", key, run.id)
        first = first or Picture("pca", key, run.id)
    return first


def points(project: Project, picture: Picture) -> tuple[FloatArray, IntArray]:
    """(xy [n, 2], ids [n]) of a picture. StorageError when the cache was deleted or damaged."""
    try:
        xy = np.load(_file(project, picture.key, ".npy"), allow_pickle=False)
        ids = np.load(_file(project, picture.key, ".ids.npy"), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StorageError("The map's file cannot be read", str(error)[:200], "Compute the features again.") from error
    if xy.shape != (len(ids), 2):
        raise StorageError(
            "The map's file is damaged", f"{xy.shape} for {len(ids)} images", "Compute the features again."
        )
    return xy.astype(np.float32, copy=False), ids.astype(np.int64, copy=False)


def brief(project: Project, history: list[run_queue.Run] | None = None) -> dict[str, Any]:
    """{kind, key} for the page's state; both None while there is no picture.

    The key is another one where images were left out, which are not on the map: it is to be fetched again.
    """
    picture = current(project, history)
    if picture is None:
        return {"kind": None, "key": None}
    out = excluded(project)
    name = "-" + hashlib.blake2b(repr(out).encode(), digest_size=6).hexdigest() if out else ""
    return {"kind": picture.kind, "key": picture.key + name}


def packed(picture: Picture, xy: FloatArray, ids: IntArray) -> bytes:
    """Header {n, kind, key}; columns: xy f32[n * 2], ids i32[n]. Images without a place are left out."""
    known = np.isfinite(xy).all(axis=1)
    head = {"n": int(known.sum()), "kind": picture.kind, "key": picture.key}
    return binary.packed(head, xy[known].astype("<f4"), ids[known].astype("<i4"))


def _file(project: Project, key: str, suffix: str) -> Path:
    return project.cache / "maps" / f"{key}{suffix}"
