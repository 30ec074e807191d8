"""Sorting images into folders, one a class: copies, links, or a list. The images themselves are never touched.

    said_of -> plan -> ``sort``, which writes ``undo.jsonl`` first, then a file a place, then ``list.csv``

Nothing that is there is overwritten. What was begun is gone on with by the same sorting into the same folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fact_core.errors import ImageError, InputError, StorageError, disk_full, storage_error
from fact_core.events import Log, Progress
from fact_core.exchange import sort_undo
from fact_core.exchange.sort_plan import LIST, UNDO, Place, Plan, list_text
from fact_core.exchange.sort_undo import TOLD
from fact_core.files import halves, write_text
from fact_core.images.folder import PROJECT_FILE
from fact_core.images.sorting import put
from fact_core.images.source import check_unchanged, content_of, digest_of
from fact_core.paths import standing
from fact_core.types import ImageFile, Step

EVERY_SECONDS = 0.2
MARK = "\ufeff"  # as in every CSV of ours
#: What systems answer where a link cannot be made there.
NO_LINK = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Room:
    """What a preview says of the chosen folder. free: bytes; same_disk: hard links can lead there; begun: goes on."""

    free: int
    same_disk: bool
    begun: bool


def checked(target: Path, root: Path, project: Path) -> Room:
    """What can be done in the folder. InputError where nothing may be written there."""
    for inside, name in ((root, "images'"), (project, "project's")):
        if target == inside or target.is_relative_to(inside):
            raise InputError(
                f"The folder for the sorted images lies in the {name} folder", str(target), "Choose one elsewhere."
            )
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError("The folder for the sorted images is no folder", str(target), "Choose a new one.")
    try:
        names = [each.name for each in os.scandir(target)] if target.exists() else []
    except OSError as error:
        raise storage_error(error, "looking into the folder") from error
    ours = {each.name for file in (UNDO, LIST) for each in halves(target / file)}  # it was killed while it began
    names = [name for name in names if name not in ours]
    if names and UNDO not in names:
        found = f"{target}: {names[0]}" + (" is a project" if PROJECT_FILE in names else "")
        raise InputError("The folder for the sorted images is not empty", found, "Choose a new folder.")
    there = standing(target)
    try:
        disks = (os.stat(there).st_dev, os.stat(root).st_dev)
        return Room(shutil.disk_usage(there).free, disks[0] == disks[1], bool(names))
    except OSError as error:
        raise storage_error(error, "looking at the disk") from error


def sort(
    plan: Plan, root: Path, project: Path, target: Path, way: str, real: Callable[[str], Path | None]
) -> Step[dict[str, Any]]:
    """Carry a plan out. root: the image folder; real: path of an image -> its file, None where it must not be read.

    Returns {folder, way, files, made, missed, first}: files there in the end, those that this call has made, and images
    that are not there, the first of them in words. InputError, StorageError in words; what is made stays.
    """
    what = sort_undo.made(root, way, plan.places)
    _begin(plan, what, checked(target, root, project), target)
    sort_undo.clear(target)
    made, missed, done, told = 0, [], [], time.monotonic()
    places: Sequence[Place] = () if way == "list" else plan.places
    yield Progress("sort", 0, len(places))
    for number, place in enumerate(places, start=1):
        try:
            made += _one(place, root, real(place.said.path), target / place.target, way)
            done.append(place)
        except ImageError as error:
            missed.append(f"{place.said.path}: {error.what}")
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            yield Progress("sort", number, len(places))
    yield from _finish(target, what, plan.places if way == "list" else done)
    yield Progress("sort", len(places), len(places))
    for each in missed[:TOLD]:
        yield Log(f"{each}. Left out.", "warning")
    counts = {"files": len(done), "made": made, "missed": len(missed), "first": missed[:TOLD]}
    return {"folder": str(target), "way": way, "images": len(plan.places), **counts}


def _begin(plan: Plan, what: sort_undo.Made, room: Room, target: Path) -> None:
    """Write the undo file, or see that what was begun in the folder is the same. InputError otherwise."""
    if room.begun:
        if not sort_undo.same(sort_undo.read(target / UNDO), what):
            do = "Take that one back first, or choose a new folder."
            raise InputError("The folder holds another sorting, or one of other labels", str(target), do)
        return
    if what.way == "copy" and plan.bytes > room.free:
        raise disk_full("copying the images", f"{plan.bytes:,} bytes are needed, {room.free:,} are free")
    if what.way == "hardlink" and not room.same_disk:
        raise _no_link("hardlink", target)
    sort_undo.write(target, what)


def _finish(target: Path, what: sort_undo.Made, places: Sequence[Place]) -> Step[None]:
    """The list of what is there. Its digest is noted first, so that an undo knows the list as ours."""
    text = MARK + list_text(places, what.way == "list")
    file, before, digest = target / LIST, sort_undo.read(target / UNDO).listed, digest_of(text.encode())
    if file.exists() and sort_undo.differs(file, None, before or digest, "copy"):
        yield Log(f"{LIST} is not the one that was written; it stays as it is.", "warning")
        return
    sort_undo.write(target, replace(what, listed=digest))
    write_text(file, text, "writing the list")


def _one(place: Place, root: Path, file: Path | None, target: Path, way: str) -> int:
    """Make one file; 1, or 0 where an earlier start has. ImageError where its image, or the place, is not to be had."""
    said, source = place.said, root / place.said.path
    if file is None:
        raise ImageError("It does not lie in the image folder any more")
    scanned = ImageFile(file, said.digest)
    if way != "copy":
        # Size and time prove nothing: files that were unpacked together share both. A link is as sure as a copy.
        check_unchanged(scanned)
    if os.path.lexists(target):
        if not sort_undo.differs(target, source, said.digest, way):
            return 0
        if way != "copy" or not sort_undo.claimed(target):
            raise ImageError("A file of that name lies there already")
        target.unlink()
    try:
        _folder(target.parent)
        if way == "copy":
            _copy(scanned, target)
        else:
            _link(file, target, way)
    except FileExistsError:
        raise ImageError("A file of that name lies there already") from None
    return 1


def _copy(image: ImageFile, target: Path) -> None:
    reading = True
    try:
        with content_of(image) as content:
            reading = False
            put(image.path, target, "copy", content)
    except FileExistsError:
        raise
    except OSError as error:
        if reading:
            raise ImageError(f"It cannot be read ({error.strerror or error})") from error
        raise storage_error(error, "copying an image") from error


def _link(file: Path, target: Path, way: str) -> None:
    try:
        put(file, target, way)
    except FileExistsError:
        raise
    except OSError as error:
        refused = error.errno in NO_LINK or getattr(error, "winerror", 0) == 1314
        raise (_no_link(way, target) if refused else storage_error(error, "making a link")) from error


def _no_link(way: str, target: Path) -> StorageError:
    """Why links cannot be made there."""
    if way == "hardlink":
        found = f"{target} lies on another disk than the images, or its disk knows no hard links."
        return StorageError("Hard links cannot be made there", found, "Choose copies, or symbolic links.")
    found = f"{target}: its disk knows no symbolic links, or they need a right that you do not have."
    return StorageError("Symbolic links cannot be made there", found, "Choose copies, or hard links.")


def _folder(folder: Path) -> None:
    """The folder of a class. StorageError where it cannot be made, or something else lies there."""
    try:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise StorageError("A link lies where a folder is to be", str(folder), "Remove it, and sort again.")
    except OSError as error:
        raise storage_error(error, "making a folder") from error
