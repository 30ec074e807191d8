"""A project from a packed file (``pack.py``), which may come from anybody: nothing of it is believed unseen."""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from fact_core.errors import InputError, ProjectError, storage_error
from fact_core.events import Progress
from fact_core.files import clean_name
from fact_core.paths import LONGEST_NAME, absolute
from fact_core.staging import staging
from fact_core.storage import db, own_schema, stored_values
from fact_core.storage.pack import ABOUT, CHUNK, FORM, PARTS, About, check_new, check_room, copied, digest_of, settle
from fact_core.storage.project import DATABASE, Project, image_folder, open_project
from fact_core.types import Step

MOST_ABOUT = 100_000  # bytes
#: How our files are packed. Others may be damaged in ways of their own.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: What the library answers to bytes that are no archive of its kind, or not whole; OSError comes with them.
NOT_WHOLE = (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, OverflowError, struct.error, zlib.error)
IMAGES = "images"
DEEPEST = 200  # folders in one another: none of a person's go so far


def look(file: Path) -> About:
    """What a packed file says of itself. InputError when it is none, or made by a newer version."""
    with _archive(absolute(file)) as archive:
        return _about(archive, file)


def unpack(file: Path, folder: Path, images: Path | None = None) -> Step[Project]:
    """Make a project of a packed file, in a new or empty folder; nothing is there before all of it is.

    Images that are in the file come into a new folder beside it, ``FOLDER-images``. Where there are none, ``images``
    says where they lie on this computer; None: where they lay when it was packed.
    Errors: InputError when it is no packed file, is damaged or holds what it should not, or its images are not found;
    ProjectError when a folder is not empty; DiskFull before anything is written; StorageError.
    """
    source, target = absolute(file), absolute(folder)
    check_new(target)
    with _archive(source) as archive:
        about = _about(archive, source)
        members = _checked(archive, source)
        if about.entries not in (0, len(members)):
            raise _damaged(source, f"{about.entries:,} files were packed, {len(members):,} are there")
        root = _images(about, target, images)
        there = about.images and root.exists() and _already(archive, members, root)
        name = _name(about, target)
        try:
            with staging(target) as staged:
                pictures = staged.with_name(f"{staged.name}-{IMAGES}")
                if there:
                    members = [each for each in members if not each.filename.startswith(f"{IMAGES}/")]
                check_room(target.parent, sum(each.file_size for each in members), "unpacking the project")
                digests = yield from _extract(archive, members, staged, pictures)
                if about.digest and digest_of(digests | (_digests(root) if there else {})) != about.digest:
                    raise _damaged(source, "not every file holds what was packed under its name")
                _check_database(staged, source)
                moved = about.images and not there
                if moved:
                    pictures.mkdir(exist_ok=True)
                    os.replace(pictures, root)
                try:
                    settle(staged, target, name, root)
                except BaseException:
                    if moved and not (target / DATABASE).exists():
                        os.replace(root, pictures)  # they are nobody's without the project
                    raise
        except NOT_WHOLE as error:
            raise _damaged(source, str(error)) from error
        except OSError as error:
            raise storage_error(error, "unpacking the project") from error
    return open_project(target)


@contextmanager
def _archive(file: Path) -> Iterator[zipfile.ZipFile]:
    if not file.is_file():
        raise InputError("There is no such file", str(file), "Check the path.")
    try:
        archive = zipfile.ZipFile(file)
    except NOT_WHOLE as error:
        raise _no_pack(file, error) from error
    except OSError as error:
        raise storage_error(error, "reading the packed project") from error
    with archive:
        yield archive


def _about(archive: zipfile.ZipFile, file: Path) -> About:
    try:
        info = archive.getinfo(ABOUT)
        if info.file_size > MOST_ABOUT or info.compress_type not in PACKED:
            raise ValueError(f"{ABOUT} has {info.file_size:,} bytes, packed in way {info.compress_type}")
        told = json.loads(archive.read(info))
        about = About(
            *(int(told["form"]), str(told["name"]), str(told["folder"])),
            *(told["images"] is True, int(told["files"]), int(told["bytes"])),
            *(int(told.get("entries", 0)), str(told.get("digest", ""))),
        )
    except (KeyError, TypeError, RuntimeError, OSError, *NOT_WHOLE) as error:
        raise _no_pack(file, error) from error
    if about.form > FORM:
        raise InputError(
            "This project was packed by a newer version",
            f"form {about.form}, known up to {FORM}",
            "Update FACT Studio.",
        )
    return about


def _checked(archive: zipfile.ZipFile, file: Path) -> list[zipfile.ZipInfo]:
    """What is unpacked. InputError when a name leads out of the folder, is no part of a project, or comes twice."""
    members = [each for each in archive.infolist() if each.filename != ABOUT and not each.is_dir()]
    seen, folders = set[str](), set[str]()
    for each in members:
        name, parts = each.filename, PurePosixPath(each.filename).parts
        known = name == DATABASE or name.startswith((*(f"{part}/" for part in PARTS), f"{IMAGES}/"))
        # The name as it stands in the file: the library has cut it at NUL and turned the separators of Windows.
        plain = each.orig_filename == name and not any(
            sign in name for sign in "\\:\0" if os.name == "nt" or sign == "\0"
        )
        if not known or not plain or ".." in parts or "." in parts or name != "/".join(parts):
            raise _strange(file, name)
        if len(parts) > DEEPEST or any(len(part.encode(errors="replace")) > LONGEST_NAME for part in parts):
            raise _strange(file, f"{name[:200]}, deeper or longer than a path can be")
        if stat.S_IFMT(each.external_attr >> 16) not in (0, stat.S_IFREG) or each.flag_bits & 0x1:
            raise _strange(file, name)
        if each.compress_type not in PACKED:
            raise _strange(file, f"{name}, packed in way {each.compress_type}")
        if name in seen:
            raise _strange(file, f"{name} twice")
        seen.add(name)
        folders.update(map(str, PurePosixPath(name).parents))
    if both := seen & folders:
        raise _strange(file, f"{min(both)}, a file and a folder")
    if DATABASE not in seen:
        raise _strange(file, f"no {DATABASE}")
    return members


def _name(about: About, target: Path) -> str:
    """What the project is called; as its folder where the file says what cannot be a name."""
    try:
        return clean_name(about.name, "project name")
    except InputError:
        return target.name


def _images(about: About, target: Path, images: Path | None) -> Path:
    """Where the project's images lie, or will lie."""
    if about.images:
        return target.with_name(f"{target.name}-{IMAGES}")
    if images is None and not Path(about.folder).is_dir():
        raise InputError(
            "The images are not in this file",
            f"They lay in {about.folder}, and there is no such folder on this computer.",
            "Give the folder in which they lie here.",
        )
    return image_folder(images or Path(about.folder))


def _already(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], root: Path) -> bool:
    """True where the images lie at their place, byte for byte and nothing beside them: an unpacking that was killed has
    left them, or somebody has deleted the project without them. ProjectError for anything else.
    """
    packed = {each.filename.removeprefix(f"{IMAGES}/"): each for each in members if each.filename.startswith(IMAGES)}
    try:
        found = {each.relative_to(root).as_posix(): each for each in root.rglob("*") if not _is_folder(each)}
        if (
            _is_folder(root)
            and found.keys() == packed.keys()
            and all(_same(packed[name], found[name]) for name in found)
        ):
            return True
    except OSError as error:
        raise storage_error(error, "looking into the folder for the images") from error
    do = "Choose another folder for the project, or delete this one."
    raise ProjectError("The folder for the images holds something else", str(root), do)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _same(packed: zipfile.ZipInfo, file: Path) -> bool:
    """Whether a file holds what was packed, by its length and checksum."""
    if not stat.S_ISREG(file.lstat().st_mode) or file.stat().st_size != packed.file_size:
        return False
    found = 0
    with open(file, "rb") as content:
        while chunk := content.read(CHUNK):
            found = zlib.crc32(chunk, found)
    return found == packed.CRC


def _digests(root: Path) -> dict[str, str]:
    """The images that lie at their place already, by the names that they have in the archive."""
    found = {}
    for each in (each for each in root.rglob("*") if not _is_folder(each)):
        with open(each, "rb") as content:
            found[f"{IMAGES}/{each.relative_to(root).as_posix()}"] = copied(content)
    return found


def _extract(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], staged: Path, pictures: Path
) -> Step[dict[str, str]]:
    """Unpack; no file gets longer than it was said to be, and none is written over another. Each one's digest."""
    digests: dict[str, str] = {}
    total, done, start = sum(each.file_size for each in members), 0, time.monotonic()
    for each in members:
        inner = each.filename.removeprefix(f"{IMAGES}/")
        place = (staged if inner == each.filename else pictures) / inner
        place.parent.mkdir(parents=True, exist_ok=True)
        with _inside(archive, each) as source, open(place, "xb") as out:
            digests[each.filename] = copied(source, out)
        at = time.mktime((*each.date_time, 0, 0, -1))
        os.utime(place, (at, at))
        done += each.file_size
        left = (time.monotonic() - start) / done * (total - done) if done else None
        yield Progress("unpack", done // CHUNK, total // CHUNK + 1, "MB", seconds_left=left)
    return digests


def _inside(archive: zipfile.ZipFile, each: zipfile.ZipInfo) -> IO[bytes]:
    """A file of the archive. BadZipFile also where it would begin before the archive does, whose front was cut off."""
    try:
        return archive.open(each)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile(f"{each.filename} does not begin in it") from error


def _check_database(folder: Path, file: Path) -> None:
    """The database is whole, each of its rows about what is there, built as ours are in the newest form, with values
    such as ours are, and names no image outside of its folder.
    """
    with db.connect(folder / DATABASE) as con:
        sound = con.execute("PRAGMA quick_check(1)").fetchone()[0]
        if sound != "ok":
            raise _damaged(file, str(sound))
        if lost := con.execute("PRAGMA foreign_key_check").fetchone():
            raise _damaged(file, f"a row of {lost['table']} is about something that is not in it")
        if found := own_schema.foreign(con) or stored_values.wrong(con):
            raise _strange(file, f"{DATABASE}: {found}")
        for row in con.execute("SELECT path FROM item"):
            parts = PurePosixPath(row["path"]).parts
            if row["path"].startswith("/") or ".." in parts or (os.name == "nt" and ":" in row["path"]):
                raise _strange(file, row["path"])
        con.execute("DELETE FROM meta WHERE key IN ('links', 'outside')")  # folders that somebody else allowed
    open_project(folder)


def _strange(file: Path, found: str) -> InputError:
    return InputError("This file holds what no packed project holds", f"{file}: {found}"[:500], "Nothing was unpacked.")


def _damaged(file: Path, why: str) -> InputError:
    return InputError("The packed file is damaged", f"{file}: {why}", "Copy it again. Nothing was unpacked.")


def _no_pack(file: Path, error: Exception) -> InputError:
    do = "Choose a file that FACT Studio has packed."
    return InputError("This is no packed project", f"{file}: {error}", do)
