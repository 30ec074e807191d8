"""Looking for a folder by clicking: what lies in one, below the places where this is allowed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from fastapi import FastAPI

from app.routes.shapes import told
from app.shell.server import Server
from fact_core.errors import InputError
from fact_core.images.decode import EXTENSIONS
from fact_core.images.folder import PROJECT_FILE
from fact_core.paths import typed
from fact_core.storage import project as projects

#: Folders that are listed, and files that are looked at, of one folder.
MOST_FOLDERS, MOST_FILES = 1000, 20_000
#: Where systems put disks that are plugged in.
DISKS = ("/media", "/mnt", "/run/media", "/Volumes")


@dataclass(frozen=True)
class Place:
    """A folder that can be opened."""

    name: str
    path: str


@dataclass(frozen=True)
class Folder:
    """What lies in a folder. parent: the folder above, empty where that may not be looked at.

    places: where one may begin. images: how many lie right in it; more: there are others than those that were counted.
    project: it is a project's own folder.
    """

    path: str
    parent: str
    places: list[Place]
    folders: list[Place]
    images: int
    more: bool
    project: bool


def register(app: FastAPI, server: Server) -> None:
    """GET /x/folder?at=PATH; the person's home where none is given."""

    @app.get("/x/folder")
    def folder(at: str = "") -> dict[str, object]:
        return told(look(at, roots(server.browse)))


def roots(more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Below these folders a person may look around: the home, plugged-in disks, known projects and their images.

    more: what the person has named at the start (--browse).
    """
    drives = [Path(f"{letter}:/") for letter in "CDEFGHIJKLMNOPQRSTUVWXYZ"] if sys.platform == "win32" else []
    known = [Path(text) for each in projects.recent() for text in (each.images, each.folder) if text]
    found = [Path.home(), *more, *map(Path, DISKS), *drives, *known]
    return tuple(dict.fromkeys(each.resolve() for each in found if os.path.isdir(each)))


def look(at: str, allowed: Sequence[Path]) -> Folder:
    """The folder of that path, links followed. InputError where it may not be looked at, or cannot be read."""
    folder = typed(at) if at.strip() else allowed[0]
    if not _below(folder, allowed):
        do = "Type the path of the folder in its field, or start the program with --browse and a folder above it."
        raise InputError("Folders may not be looked through here", str(folder), do)
    try:
        with os.scandir(folder) as listed:
            found = [each for each, _ in zip(listed, range(MOST_FILES), strict=False)]
    except OSError as error:
        words = error.strerror or str(error)
        raise InputError("This folder cannot be read", f"{folder}: {words}", "Choose another one.") from error
    names = sorted((each.name for each in found if _is_folder(each)), key=str.casefold)
    images = sum(PurePath(each.name).suffix.lower() in EXTENSIONS for each in found)
    return Folder(
        path=str(folder),
        parent=str(folder.parent) if folder.parent != folder and _below(folder.parent, allowed) else "",
        places=[Place(each.name or str(each), str(each)) for each in allowed if each.parent not in allowed],
        folders=[Place(name, str(folder / name)) for name in names[:MOST_FOLDERS]],
        images=images,
        more=len(found) == MOST_FILES or len(names) > MOST_FOLDERS,
        project=os.path.isfile(folder / PROJECT_FILE),  # Path.is_file() fails where it may not look
    )


def _below(folder: Path, allowed: Sequence[Path]) -> bool:
    return any(folder.is_relative_to(each) for each in allowed)


def _is_folder(each: os.DirEntry[str]) -> bool:
    try:
        return not each.name.startswith(".") and each.is_dir()
    except OSError:
        return False
