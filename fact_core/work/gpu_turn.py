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

from fact_core.compute.less_memory import release
from fact_core.compute.several import devices_named
from fact_core.errors import DeviceError, StorageError
from fact_core.events import Log, Progress
from fact_core.files import Lock, lock_holder, take_lock
from fact_core.folders import cache_folder
from fact_core.types import Step, T

ASK_SECONDS = 0.5
STEP = "gpu"  # the progress while it waits
TELL_SECONDS = 2.0  # between two signs of life, at which a stop is heard: a wait may take hours


def in_turn(name: str, note: str, step: Step[T]) -> Step[T]:
    """The step, begun when the GPUs behind the device ``name`` are free of our other workers.

    Afterwards their memory is given back. note: of the project, for those who wait. Without a GPU the step alone.
    """
    devices = _gpus(name)
    if not devices:
        return (yield from step)
    held: list[Lock] = []
    try:
        for each in sorted(devices, key=_mark):  # in one order for all: else two would wait for each other
            held += yield from _waited(each, note)
        torch.cuda.set_device(devices[0])
        return (yield from step)
    finally:
        step.close()
        gc.collect()
        release(devices[0])
        for lock in held:
            lock.release()


def _gpus(name: str) -> tuple[torch.device, ...]:
    """The GPUs that a run will use; none where it uses none, or will say itself why it cannot."""
    try:
        devices = devices_named(name)
    except DeviceError:
        return ()
    return tuple(each for each in devices if each.type == "cuda")


def _waited(device: torch.device, note: str) -> Step[list[Lock]]:
    """The GPU's lock; nothing where it cannot be had at all, on a disk that gives errors: then nobody waits."""
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
        return []
    if told:
        yield Log("The GPU is free now.")
    return [held]


def _mark(device: torch.device) -> str:
    """A name of the GPU that is the same in every process, whatever CUDA_VISIBLE_DEVICES makes of its number."""
    about: Any = torch.cuda.get_device_properties(device)
    index = device.index if device.index is not None else torch.cuda.current_device()
    return re.sub(r"[^0-9A-Za-z-]", "", str(getattr(about, "uuid", ""))) or f"{index}"
