"""One of our workers at a time on a GPU: the others queue, whatever their projects.

Who works on a GPU holds a lock file of its name in the user's cache folder; the system takes it from a process that is
gone. Programs of others are not held off: see ``compute.less_memory``.
"""

from __future__ import annotations

import gc
import re
import time
from typing import Any

import torch

from fact_core.compute.device import device_named
from fact_core.compute.less_memory import release
from fact_core.errors import DeviceError, StorageError
from fact_core.events import Log, Progress
from fact_core.files import Lock, lock_holder, take_lock
from fact_core.folders import cache_folder
from fact_core.types import Step, T

ASK_SECONDS = 0.5
STEP = "gpu"  # the progress while it waits
TELL_SECONDS = 2.0  # between two signs of life, at which a stop is heard: a wait may take hours


def in_turn(name: str, note: str, step: Step[T]) -> Step[T]:
    """The step, begun when the GPU behind the device ``name`` is free of our other workers.

    Afterwards its memory is given back. note: of the project, for those who wait. Without a GPU the step alone.
    """
    device = _gpu(name)
    if device is None:
        return (yield from step)
    held = yield from _waited(device, note)
    try:
        torch.cuda.set_device(device)
        return (yield from step)
    finally:
        step.close()
        gc.collect()
        release(device)
        if held is not None:
            held.release()


def _gpu(name: str) -> torch.device | None:
    """The GPU that a run will use; None where it uses none, or will say itself why it cannot."""
    try:
        device = device_named(name)
    except DeviceError:
        return None
    return device if device.type == "cuda" else None


def _waited(device: torch.device, note: str) -> Step[Lock | None]:
    """The GPU's lock; None where it cannot be had at all, on a disk that gives errors: then nobody waits."""
    path = cache_folder() / f"gpu-{_mark(device)}.lock"
    told, last = False, 0.0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (held := take_lock(path, note)) is None:
            if not told:
                pid, project = lock_holder(path)
                yield Log(f"The GPU is used by another project ({project}, process {pid}): this run waits for it.")
                told = True
            if time.monotonic() - last > TELL_SECONDS:
                last = time.monotonic()
                yield Progress(STEP, 0, 1, "turns")
            time.sleep(ASK_SECONDS)
    except (OSError, StorageError):
        return None
    if told:
        yield Log("The GPU is free now.")
    return held


def _mark(device: torch.device) -> str:
    """A name of the GPU that is the same in every process, whatever CUDA_VISIBLE_DEVICES makes of its number."""
    about: Any = torch.cuda.get_device_properties(device)
    index = device.index if device.index is not None else torch.cuda.current_device()
    return re.sub(r"[^0-9A-Za-z-]", "", str(getattr(about, "uuid", ""))) or f"{index}"
