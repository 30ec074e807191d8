"""The processor's name: results rest on it, since not every processor rounds alike."""

from __future__ import annotations

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
