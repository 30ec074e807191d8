"""What one picture costs a network here."""

from __future__ import annotations

import time

import torch
from torch import nn

PICTURES = 16


def seconds_a_picture(network: nn.Module, pixels: int, device: torch.device) -> float:
    """Seconds of one picture of ``pixels`` x ``pixels`` in float32, in a batch of 16, after a first look.

    On a CPU those of the processor: unlike the clock's they do not tell who else is busy here.
    """
    pictures = torch.zeros(PICTURES, 3, pixels, pixels, device=device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    with torch.inference_mode():
        network(pictures[:2])
        _wait(device)
        began = clock()
        network(pictures)
        _wait(device)
        return (clock() - began) / PICTURES


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
