"""Where a packed file, a project, a backup or an export is written before it is whole, and what a kill leaves of it.

Beside its place, under a name that nobody else has. A lock file stands beside it as long as the process lives that
writes: where nobody holds it any more, the next one that writes into that folder takes both away, or opens the project
there.
"""

from __future__ import annotations

import glob
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fact_core.errors import FactError
from fact_core.files import Lock, take_lock

STAGED, HELD = ".new", ".making"


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A path beside ``target`` for what shall lie there; others may be made of it by letters behind it.

    The folder above is made. Whatever lies at such a path is gone at the end: move it to its place before.
    OSError as of the disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    take_away_left(target.parent)
    own = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}{STAGED}")
    mark = _mark_of(own)
    held = _held(mark)
    try:
        yield own
    finally:
        _take_away(own)
        if held is not None:
            _end(held, mark)


def take_away_left(folder: Path) -> list[Path]:
    """Remove what processes that are gone have left half made in a folder. What was removed."""
    removed = []
    for mark in sorted(folder.glob(f".*{HELD}")):
        own = mark.with_name(mark.name.removesuffix(HELD) + STAGED)
        if (held := _held(mark)) is not None:
            removed += _take_away(own)
            _end(held, mark)
    return removed


def _end(held: Lock, mark: Path) -> None:
    """Let go, and remove the lock file: whoever takes it in between finds nothing to take away."""
    held.release()
    with suppress(OSError):  # in somebody else's folder it stays
        mark.unlink(missing_ok=True)


def _mark_of(own: Path) -> Path:
    return own.with_name(own.name.removesuffix(STAGED) + HELD)


def _held(mark: Path) -> Lock | None:
    """The lock of one who writes; None where another one has it, or the file system knows no locks."""
    try:
        return take_lock(mark)
    except FactError:
        return None


def _take_away(own: Path) -> list[Path]:
    found = sorted(own.parent.glob(f"{glob.escape(own.name)}*"))
    for each in found:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            with suppress(OSError):
                each.unlink(missing_ok=True)
    return found
