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
    """The name of the NVIDIA GPU that the driver shows to this program, or "". Nothing of CUDA is loaded for it.

    Of several the first that CUDA_VISIBLE_DEVICES names, by its number or its UUID.
    """
    tool = shutil.which("nvidia-smi")
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if tool is None or shown in ("", "-1"):
        return ""
    first = shown.split(",")[0].strip() if shown else ""
    which = [f"--id={first}"] if re.fullmatch(r"\d+|GPU-[0-9a-f-]{36}", first) else []
    return next(iter(_names(tool, *which)), "")


def gpus() -> int:
    """How many NVIDIA GPUs the driver shows to this program; of those that CUDA_VISIBLE_DEVICES names."""
    tool = shutil.which("nvidia-smi")
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if tool is None or shown in ("", "-1"):
        return 0
    found = len(_names(tool))
    return min(found, len(shown.split(","))) if shown else found


def _names(tool: str, *which: str) -> list[str]:
    command = [tool, "--query-gpu=name", "--format=csv,noheader", *which]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.strip().splitlines()
