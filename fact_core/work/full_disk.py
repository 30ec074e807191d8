"""What a worker does on a full disk, and while the project's file is gone: its run stops in words, as soon as these can
be written down.

Then it can be resumed from its last checkpoint, which is whole: files are written beside their place first.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from fact_core.errors import DiskFull, ProjectGone, is_full

T = TypeVar("T")

STOPPED = "Stopped: the disk is full. What is done is kept and nothing is lost. Free some space, then resume."
GONE = "Stopped: the project's file was not there for a while. What is done is kept and nothing is lost. Resume it."
LOOK_SECONDS = 1.0
GONE_LOOKS = 600  # a disk is connected again by then, or the project was deleted


def why_stopped(error: BaseException) -> str:
    """The words for a run that stops through no fault of its own, "" where it has failed."""
    return STOPPED if is_full(error) else GONE if isinstance(error, ProjectGone) else ""


def when_there_is_room(act: Callable[[], T]) -> T:
    """Do it, again and again while the disk is full. ProjectGone when the file is away for too long."""
    looks = 0
    while True:
        try:
            return act()
        except DiskFull:
            time.sleep(LOOK_SECONDS)
        except ProjectGone:
            looks += 1
            if looks > GONE_LOOKS:
                raise
            time.sleep(LOOK_SECONDS)


def note_traceback() -> None:
    """The traceback into the log, which may lie on the full disk too."""
    with suppress(OSError):
        traceback.print_exc()
