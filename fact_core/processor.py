"""What computes: the processor's name, on which results rest since not every one rounds alike, its cores, the GPU."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
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


def gpu_name() -> str:
    """The name of the NVIDIA GPU that the driver shows to this program, or "". Nothing of CUDA is loaded for it."""
    tool = shutil.which("nvidia-smi")
    if tool is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return ""
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(answer.stdout.strip().splitlines()), "")
