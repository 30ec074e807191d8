"""A project in one file, with or without its images, and a second project like it.

The file is a ZIP archive: ``pack.json`` says what it holds, then come the project's database as it was at one moment,
its runs, features and maps, and the images below ``images/``. ``unpack.py`` makes a project of it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from fact_core.errors import InputError, ProjectError, disk_full, storage_error
from fact_core.events import Log, Progress
from fact_core.files import clean_name
from fact_core.paths import absolute, standing
from fact_core.staging import staging
from fact_core.storage import db, db_errors, items, links
from fact_core.storage.project import DATABASE, Project, open_project
from fact_core.types import Step

ABOUT = "pack.json"
#: Grows when a packed file of before cannot be read as one of today.
FORM = 1
#: What of a project's folder goes along. The rest can be made again, or belongs to a process.
PARTS = ("runs", "cache/features", "cache/maps")
CHUNK = 1 << 20


@dataclass(frozen=True)
class About:
    """What a packed file says of itself. folder: where the images lay; images: whether they are in it.

    entries: files in the archive beside this one, so that one that was lost since is missed; digest: of all of them and
    their names (``digest_of``), so that two that were swapped since are. 0 and "" where an earlier version did not say.
    """

    form: int
    name: str
    folder: str
    images: bool
    files: int
    bytes: int
    entries: int = 0
    digest: str = ""


def pack(project: Project, file: Path, *, images: bool) -> Step[About]:
    """Write the project into one new file; it stays as it is and may be worked with meanwhile.

    Errors: InputError unless its name ends in .zip, and where images are gone; ProjectError where something lies at
    ``file``; DiskFull before anything is written; StorageError.
    """
    target = absolute(file)
    _check_free(target)
    try:
        with staging(target) as staged:
            listed = list(own_files(project)) + (_all_there(project) if images else [])
            there = [(name, path, size) for name, path in listed if (size := _size(path)) is not None]
            total = sum(size for _, _, size in there) + project.db.stat().st_size
            check_room(target.parent, total, "packing the project")
            copy = staged.with_name(f"{staged.name}.db")
            snapshot(project, copy)
            about = About(FORM, project.name, str(project.images), images, len(there), total)
            about, lost = yield from _write(staged, about, copy, there)
            os.replace(staged, target)
    except OSError as error:
        raise storage_error(error, "packing the project") from error
    if lost:
        yield Log(f"{len(lost)} files were gone before they were packed: {lost[0]}", "warning")
    return about


def duplicate(project: Project, folder: Path, name: str) -> Step[Project]:
    """A second project of the same images, with the labels, selections and runs of this one. Its own id.

    Errors: ProjectError where ``folder`` is not new or empty; InputError for the name; DiskFull; StorageError.
    """
    title, target = clean_name(name, "project name"), absolute(folder)
    check_new(target)
    try:
        listed = [(part, path, size) for part, path in own_files(project) if (size := _size(path)) is not None]
        check_room(standing(target.parent), sum(size for _, _, size in listed), "duplicating the project")
        with staging(target) as staged:
            staged.mkdir()
            for number, (part, path, _) in enumerate(listed):
                yield Progress("duplicate", number, len(listed), "files")
                (staged / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, staged / part)
            snapshot(project, staged / DATABASE)
            settle(staged, target, title, project.images)
    except OSError as error:
        raise storage_error(error, "duplicating the project") from error
    return open_project(target)


def own_files(project: Project) -> Iterator[tuple[str, Path]]:
    """(name in the archive, path) of what goes along beside the database. Links and half files do not."""
    for part in PARTS:
        for path in sorted((project.folder / part).rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.suffix != ".new":
                yield path.relative_to(project.folder).as_posix(), path


def image_files(project: Project) -> Iterator[tuple[str, Path]]:
    """(name in the archive, path) of the images that the last scan could read, as far as they are there.

    Repeats and images that a person left out are among them: what was said of those may be taken back.
    """
    with db.connect(project.db) as con:
        rows = con.conn.execute("SELECT path FROM item WHERE status = 'ok' ORDER BY id").fetchall()
    for (name,) in rows:
        if real := links.contained(project, project.images / name):
            yield f"images/{name}", real


def _all_there(project: Project) -> list[tuple[str, Path]]:
    """``image_files``. InputError where some cannot be packed: who has the packed file may delete the images."""
    found = list(image_files(project))
    counted = items.counts(project)
    known = counted.files - counted.unreadable - counted.missing
    gone = [name for name, path in found if _size(path) is None]
    if lost := known - len(found) + len(gone):
        raise _not_there(lost, known, gone)
    return found


def _not_there(lost: int, known: int, gone: Sequence[str]) -> InputError:
    return InputError(
        "Not all images are where they were",
        f"{lost:,} of {known:,} are gone" + (f", such as {gone[0].removeprefix('images/')}" if gone else ""),
        "Connect the disk they lie on, or scan the folder again and pack then. Nothing was packed.",
    )


def snapshot(project: Project, file: Path) -> None:
    """The project's database as it is at this moment, in a file of its own. FactError in words."""
    try:
        with db.connect(project.db) as con, closing(sqlite3.connect(file)) as copy:
            con.conn.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise db_errors.in_words(error, file) from error


def copied(source: IO[bytes], out: IO[bytes] | None = None) -> str:
    """Copy a file in pieces, or only read it. The digest of its bytes."""
    found = hashlib.blake2b(digest_size=16)
    while chunk := source.read(CHUNK):
        found.update(chunk)
        if out is not None:
            out.write(chunk)
    return found.hexdigest()


def digest_of(digests: Mapping[str, str]) -> str:
    """One digest of files by name, each with that of its bytes."""
    return hashlib.blake2b(json.dumps(sorted(digests.items())).encode(), digest_size=16).hexdigest()


def settle(staged: Path, target: Path, name: str, images: Path) -> None:
    """Make the staged folder a project of its own: name, images and id are written, and it moves to its place."""
    with db.connect(staged / DATABASE) as con:
        with db.transaction(con):
            for key, value in (("name", name), ("images", str(images)), ("id", uuid.uuid4().hex)):
                con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
        con.execute("PRAGMA journal_mode = DELETE")  # one file while it is moved
    if target.exists():
        target.rmdir()  # empty, or it is an error
    os.replace(staged, target)
    with db.connect(target / DATABASE) as con:
        con.execute("PRAGMA journal_mode = WAL")


def check_new(folder: Path) -> None:
    """ProjectError unless there is nothing at that place, or an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError("The folder for the project is not empty", str(folder), "Choose a new or an empty folder.")


def check_room(folder: Path, size: int, doing: str) -> None:
    """DiskFull where the disk has no room for so many bytes."""
    if shutil.disk_usage(folder).free < size + db_errors.NO_ROOM:
        raise disk_full(doing, f"{folder}: {size / 1e6:,.0f} MB are needed")


def _check_free(file: Path) -> None:
    if file.suffix.casefold() != ".zip":
        raise InputError("The name of a packed project ends in .zip", str(file), f"Say {file.name}.zip.")
    if file.exists():
        raise ProjectError("There is a file of this name already", str(file), "Choose another name for it.")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _add(archive: zipfile.ZipFile, path: Path, name: str, way: int) -> str:
    """Put a file into the archive as ``ZipFile.write`` does; the digest of the bytes that went in.

    A date before 1980, which ZIP cannot hold, becomes the first that it can.
    """
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    info.compress_type = way
    with open(path, "rb") as source, archive.open(info, "w") as out:
        return copied(source, out)


def _write(
    file: Path, about: About, base: Path, listed: Sequence[tuple[str, Path, int]]
) -> Step[tuple[About, list[str]]]:
    """Write the archive: what it says of itself, and the names of files that were gone by then and left out."""
    lost: list[str] = []
    done, start = 0, time.monotonic()
    with open(file, "wb") as out:
        # Weights, features and pictures do not get smaller; the database does.
        with zipfile.ZipFile(out, "w") as archive:
            digests = {DATABASE: _add(archive, base, DATABASE, zipfile.ZIP_DEFLATED)}
            for name, path, size in listed:
                try:
                    digests[name] = _add(archive, path, name, zipfile.ZIP_STORED)
                except FileNotFoundError as error:
                    if name.startswith("images/"):
                        raise _not_there(1, about.files, [name]) from error
                    lost.append(name)
                done += size
                left = (time.monotonic() - start) / done * (about.bytes - done) if done else None
                yield Progress("pack", done // CHUNK, about.bytes // CHUNK + 1, "MB", seconds_left=left)
            about = replace(about, entries=len(archive.infolist()), digest=digest_of(digests))
            archive.writestr(ABOUT, json.dumps(asdict(about), ensure_ascii=False))
        out.flush()
        os.fsync(out.fileno())
    return about, lost
