"""Starting a Python on the pretend CUDA device: its C part is built on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCE = HERE / "runtime.c"


def why_not() -> str:
    """Why there is no pretend device on this machine; empty where there is one."""
    import torch

    if not sys.platform.startswith("linux"):
        return "the pretend CUDA device is built on Linux only"
    if shutil.which("cc") is None:
        return "there is no C compiler (cc) to build the pretend CUDA device"
    return "" if torch.version.cuda else "this PyTorch was built without CUDA"


def built(folder: Path) -> dict[str, str]:
    """Build the C part into a folder. Returns the environment in which torch finds it."""
    stub, driver = folder / "libpretend.so", folder / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(stub), str(SOURCE)], check=True, capture_output=True)
    shutil.copyfile(stub, driver)
    shutil.copyfile(stub, folder / "libnvidia-ml.so.1")
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    found = {"LD_PRELOAD": str(stub), "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return {**os.environ, **found, "PYTHONWARNINGS": "ignore"}


def started(module: str, folder: Path, *arguments: object, timeout: float = 280) -> Sequence[str]:
    """The lines that ``python -m MODULE ARGUMENTS`` prints on the pretend device. AssertionError where it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, env=built(folder), capture_output=True, encoding="utf-8", timeout=timeout)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
    return ended.stdout.splitlines()
