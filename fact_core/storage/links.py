"""Folders outside of the image folder to which a person allows links to be followed. They stand in ``meta``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fact_core.errors import InputError
from fact_core.images.links import Outside, may_lead_to, too_wide
from fact_core.storage import db
from fact_core.storage.project import Project, image_folder

MOST = 20


def checked(folders: Sequence[str | Path]) -> list[Path]:
    """The folders, absolute and resolved. InputError when one is not there, or would allow nearly everything."""
    given = [Path(each) for each in folders if str(each).strip()]
    if len(given) > MOST:
        raise InputError("Links can be followed to so many folders at most", str(len(given)), f"Give {MOST} or fewer.")
    found = [image_folder(Path(str(each).strip())) for each in given]
    for each in found:
        if too_wide(each):
            do = "Give the folder that holds the files themselves."
            raise InputError("Links are not followed to a folder that holds nearly everything", str(each), do)
    return list(dict.fromkeys(found))


def allow(project: Project, folders: Sequence[str | Path]) -> None:
    """Follow links to these folders from now on, in place of those before; the next scan reads what lies there."""
    found = [str(each) for each in checked(folders)]
    with db.writing(project.db, project.id) as con:
        con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('links', ?)", (json.dumps(found),))
        db.bump(con)


def allowed(project: Project) -> tuple[Path, ...]:
    """The folders to which links are followed."""
    return tuple(Path(each) for each in _read(project, "links"))


def contained(project: Project, file: Path) -> Path | None:
    """The file without links, where it lies in the image folder or below an allowed one; else None."""
    try:
        real = file.resolve()
        return real if may_lead_to(real, project.images.resolve(), allowed(project)) else None
    except (OSError, ValueError, RuntimeError):  # a loop of links, NUL in the name
        return None


def note_outside(project: Project, found: Sequence[Outside]) -> None:
    """Remember where the links lead that a scan did not follow, to be offered."""
    with db.writing(project.db, project.id) as con:
        told = json.dumps([dataclasses.asdict(each) for each in found])
        con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('outside', ?)", (told,))
        db.bump(con)


def outside(project: Project) -> list[Outside]:
    """Where links led that the last scan did not follow."""
    return [Outside(**each) for each in _read(project, "outside")]


def _read(project: Project, key: str) -> list[Any]:
    with db.connect(project.db) as con:
        row = con.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return list(json.loads(row["value"])) if row else []
