"""The file that says what a sorting makes, written before anything is made: it is gone on from, and taken back by.

JSON, a line each: what it is, then a file a line: [target, source, digest]. What was really made is seen on the disk: a
file counts as ours only while it is what the sorting would have made.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fact_core.errors import ImageError, InputError, storage_error
from fact_core.events import Log, Progress
from fact_core.exchange.sort_plan import LIST, UNDO, Place
from fact_core.files import halves, write_text
from fact_core.images.source import content_of
from fact_core.types import ImageFile, Step

WHAT, VERSION = "FACT Studio: folders made by sorting images", 1
EVERY = 32  # files between two looks at the clock
TOLD = 5


@dataclass(frozen=True)
class Made:
    """What a sorting makes. root: the image folder; files: (target, source, digest), relative to the folder and the
    root; listed: the digest of the list, "" while it is not written.
    """

    root: str
    way: str
    files: tuple[tuple[str, str, str], ...]
    listed: str = ""


def made(root: Path, way: str, places: Iterable[Place]) -> Made:
    """What a sorting of these places makes."""
    files = () if way == "list" else ((each.target, each.said.path, each.said.digest) for each in places)
    return Made(str(root), way, tuple(files))


def write(folder: Path, what: Made) -> None:
    """Write the file, whole or not at all. StorageError in words."""
    head = {"what": WHAT, "version": VERSION, "images": what.root, "way": what.way, "list": what.listed}
    lines = [json.dumps(each, ensure_ascii=True) for each in (head, *what.files)]
    write_text(folder / UNDO, "\n".join(lines) + "\n", "writing the undo file")


def read(file: Path) -> Made:
    """What such a file says. InputError where it is none, or names what does not lie right in its own folder."""
    try:
        head, *rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        if head["what"] != WHAT or head["version"] != VERSION:
            raise ValueError("it says that it is something else")
        files = tuple((_inside(target), str(source), str(digest)) for target, source, digest in rows)
        return Made(str(head["images"]), str(head["way"]), files, str(head["list"]))
    except OSError as error:
        words = error.strerror or str(error)
        raise InputError("The undo file cannot be read", f"{file}: {words}", "Check the path.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("This is no undo file of a sorting", f"{file}: {error}", f"Choose a file {UNDO}.") from error


def same(one: Made, other: Made) -> bool:
    """Whether both make the same."""
    return replace(one, listed="") == replace(other, listed="")


def take_back(folder: Path) -> Step[dict[str, object]]:
    """Remove what a sorting has made in the folder, as far as it is still what was made.

    A copy stays where its original is gone: it may be the last one. Returns {removed, list, kept, first}: files of
    images, whether the list went too, and the first that stay, in words. The undo file stays as long as anything does.
    """
    if not os.path.lexists(folder) and _end(folder):
        return {"removed": 0, "list": False, "kept": 0, "first": []}  # the last step of one that was killed
    what = read(folder / UNDO)
    clear(folder)
    removed, listed, kept = 0, False, []
    yield Progress("undo", 0, len(what.files), "files")
    for number, (target, source, digest) in enumerate(what.files, start=1):
        place = folder / target
        if what.way == "copy" and claimed(place):
            _remove(place)
            place.with_name(f".{place.name}.part").unlink(missing_ok=True)
        elif os.path.lexists(place):
            if reason := differs(place, Path(what.root) / source, digest, what.way, last=True):
                kept.append(f"{target}: {reason}")
            else:
                _remove(place)
                removed += 1
        if number % EVERY == 0:
            yield Progress("undo", number, len(what.files), "files")
    if what.listed and (folder / LIST).is_file() and not differs(folder / LIST, None, what.listed, "copy"):
        _remove(folder / LIST)
        listed = True
    _tidy(folder, what, not kept)
    yield Progress("undo", len(what.files), len(what.files), "files")
    for each in kept[:TOLD]:
        yield Log(f"{each}. It stays.", "warning")
    return {"removed": removed, "list": listed, "kept": len(kept), "first": kept[:TOLD]}


def differs(place: Path, source: Path | None, digest: str, way: str, last: bool = False) -> str:
    """Why a file is not what a sorting has made, in words; "" where it is. last: the last one of its bytes is not."""
    try:
        info = os.lstat(place)
        if not _plain_folder(place.parent):
            return "its folder is a link now"
        if way == "symlink":
            wanted = os.path.realpath(str(source))
            return "" if stat.S_ISLNK(info.st_mode) and os.readlink(place) == wanted else "it is another file now"
        if not stat.S_ISREG(info.st_mode):
            return "it is another file now"
        if last and source is not None and not source.is_file():
            return "its original is not there any more"
        if way == "hardlink":
            return "" if os.path.samestat(info, os.stat(str(source))) else "it is another file now"
        with content_of(ImageFile(place, digest)):
            return ""
    except (OSError, ImageError):
        return "it is another file now"


def claimed(place: Path) -> bool:
    """Whether an empty file lies there: a start that was killed has taken the name and no more."""
    try:
        info = os.lstat(place)
        return stat.S_ISREG(info.st_mode) and info.st_size == 0 and _plain_folder(place.parent)
    except OSError:
        return False


def _plain_folder(folder: Path) -> bool:
    return stat.S_ISDIR(os.lstat(folder).st_mode)


def _inside(target: object) -> str:
    """ "class/file", as written. ValueError for what leads elsewhere."""
    text = str(target)
    parts = PurePosixPath(text).parts
    if len(parts) != 2 or ".." in parts or text != "/".join(parts) or any(each in text for each in '\\:\0"'):
        raise ValueError(f"{text[:80]!r} leads out of its folder")
    return text


def clear(folder: Path) -> None:
    """Remove what a sorting that was killed has left half written of its own files."""
    for file in (UNDO, LIST):
        for each in halves(folder / file):
            _remove(each)
    _end(folder)


def _remove(place: Path) -> None:
    try:
        place.unlink()
    except OSError as error:
        raise storage_error(error, "taking a file back") from error


def _tidy(folder: Path, what: Made, whole: bool) -> None:
    """Remove folders that are empty now; the undo file and the folder itself where nothing of ours stays."""
    for name in sorted({target.split("/")[0] for target, _, _ in what.files}):
        _drop(folder / name)
    if whole and not _leave(folder):
        (folder / UNDO).unlink(missing_ok=True)
        _drop(folder)


def _leave(folder: Path) -> bool:
    """Remove a folder that has the undo file alone. False where it has more, or may not be renamed.

    Under another name first: an empty folder would not tell whose it is, were this one killed before it is removed.
    """
    try:
        if os.listdir(folder) != [UNDO]:
            return False
        os.rename(folder, _leaving(folder))
    except OSError:
        return False
    if not _end(folder):  # somebody has put something there
        os.rename(_leaving(folder), folder)
    return True


def _end(folder: Path) -> bool:
    """Remove what ``_leave`` has renamed. False where it is not there, or something of somebody else lies in it."""
    gone = _leaving(folder)
    if gone.is_symlink() or not gone.is_dir():
        return False
    (gone / UNDO).unlink(missing_ok=True)
    _drop(gone)
    return not gone.exists()


def _leaving(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.undone")


def _drop(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # something of somebody else lies in it, or it is not there
