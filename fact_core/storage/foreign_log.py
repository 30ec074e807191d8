"""A write-ahead log beside a project's file that is not of it.

A program that was killed may leave ``project.sqlite-wal``: labels that stand there alone, which the next start takes
over. SQLite does the same where the file beside it is another one by then, a backup that was put back: nothing in the
log says of which file it is. Its pages then replace some of the backup's, and the project is neither of the two.

The two are told apart by time and content. SQLite writes the file right after its log. So a file that was changed or
put there long after the log, and lacks something that is in it, was not put there by SQLite. Time is the last change
of a file's entry (ctime), which neither a program that copies files nor a person sets: a copied folder has both new.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

from fact_core.errors import ProjectError

#: So long after its log SQLite writes no file; a slow disk and a computer under load have their share in it.
LATER_SECONDS = 60.0
#: Another program may have kept the log for long and be about to end it: so long it is waited for.
PATIENCE = 3.0
HEADER, FRAME = 32, 24  # bytes of the log's head, and of that of each page in it


def check(path: Path) -> None:
    """ProjectError where the log beside the file is that of another file; the log is left as it is."""
    until = time.monotonic() + PATIENCE
    while is_foreign(path):
        if time.monotonic() > until:
            log = log_of(path)
            raise ProjectError(
                "The project's file was put there after the log beside it was written, and they do not belong together",
                f"{path} is newer than {log.name}, and lacks what is in it",
                f"If it is a backup that you put back, move {log.name} to another folder and open the project again: "
                f"it is then as in the backup. If not, copy {path.name} to another folder and back together with "
                f"{log.name}. Nothing was written to either.",
            )
        time.sleep(0.1)


def log_of(path: Path) -> Path:
    """Where SQLite keeps the log of a file."""
    return path.with_name(f"{path.name}-wal")


def is_foreign(path: Path) -> bool:
    """Whether a log lies there that another file was written with."""
    try:
        log = os.stat(log_of(path))
        later = os.stat(path).st_ctime - log.st_ctime
    except OSError:
        return False  # as nearly always: there is no log
    if os.name == "nt" or later < LATER_SECONDS or log.st_size <= HEADER:  # Windows: ctime is the time of creation
        return False
    try:
        return _lacks(path)
    except OSError:
        return False  # whoever opens it will say so


def _lacks(path: Path) -> bool:
    """Whether a page that the log's last finished transaction left is another one in the file."""
    with open(log_of(path), "rb") as log, open(path, "rb") as file:
        head = log.read(HEADER)
        size, salts = struct.unpack(">8xI4x", head[:16])[0], head[16:24]
        pages = _finished(log_of(path), size, salts)
        for number, place in pages.items():
            log.seek(place)
            file.seek((number - 1) * size)
            if log.read(size) != file.read(size):
                return True
    return False


def _finished(log: Path, size: int, salts: bytes) -> dict[int, int]:
    """Page number -> where its last state begins in the log, of transactions that came to their end."""
    found: dict[int, int] = {}
    open_ones: dict[int, int] = {}
    with open(log, "rb") as file:
        place = file.seek(HEADER)
        while len(frame := file.read(FRAME)) == FRAME and frame[8:16] == salts:  # others are older than the log's head
            number, ends = struct.unpack(">II", frame[:8])
            open_ones[number] = place + FRAME
            if ends:  # the size of the file after the transaction that ends here
                found |= open_ones
                open_ones = {}
            place = file.seek(place + FRAME + size)
    return found
