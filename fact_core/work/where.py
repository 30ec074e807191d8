"""Where a run works: its devices, noted with the run, and why a GPU that is there is not used."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fact_core.compute.device import passed_over
from fact_core.compute.several import describe_all, devices_named, left_out
from fact_core.events import Log
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step


@dataclass(frozen=True)
class Where:
    """The device of a run, and further ones that work as well. told: their names, for the person."""

    device: torch.device
    others: tuple[torch.device, ...]
    told: str


def devices_of(project: Project, run: Run, name: str) -> Step[Where]:
    """The devices behind "auto", "cpu", "cuda", "all" or a list.

    DeviceError in words when a GPU is asked for and cannot be used.
    """
    devices, reason = devices_named(name), passed_over(name)
    told = describe_all(devices, reason)
    run_queue.note(project, run.id, device=told)
    if reason:
        yield Log(f"The GPU is not used: {reason}. The CPU works instead.", "warning")
    for each in left_out(name):
        yield Log(f"A GPU is not used: {each}", "warning")
    return Where(devices[0], devices[1:], told)
