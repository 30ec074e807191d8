"""Before a training: the free memory of the GPU against an estimate of what is needed."""

from __future__ import annotations

import torch

from fact_core.backbones import Backbone
from fact_core.compute.memory_estimate import answering_bytes, training_bytes
from fact_core.config import TrainConfig
from fact_core.events import Log
from fact_core.finetune.finetune import plan_of
from fact_core.types import Step


def memory_expected(backbone: Backbone, config: TrainConfig, device: torch.device, labels: int) -> Step[None]:
    """Say what a training on so many labels needs of the GPU's memory, and what is free; on a CPU nothing."""
    if device.type != "cuda":
        return
    needed = answering_bytes(backbone)
    for phase in (each for each in config.phases if each not in ("lp", "st", "lm")):
        plan = plan_of(phase, config.ff, labels, backbone, config.amp)
        needed = max(needed, training_bytes(backbone, plan.batch, plan.pixels, config.amp))
    free = torch.cuda.mem_get_info(device)[0]
    told = f"About {needed / 1e9:.1f} GB of the GPU's memory are needed, {free / 1e9:.1f} GB are free"
    if needed > free:
        yield Log(
            f"{told}: fewer images at a time go through it, or the CPU helps. Close what else uses it.", "warning"
        )
    else:
        yield Log(f"{told}.")
