"""What this computer has, found out without torch: cores, memory, GPU, free disk."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path
from typing import Any

from fact_core import processor
from fact_core.choices import BackboneChoice
from fact_core.files import unseen
from fact_core.paths import standing


def describe(folder: Path, gpu_name: str) -> dict[str, Any]:
    """cores, memory and memory_free in bytes (None: not known), gpu, disk_free of ``folder``."""
    total, free = memory()
    return {
        "cores": processor.cores(),
        "memory": total,
        "memory_free": free,
        "gpu": gpu_name,
        "disk_free": shutil.disk_usage(standing(folder)).free,
    }


def memory() -> tuple[int | None, int | None]:
    """(all, available) memory in bytes; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
        return found.get("MemTotal"), found.get("MemAvailable")
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None
    except (AttributeError, ValueError, OSError):
        return None, None


def person() -> str:
    """The name under which somebody works here; "" where the system knows none."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
    return "" if unseen(name) else name


def seconds_per_image(backbone: BackboneChoice, n_cores: int, has_gpu: bool) -> float:
    """A rough time of one image's features; on the CPU from times measured on two cores."""
    megaflops = float(backbone.megaflops)
    if has_gpu:
        return 0.001 + megaflops / 4e6
    if backbone.cpu_pixels:
        megaflops *= (backbone.cpu_pixels / backbone.pixels) ** 2
    return (0.012 + megaflops * 25e-6) * 2 / max(n_cores, 1)
