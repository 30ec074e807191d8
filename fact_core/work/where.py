"""Where a run works: its device, noted with the run, and why a GPU that is there is not used."""

from __future__ import annotations

import torch

from fact_core.compute.device import describe, device_named, passed_over
from fact_core.events import Log
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step


def device_of(project: Project, run: Run, name: str) -> Step[torch.device]:
    """The device behind "auto", "cpu" or "cuda". DeviceError in words when a GPU is asked for and none is usable."""
    device, reason = device_named(name), passed_over(name)
    run_queue.note(project, run.id, device=describe(device, reason))
    if reason:
        yield Log(f"The GPU is not used: {reason}. The CPU works instead.", "warning")
    return device
