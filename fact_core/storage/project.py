"""A project: a folder with one SQLite file, its runs, and a cache that may be deleted.

The images stay where they are; the project only remembers their folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import time
import unicodedata
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlite_utils import Database

from fact_core.choices import AUTO
from fact_core.errors import FactError, InputError, ProjectBusy, ProjectError, ProjectGone, storage_error
from fact_core.files import Lock as Lock
from fact_core.files import clean_name, lock_holder, take_lock, write_text
from fact_core.folders import data_folder
from fact_core.images.folder import PROJECT_FILE
from fact_core.paths import absolute
from fact_core.storage import db, db_errors, migrate

DATABASE = PROJECT_FILE


@dataclass(frozen=True)
class Project:
    """An open project. ``folder`` and ``images`` are absolute and resolved.

    id: the name that no other project has, by which another file in the place of its own is noticed; "" is not known.
    """

    folder: Path
    name: str
    images: Path
    id: str = ""

    @property
    def db(self) -> Path:
        return self.folder / DATABASE

    @property
    def cache(self) -> Path:
        """What can be made again; may be deleted at any time."""
        return self.folder / "cache"

    @property
    def thumbs(self) -> Path:
        return self.cache / "thumbnails.sqlite"

    def features_folder(self, key: str) -> Path:
        return self.cache / "features" / key

    def run_folder(self, run_id: int) -> Path:
        return self.folder / "runs" / str(int(run_id))

    def predictions_file(self, train_run: int) -> Path:
        """Where the answers of a training run's model for the pool lie."""
        return self.run_folder(train_run) / "predictions.npz"


@dataclass(frozen=True)
class Recent:
    """A project that was opened before. ``opened`` in seconds since 1970."""

    folder: str
    name: str
    images: str
    opened: float


def create(folder: Path, images: Path, name: str = "") -> Project:
    """Make a project in a new or empty folder. InputError and ProjectError say what is wrong."""
    root = image_folder(images)
    target, other = absolute(folder), "Choose another folder for the project."
    if target == root:
        raise ProjectError("The project folder is the image folder", str(target), other)
    if root.is_relative_to(target):
        raise ProjectError("The images lie inside the project folder", str(root), other)
    if (target / DATABASE).exists():
        raise _there_already(target)
    if target.exists() and not target.is_dir():
        raise ProjectError("The project folder is a file", str(target), "Choose another folder.")
    title = clean_name(name or root.name or "Project", "project name")
    try:
        target.mkdir(parents=True, exist_ok=True)
        others = sorted(each.name for each in target.iterdir() if not _ours(each.name))
        if others:
            shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            raise ProjectError(
                "The folder for the project is not empty", f"{target}: {shown}", "Choose a new or an empty folder."
            )
        _write_database(target, title, root)
    except OSError as error:
        raise storage_error(error, "creating the project") from error
    return open_project(target)


def open_project(folder: Path) -> Project:
    """The project in that folder. ProjectError, as ProjectGone when there is none; SchemaTooNew; StorageError."""
    target = absolute(folder)
    if not os.path.exists(target):
        raise ProjectGone("There is no such folder", str(target), "Check the path, or connect the disk it lies on.")
    if not os.path.isdir(target):
        raise ProjectError("A project is a folder, and this is a file", str(target))
    if not os.path.exists(target / DATABASE):
        raise ProjectGone("There is no project in this folder", str(target), "Choose a folder that has project.sqlite.")
    with db.connect(target / DATABASE) as con:
        identity = db.identity(con) or _given_identity(con)
        meta = {row["key"]: row["value"] for row in con.execute("SELECT key, value FROM meta")}
    migrate.take_away_halves(target / DATABASE)  # of a backup: each is as large as the project's file
    if "images" not in meta:
        raise ProjectError("The project's database is incomplete", str(target / DATABASE), "Create the project again.")
    return Project(target, meta.get("name", target.name), Path(meta["images"]), identity)


def open_or_create(folder: Path, images: Path) -> Project:
    """The project in that folder, made if it is not there. ProjectError when it is about other images."""
    target = absolute(folder)
    if not (target / DATABASE).exists():
        return create(target, images)
    project = open_project(target)
    root = image_folder(images)
    if root != project.images:
        raise ProjectError(
            "This project is about other images",
            f"{project.folder} has {project.images}, not {root}",
            "Choose another project folder for these images.",
        )
    return project


def image_folder(images: Path) -> Path:
    """The absolute, resolved path of a folder of images. InputError when it cannot be read."""
    root = absolute(images)
    if not os.path.exists(root):
        raise InputError("There is no such image folder", str(root), "Check the path.")
    if not root.is_dir():
        raise InputError("The images must be in a folder, and this is a file", str(root), "Give the folder.")
    if not os.access(root, os.R_OK | os.X_OK):
        raise InputError("The image folder may not be read", str(root), "Change its permissions or choose another.")
    return root


def lock(project: Project) -> Lock:
    """Take the project for this process. ProjectBusy with the other's process id."""
    path = project.folder / "project.lock"
    held = take_lock(path)
    if held is None:
        pid, _ = lock_holder(path)
        raise ProjectBusy(
            "Another process has this project open",
            f"{project.folder}" + (f", process {pid}" if pid else ""),
            "Close FACT Studio there, or choose another project.",
        )
    return held


def version(project: Project) -> str:
    """A short text that differs after every change of the project's state: cheap to poll.

    ProjectChanged when another project's file lies in the place of its own.
    """
    with db.connect(project.db) as con:
        db.check_same(con, project.id, project.db)
        return db.version(con)


def place(project: Project) -> tuple[int, int]:
    """Which file is the project's: another one in its place has another number. ProjectGone when there is none."""
    db_errors.check_there(project.db)
    known = project.db.stat()
    return known.st_dev, known.st_ino


def has_room(project: Project) -> bool:
    """Whether anything can be written beside the project's file."""
    return db_errors.has_room(project.folder)


def delete(folder: Path) -> None:
    """Delete a project's own files; anything else in the folder, the images above all, stays.

    ProjectError when the folder has no project, or another process has it open.
    """
    target = absolute(folder)
    if not (target / DATABASE).is_file():
        raise ProjectError("There is no project in this folder", str(target), "Nothing was deleted.")
    held = lock(Project(target, "", target))
    try:
        # The database goes last: a delete that was cut short can be repeated.
        for each in sorted(target.iterdir(), key=lambda path: path.name.startswith(DATABASE)):
            if not _ours(each.name) or each.name == "project.lock":
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        held.release()
        (target / "project.lock").unlink(missing_ok=True)
        if not any(target.iterdir()):
            target.rmdir()
    except OSError as error:
        raise storage_error(error, "deleting the project") from error
    finally:
        held.release()
    _write_recent([each for each in remembered() if each.folder != str(target)])


def default_folder(name: str) -> Path:
    """A free folder in ``data_folder`` for a project of that name (nothing is made)."""
    plain = unicodedata.normalize("NFC", name).strip()
    slug = re.sub(r"[^\w-]+", "-", plain).strip("-_").casefold()[:60] or "project"
    if re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", slug):  # not allowed as file names on Windows
        slug += "-project"
    for number in range(1, 10_000):
        folder = data_folder() / (slug if number == 1 else f"{slug}-{number}")
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return folder
    raise ProjectError("There are too many projects of this name", name, "Choose another name.")


def recent() -> list[Recent]:
    """Projects opened before that are still there, newest first; not those on a disk that cannot be asked."""
    return [each for each in remembered() if os.path.isfile(Path(each.folder) / DATABASE)]


def remember(project: Project) -> None:
    """Put the project on top of the recent ones. Never fails: the list is only a convenience."""
    mine = Recent(str(project.folder), project.name, str(project.images), time.time())
    _write_recent([mine, *(each for each in remembered() if each.folder != mine.folder)][:30])


def _ours(name: str) -> bool:
    return name in ("runs", "cache", "project.lock", "worker.lock", "worker.log") or name.removeprefix(".").startswith(
        DATABASE
    )


def _check_no_rest(folder: Path) -> None:
    """ProjectError where another project's runs or log lie: SQLite would take that log for the new file's own.

    It may hold labels, and the first runs of a new project would go on with the old ones' labels.
    """
    log = [f"{DATABASE}-wal", f"{DATABASE}-journal"]
    rest = [name for name in ("runs", *log) if (folder / name).exists()]
    if rest or any(folder.glob(f"{DATABASE}.backup-*")):
        raise ProjectError(
            "The rest of another project lies in this folder",
            f"{folder} has {', '.join(rest) or 'a backup of its file'}, and no {DATABASE}",
            "Put its file back, or choose another folder.",
        )


def _given_identity(con: Database) -> str:
    """The identity of a project that an earlier version made. "" where it cannot be written down now."""
    try:
        con.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('id', ?)", (uuid.uuid4().hex,))
    except sqlite3.Error:  # a full disk, a folder that may only be read: it is read all the same
        return ""
    return db.identity(con)


def _there_already(folder: Path) -> ProjectError:
    return ProjectError("There is a project in this folder already", str(folder), "Open it, or choose another folder.")


def _write_database(folder: Path, name: str, images: Path) -> None:
    """Staged, so that a project.sqlite that exists is a whole one. ProjectError where somebody else makes one.

    Held by a lock file of its own: the lock of an open project may be taken by the winner at this moment.
    """
    making = folder / f"{DATABASE}.making"
    held = take_lock(making)
    if held is None:
        raise _there_already(folder)
    with held:
        if (folder / DATABASE).exists():  # since the first look
            with contextlib.suppress(OSError):
                making.unlink()  # the winner has taken its own away, and this one made it anew
            raise _there_already(folder)
        _check_no_rest(folder)
        staged = folder / f"{DATABASE}.new"
        for leftover in folder.glob(f"{DATABASE}.new*"):  # of one that was killed: nobody else is here
            leftover.unlink()
        with db.connect(staged, create=True) as con:
            with db.transaction(con):
                about = {"name": name, "images": str(images), "created": repr(time.time()), "view": AUTO}
                about["id"] = uuid.uuid4().hex
                con.table("meta").insert_all([("key", "value"), *about.items()])
            con.execute("PRAGMA journal_mode = DELETE")  # one file while it is renamed
        os.replace(staged, folder / DATABASE)
        with db.connect(folder / DATABASE) as con:
            con.execute("PRAGMA journal_mode = WAL")
        # Only now: whoever locks a file that is gone finds the project. After an error it stays for the next one.
        with contextlib.suppress(OSError):
            making.unlink()


def remembered() -> list[Recent]:
    """Projects opened before, newest first, also those whose folder or disk is not there now."""
    try:
        rows = json.loads((data_folder() / "recent.json").read_text(encoding="utf-8"))
        return [Recent(str(r["folder"]), str(r["name"]), str(r["images"]), float(r["opened"])) for r in rows]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _write_recent(rows: list[Recent]) -> None:
    text = json.dumps([asdict(row) for row in rows], indent=1)
    with contextlib.suppress(FactError):  # only a convenience
        write_text(data_folder() / "recent.json", text, "remembering the project")
