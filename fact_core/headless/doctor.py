"""What the program finds on this machine. Works without torch too, and says that it is missing."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import fact_core
from fact_core import processor
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, used_networks
from fact_core.errors import FactError
from fact_core.folders import cache_folder, data_folder
from fact_core.paths import standing
from fact_core.pretrained import weights
from fact_core.work.versions import versions as installed

#: Distribution -> its oldest version that works.
NEEDED = {
    "torch": (2, 8),
    "torchvision": (0, 23),
    "timm": (1, 0),
    "peft": (0, 15),
    "transformers": (5, 24),
    "numpy": (1, 26),
    "scikit-learn": (1, 5),
    "umap-learn": (0, 5),
    "pillow": (11, 0),
    "safetensors": (0, 4),
    "onnx": (1, 17),
    "onnxruntime": (1, 20),
    "gradio": (6, 31),
    "plotly": (7, 1),
}


def report() -> tuple[list[str], bool]:
    """The lines to print, and whether everything that is needed is there."""
    packages, complete = _packages()
    lines = [
        "Versions",
        *packages,
        "",
        "Machine",
        *_machine(),
        "",
        "Places",
        *_places(),
        "",
        "Backbones",
        *_backbones(),
    ]
    if not complete:
        lines += ["", "Something is missing: start `python3 launch.py` without FACT_STUDIO_NO_VENV to install it."]
    return lines, complete


def versions() -> dict[str, str]:
    """Name -> version of everything that a result may depend on. What is not installed is left out."""
    return {"fact_studio": fact_core.__version__, **installed(NEEDED)}


def _packages() -> tuple[list[str], bool]:
    found, complete = versions(), True
    lines = [f"  FACT Studio {found['fact_studio']}, Python {found['python']} ({sys.executable})"]
    for name, oldest in NEEDED.items():
        version = found.get(name)
        if version is None:
            lines.append(f"  {name}: not installed")
        elif _numbers(version) < oldest:
            lines.append(f"  {name} {version}: too old, needed {'.'.join(map(str, oldest))}")
        else:
            lines.append(f"  {name} {version}")
            continue
        complete = False
    return lines, complete


def _machine() -> Iterator[str]:
    yield f"  {platform.platform()}, {os.cpu_count()} CPU cores"
    memory = _memory()
    if memory:
        yield f"  memory: {memory[1] / 1e9:.1f} GB free of {memory[0] / 1e9:.1f} GB"
    yield f"  GPU: {_gpu()}"


def _gpu() -> str:
    """The GPU in words; never fails, whatever torch and the driver do."""
    if importlib.util.find_spec("torch") is None:
        return "cannot be asked, torch is not installed"
    try:
        from fact_core.compute import device

        if device.device_named("auto").type == "cuda":
            return device.describe(device.device_named("cuda"))
        if reason := device.passed_over("auto"):
            return f"{processor.gpu_name()}, not used: {reason}"
        try:
            device.device_named("cuda")
        except FactError as error:
            return f"none ({error.found or error.what})"
    except Exception as error:  # a broken driver may fail in any way
        return f"cannot be asked ({type(error).__name__}: {error})"
    return "none"


def _memory() -> tuple[int, int] | None:
    """(total, available) bytes."""
    try:
        import psutil
    except ImportError:
        return None
    found = psutil.virtual_memory()
    return int(found.total), int(found.available)


def _places() -> Iterator[str]:
    program = Path(fact_core.__file__).resolve().parents[1]
    for title, folder, variable in (
        ("program", program, ""),
        ("projects", data_folder(), "FACT_STUDIO_HOME"),
        ("downloaded weights", cache_folder(), "FACT_STUDIO_CACHE"),
    ):
        moved = f" ({variable} moves it)" if variable else ""
        yield f"  {title}: {folder}{moved}, {_free(folder)}"


def _free(folder: Path) -> str:
    """Free space where the folder is or would be made, and whether it may be written."""
    there = standing(folder)
    writable = "" if os.access(there, os.W_OK) else ", may NOT be written"
    return f"{shutil.disk_usage(there).free / 1e9:.0f} GB free{writable}"


def _backbones() -> Iterator[str]:
    for name in (*BACKBONES, *used_networks()):
        mark = " (default)" if name == DEFAULT_BACKBONE else ""
        yield f"  {name}{mark}: {weights.status(name).detail}"


def _numbers(version: str) -> tuple[int, ...]:
    """ "2.11.0+cu130" -> (2, 11)"""
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split("+")[0].split(".")[:2])
