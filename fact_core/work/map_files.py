"""The project's maps: where each image lies in the plane, a file a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fact_core.errors import storage_error
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


def map_file(project: Project, key: str) -> Path:
    """The places (N, 2) of a map; its ids (N,) lie beside it as .ids.npy."""
    return project.cache / "maps" / f"{key}.npy"


def save_map(project: Project, key: str, ids: IntArray, xy: FloatArray) -> None:
    """Store a map: ids first, so that whoever finds the places finds them too."""
    file = map_file(project, key)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for name, array in ((f"{key}.ids.npy", ids), (file.name, xy)):
            staged = file.with_name(f".{name}.new.npy")
            np.save(staged, array, allow_pickle=False)
            staged.replace(file.with_name(name))
    except OSError as error:
        raise storage_error(error, "writing the map") from error
