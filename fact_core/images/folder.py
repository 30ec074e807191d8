"""Walking through an image folder: which files are images, which are reported, which are ignored."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fact_core.images import decode, reasons

#: A folder with this file is a project, and nothing in it is an image of the person's.
PROJECT_FILE = "project.sqlite"

IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"})


@dataclass(frozen=True)
class Found:
    """A file as the folder listing shows it. ``reason``: why it is not read at all."""

    path: str
    bytes: int
    mtime_ns: int
    reason: str = ""


@dataclass
class Seen:
    """What a walk through the folder saw."""

    files: list[Found] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def walk(root: Path, project_folder: Path) -> Seen:
    """All files below the root that are images or look like pictures, by path. Links to folders are not followed."""
    seen = Seen()
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            seen.files.append(Found(_shown(prefix.rstrip("/")), 0, 0, f"The folder may not be read ({error.strerror})"))
            continue
        if any(entry.name == PROJECT_FILE for entry in listed) and prefix:
            continue  # a project that lies among the images
        for entry in listed:
            if entry.name.startswith(".") or entry.name.lower() in IGNORED:
                continue
            if entry.is_dir(follow_symlinks=False):
                if Path(entry.path) != project_folder:
                    folders.append((entry.path, f"{prefix}{entry.name}/"))
            else:
                _take(seen, entry, prefix + entry.name, root)
    seen.files.sort(key=lambda found: found.path)
    return seen


def find_images(root: Path) -> list[Path]:
    """The image files below any folder, by path; nothing is read or stored."""
    return [root / found.path for found in walk(root, root / PROJECT_FILE).files if not found.reason]


def _take(seen: Seen, entry: os.DirEntry[str], path: str, root: Path) -> None:
    """Put one file into ``seen``, with a reason where it is a picture that is not read."""
    extension = os.path.splitext(entry.name)[1].lower()
    reason = reasons.OTHER_PICTURES.get(extension, "")
    is_picture = bool(reason) or extension in decode.EXTENSIONS
    try:
        leads_to_folder = entry.is_symlink() and entry.is_dir()
        if not is_picture and not leads_to_folder:
            seen.others[extension or "without ending"] += 1
            return
        info = entry.stat()
        outside = entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        if is_picture:
            seen.files.append(Found(_shown(path), 0, 0, "It is a link to nothing, or may not be read"))
        return
    if _shown(path) != path:
        reason = "The file name is not valid text; rename it"
    elif leads_to_folder:
        reason = "It is a link to a folder; such links are not followed"
    elif outside:
        reason = "It is a link that leads out of the image folder"
    elif not stat.S_ISREG(info.st_mode):
        return
    # A file that is never read has no size: it stays "not read" until it can be.
    known = (0, 0) if reason else (info.st_size, info.st_mtime_ns)
    seen.files.append(Found(_shown(path), *known, reason))


def _shown(path: str) -> str:
    """The path as text that can be stored: bytes that are no UTF-8 are written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if os.name != "nt" else path


def in_words(root: Path, seen: Seen) -> str:
    """What the folder holds instead of images: "12 files: 10 .txt, 2 .pdf"."""
    kinds = seen.others + Counter(PurePosixPath(found.path).suffix.lower() for found in seen.files)
    if not kinds:
        return f"{root} is empty"
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common(5))
    return f"{sum(kinds.values())} other files in {root}: {listed}"
