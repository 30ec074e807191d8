"""What is checked on the pretend CUDA device: ``python -m tests.pretend_cuda.checks FOLDER [NAME ...]``.

Each check prints one line of JSON: {"name", "error", "told", "seconds"}. One process does all of them, as importing
torch takes longer than most. ``tests/compute/test_pretend_cuda.py`` reads the lines.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.pretend_cuda.device import Counts, Device, install

COUNTS = Counts()
DEVICE = install(COUNTS)  # before the program is imported


def checks(wanted: Sequence[str]) -> dict[str, Callable[[Path], Any]]:
    """name -> check, in the order in which they run. Those of the bench only where they are asked for."""
    from tests.pretend_cuda import bench, memory, pipelines, steps, strategies

    found: dict[str, Callable[[Path], Any]] = {}
    asked = [bench] if any(each.startswith("bench") for each in wanted) else []
    for module in (pipelines, strategies, steps, memory, *asked):
        found |= module.checks(DEVICE)
    return found


def main(arguments: list[str]) -> int:
    import torch

    torch.set_num_threads(1)
    folder, wanted = Path(arguments[0]), arguments[1:]
    for name, check in checks(wanted).items():
        if wanted and not any(each in name for each in wanted):
            continue
        own = folder / name.replace("/", "-")
        own.mkdir(parents=True)
        _fresh(DEVICE)
        told: dict[str, Any] = {"name": name, "error": "", "told": None}
        began = time.process_time()
        try:
            told["told"] = check(own)
        except Exception:
            told["error"] = traceback.format_exc()[-2500:]
        told["seconds"] = round(time.process_time() - began, 2)  # of the processor
        print(json.dumps(told), flush=True)
    return 0


def _fresh(device: Device) -> None:
    device.counts.reset()
    device.counts.full_in, device.counts.full_at = 0, ""
    device.bfloat16 = False  # then its numbers are the CPU's own


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
