"""How well images of the pool fit some texts: a file a question in the cache, which can be made again.

An .npz with the ids of the images and a column of logits for each text, whole or not at all; the oldest files go.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fact_core.errors import storage_error
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray

KEPT = 20  # files: what was asked for last


def file_of(project: Project, key: str) -> Path:
    """Where the answer of that key lies."""
    return project.cache / "words" / f"{key}.npz"


def load(project: Project, key: str) -> tuple[IntArray, FloatArray] | None:
    """(ids ascending (N,), logits (N, T)); None where there is none, or it is damaged."""
    try:
        with open(file_of(project, key), "rb") as file, np.load(file, allow_pickle=False) as kept:
            ids, logits = kept["ids"], kept["logits"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return (ids, logits) if logits.ndim == 2 and ids.shape == (len(logits),) else None


def save(project: Project, key: str, ids: IntArray, logits: FloatArray) -> None:
    """Keep logits (N, T) of images (N,). StorageError when they cannot be written."""
    file = file_of(project, key)
    order = np.argsort(ids)
    staged = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(staged, "wb") as out:
            np.savez(out, allow_pickle=False, ids=ids[order], logits=logits[order].astype(np.float32))
        os.replace(staged, file)
    except OSError as error:
        raise storage_error(error, "saving how well images fit a text") from error
    others = sorted(file.parent.glob("*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in others[KEPT:]:
        with suppress(OSError):
            old.unlink()
