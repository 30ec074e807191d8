"""How well images of the pool fit some texts: a file a question in the cache, which can be made again.

An .npz with the ids of the images, the digests of what was looked at, and a column of logits for each text, whole or
not at all; the oldest files go.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fact_core.files import write_arrays
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray

KEPT = 20  # files: what was asked for last


@dataclass(frozen=True)
class Scores:
    """ids (N,) ascending; digests (N,) of their bytes then; logits (N, T)."""

    ids: IntArray
    digests: npt.NDArray[np.bytes_]
    logits: FloatArray


def file_of(project: Project, key: str) -> Path:
    """Where the answer of that key lies."""
    return project.cache / "words" / f"{key}.npz"


def load(project: Project, key: str) -> Scores | None:
    """The answer of that key; None where there is none, it is damaged, or does not say what was looked at."""
    try:
        with open(file_of(project, key), "rb") as file, np.load(file, allow_pickle=False) as kept:
            ids, digests, logits = kept["ids"], kept["digests"], kept["logits"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return Scores(ids, digests, logits) if logits.ndim == 2 and ids.shape == digests.shape == (len(logits),) else None


def save(project: Project, key: str, ids: IntArray, digests: Sequence[str], logits: FloatArray) -> None:
    """Keep logits (N, T) of images (N,) of those bytes (N,). StorageError when they cannot be written."""
    file = file_of(project, key)
    order = np.argsort(ids)
    seen = np.array(digests, dtype=np.bytes_)[order]
    arrays = {"ids": ids[order], "digests": seen, "logits": logits[order].astype(np.float32)}
    write_arrays(file, arrays, "saving how well images fit a text")
    others = sorted(file.parent.glob("*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in others[KEPT:]:
        with suppress(OSError):
            old.unlink()
