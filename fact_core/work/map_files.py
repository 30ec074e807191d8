"""The project's maps: where each image lies in the plane, a file a map."""

from __future__ import annotations

from pathlib import Path

from fact_core.errors import storage_error
from fact_core.files import array_bytes, write_file
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray


def map_file(project: Project, key: str) -> Path:
    """The places (N, 2) of a map; its ids (N,) lie beside it as .ids.npy."""
    return project.cache / "maps" / f"{key}.npy"


def save_map(project: Project, key: str, ids: IntArray, xy: FloatArray) -> None:
    """Store a map: ids first, so that whoever finds the places finds them too.

    An older one of that name goes before: a kill or a full disk in between must not leave its places with other ids.
    """
    file = map_file(project, key)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, "writing the map") from error
    for name, array in ((f"{key}.ids.npy", ids), (file.name, xy)):
        write_file(file.with_name(name), array_bytes(array), "writing the map")
