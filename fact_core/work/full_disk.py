"""What a worker does on a full disk: its run stops in words, as soon as there is room to write them down.

Then it can be resumed from its last checkpoint, which is whole: files are written beside their place first.
"""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from fact_core.errors import DiskFull

T = TypeVar("T")

STOPPED = "Stopped: the disk is full. What is done is kept and nothing is lost. Free some space, then resume."
LOOK_SECONDS = 1.0


def is_full(error: BaseException) -> bool:
    """Whether an error comes from a full disk. Libraries that write files by themselves say it in their own words."""
    if isinstance(error, DiskFull):
        return True
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    said = str(error).lower()
    return isinstance(error, Exception) and ("no space left on device" in said or "os error 28" in said)


def when_there_is_room(act: Callable[[], T]) -> T:
    """Do it, again and again while the disk is full."""
    while True:
        try:
            return act()
        except DiskFull:
            time.sleep(LOOK_SECONDS)


def note_traceback() -> None:
    """The traceback into the log, which may lie on the full disk too."""
    with suppress(OSError):
        traceback.print_exc()
