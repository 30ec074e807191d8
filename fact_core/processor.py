"""The processor: its name, on which results rest since not every one rounds alike, and its cores."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def name(listing: Path = Path("/proc/cpuinfo")) -> str:
    """As the system says it: "AMD EPYC", else its kind: "arm64"; "" where neither is known. listing: Linux's."""
    try:
        text = listing.read_text("utf-8", "replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:[ \t]*(\S.*)$", text, re.M)
    return found[1].strip() if found else platform.processor() or platform.machine()


def cores() -> int:
    """How many of its cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
