"""What was measured of the pool's images to find the odd ones: one file in the cache, which can be made again.

It holds a column a measure and the digests of the images that its rows are about; the last run's, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fact_core.files import write_arrays
from fact_core.storage.project import Project

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Measured:
    """columns: name -> (N,), by the rows of ``digests`` (N,); key: of the features that likeness was measured by."""

    key: str
    digests: tuple[str, ...]
    columns: dict[str, Column]


def file_of(project: Project) -> Path:
    """Where it lies."""
    return project.cache / "odd.npz"


def load(project: Project) -> Measured | None:
    """What the last run has measured; None without one, or where the file is damaged."""
    try:
        with open(file_of(project), "rb") as file, np.load(file, allow_pickle=False) as kept:
            columns = {name: kept[name] for name in kept.files if name not in ("key", "digests")}
            found = Measured(str(kept["key"]), tuple(kept["digests"].tolist()), columns)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return found if all(each.shape == (len(found.digests),) for each in columns.values()) else None


def save(project: Project, key: str, digests: Sequence[str], columns: Mapping[str, Column]) -> None:
    """Take these measures in place of the earlier ones. StorageError when they cannot be written."""
    file = file_of(project)
    arrays: dict[str, Any] = {**columns, "key": np.array(key), "digests": np.array(list(digests), dtype=np.str_)}
    write_arrays(file, arrays, "saving what is odd")
