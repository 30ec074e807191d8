"""Walking through an image folder: which files are images, which are reported, which are ignored."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fact_core.errors import InputError
from fact_core.images import decode, links, reasons
from fact_core.images.source import not_regular

#: A folder with this file is a project, and nothing in it is an image of the person's.
PROJECT_FILE = "project.sqlite"

#: Why a file is not read whose name is bytes that are no UTF-8.
NO_TEXT = "The file name is not valid text; rename it"

#: A time of change that no file has: what is stored with it is read again.
READ_AGAIN = -1
#: The latest time that the database holds, in April 2262; a damaged disk or camera gives later ones.
_LATEST = 2**63 - 1

IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"})


@dataclass(frozen=True)
class Found:
    """A file as the folder listing shows it. ``reason``: why it is not read at all.

    ctime_ns: when it was changed or renamed, which a program that copies times cannot set; 0 is not known.
    """

    path: str
    bytes: int
    mtime_ns: int
    reason: str = ""
    ctime_ns: int = 0


@dataclass
class Seen:
    """What a walk through the folder saw."""

    files: list[Found] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    outside: list[Path] = field(default_factory=list)  # where links lead that are not followed
    odd: list[str] = field(default_factory=list)  # names that are no text, as the system gives them
    closed: list[str] = field(default_factory=list)  # folders that may not be looked into; among the files, too


def walk(root: Path, project_folder: Path, allowed: Sequence[Path] = (), enough: int = 0) -> Seen:
    """All files below the root that are images or look like pictures, by path.

    enough: no further folder is looked into after so many files, or a hundred times as many names; 0: all are.
    allowed: folders outside of the root to which links are followed, to files and to folders. Other links to folders
    are not.
    """
    seen, been, names = Seen(), {root}, 0
    folders = [(str(root), "")]
    while folders and not (enough and (len(seen.files) >= enough or names > 100 * enough)):
        folder, prefix = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
            names += len(listed)
        except OSError as error:
            seen.closed.append(as_text(prefix.rstrip("/")))
            seen.files.append(Found(seen.closed[-1], 0, 0, f"The folder may not be read ({error.strerror})"))
            continue
        if any(entry.name == PROJECT_FILE for entry in listed) and prefix:
            continue  # a project that lies among the images
        for entry in listed:
            if entry.name.startswith(".") or entry.name.lower() in IGNORED:
                continue
            if entry.is_dir(follow_symlinks=False):
                if Path(entry.path) != project_folder:
                    folders.append((entry.path, f"{prefix}{entry.name}/"))
            elif (linked := _linked_folder(entry, allowed)) is not None:
                if linked not in been and linked != project_folder:  # a link back would lead round for ever
                    been.add(linked)
                    folders.append((entry.path, f"{prefix}{entry.name}/"))
            else:
                _take(seen, entry, prefix + entry.name, root, allowed)
    _name_odd(seen)
    seen.files.sort(key=lambda found: found.path)
    return seen


def find_images(root: Path) -> list[Path]:
    """The image files below any folder, by path; nothing is read or stored.

    InputError where a folder in it may not be looked into: a figure of the others would be one of other images.
    """
    seen = walk(root, root / PROJECT_FILE)
    if seen.closed:
        named = ", ".join(each or str(root) for each in seen.closed[:10])
        raise InputError("A folder of images may not be read", named, "Allow it, or move it away.")
    return [root / found.path for found in seen.files if not found.reason]


def _linked_folder(entry: os.DirEntry[str], allowed: Sequence[Path]) -> Path | None:
    """Where a link to a folder leads that a person allows to follow."""
    if not allowed or not entry.is_symlink():
        return None
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return target if target.is_dir() and any(target.is_relative_to(each) for each in allowed) else None


def _take(seen: Seen, entry: os.DirEntry[str], path: str, root: Path, allowed: Sequence[Path]) -> None:
    """Put one file into ``seen``, with a reason where it is a picture that is not read."""
    extension = os.path.splitext(entry.name)[1].lower()
    reason = reasons.OTHER_PICTURES.get(extension, "")
    is_picture = bool(reason) or extension in decode.EXTENSIONS
    if is_picture and not _is_text(path):
        seen.odd.append(path)
        return
    try:
        leads_to_folder = entry.is_symlink() and entry.is_dir()
        if not is_picture and not leads_to_folder:
            seen.others[extension or "without ending"] += 1
            return
        info = entry.stat()
        target = Path(entry.path).resolve(strict=True) if entry.is_symlink() else root
    except (OSError, RuntimeError):
        if is_picture:
            seen.files.append(Found(path, 0, 0, links.leads_nowhere(entry.path)))
        return
    outside = not links.may_lead_to(target, root, allowed)
    if outside and (leads_to_folder or not reason):
        seen.outside.append(target / "all" if leads_to_folder else target)
    if leads_to_folder:
        reason = "It is a link to a folder; such links are not followed" + (
            f" (it leads to {target})" if outside else ""
        )
    elif outside:
        reason = links.leads_out(target)
    elif not stat.S_ISREG(info.st_mode):
        reason = not_regular(info.st_mode)
    # A file that is never read has no size: it stays "not read" until it can be.
    size, mtime, ctime = (0, 0, 0) if reason else (info.st_size, *map(_stored, (info.st_mtime_ns, info.st_ctime_ns)))
    seen.files.append(Found(as_text(path), size, mtime, reason, ctime))


def _stored(time_ns: int) -> int:
    return max(-_LATEST, min(_LATEST, time_ns))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str) -> str:
    """The path as text that can be stored: bytes that are no UTF-8 are written as \\xNN."""
    return path if _is_text(path) else os.fsencode(path).decode("utf-8", "backslashreplace")


def _name_odd(seen: Seen) -> None:
    """Put the files whose names are no text among the others, each under a path that no other file has.

    One may really be called \\xff.jpg: then the byte's file is told with "./" before its path and doubled backslashes.
    """
    taken = {found.path for found in seen.files}
    for path in sorted(seen.odd, key=os.fsencode):
        shown = as_text(path)
        if shown in taken:
            shown = "./" + as_text(path.replace("\\", "\\\\"))
        taken.add(shown)
        seen.files.append(Found(shown, 0, 0, NO_TEXT))


def in_words(root: Path, seen: Seen) -> str:
    """What the folder holds instead of images: "12 files: 10 .txt, 2 .pdf", or where its links lead."""
    if seen.outside:
        return links.in_words(links.grouped(seen.outside))
    kinds = seen.others + Counter(PurePosixPath(found.path).suffix.lower() for found in seen.files)
    if not kinds:
        return f"{root} is empty"
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common(5))
    return f"{sum(kinds.values())} other files in {root}: {listed}"
