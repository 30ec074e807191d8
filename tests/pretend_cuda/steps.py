"""Launches and waits of one step, counted on the pretend device; ``limits.json`` holds them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from fact_core.backbones import Backbone
from fact_core.compute.training_images import ImageCache
from fact_core.config import LmConfig
from fact_core.finetune import loop as loops
from fact_core.finetune import meter
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.loop_state import LoopPlan, Net
from fact_core.finetune.training_run import linear
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.map_train import MapTraining, Memory, reduction, train_map
from tests.finetune_help import coloured
from tests.pretend_cuda.device import GPU, Device
from tests.pretend_cuda.pipelines import Y, network

FEW, MANY = 2, 4  # steps; what is done once falls out of their difference


def checks(device: Device) -> dict[str, Callable[[Path], Any]]:
    """name -> check: launches, waits and copies of one more step."""
    full = LoopPlan("ff", 0, 4, 32, weight_decay=0.05, label_smoothing=0.1, drop_path=0.1, clip=2.0, ema=0.99)
    probe = LoopPlan("lp", 0, 4, 32, "sgd", backbone_lr=0.0, head_lr=0.01, label_smoothing=0.1, clip=2.0)
    return {
        "step/phase 2, transformer": partial(_training, device, "", full),
        "step/phase 2, convolutions": partial(_training, device, "convolutions", full),
        "step/probe by SGD": partial(_training, device, "", probe),
        "step/L-BFGS": partial(_lbfgs, device),
        "step/attention pooling": partial(_attention, device),
    }


def _each(device: Device, run: Callable[[int], Any]) -> dict[str, Any]:
    """What one step costs, by two runs of ``FEW`` and ``MANY`` steps; waits by their lines."""
    found: list[tuple[int, int, int]] = []
    waits: list[dict[str, int]] = []
    for steps in (FEW, MANY):
        device.counts.reset()
        with device:
            run(steps)
        found.append((device.counts.launches, device.counts.syncs, device.counts.copies))
        waits.append(dict(device.counts.waits))
    launches, syncs, copies = ((many - few) / (MANY - FEW) for few, many in zip(*found, strict=True))
    lines = {line: count - waits[0].get(line, 0) for line, count in waits[1].items() if count > waits[0].get(line, 0)}
    return {"launches": launches, "syncs": syncs, "copies": copies, "lines": lines}


def _training(device: Device, name: str, plan: LoopPlan, folder: Path) -> Any:
    data, device.bfloat16 = coloured(folder, Y), True
    meter.POINTS = 1  # so that no point is due on the way

    def run(steps: int) -> None:
        net = _net(network(name))
        pictures = loops.Pictures(ImageCache(data.files, plan.pixels), torch.from_numpy(data.y))
        asked = replace(plan, steps=steps, pixels=net.backbone.preprocess.pixels)
        made, kept = torch.Generator().manual_seed(0), Checkpoint(None, "")
        finish(loops.loop(net, pictures, asked, device=GPU, generator=made, checkpoint=kept, part="a"))

    return _each(device, run)


def _net(backbone: Backbone) -> Net:
    return Net(backbone, linear(torch.zeros(3, backbone.dim), torch.zeros(3)))


def _lbfgs(device: Device, folder: Path) -> Any:
    made = torch.Generator().manual_seed(0)
    x, y = torch.randn(120, 24, generator=made), torch.randint(5, (120,), generator=made)
    logistic.WORTH_A_GPU = 0

    def run(steps: int) -> None:
        finish(logistic.fit(x, y, 5, C=10.0, device=GPU, max_iter=steps))

    return _each(device, run)


def _attention(device: Device, folder: Path) -> Any:
    made = torch.Generator().manual_seed(0)
    tokens, y = torch.randn(20, 4, 4, 24, generator=made).half(), torch.randint(3, (20,), generator=made)

    def run(steps: int) -> None:
        here = tokens.to(GPU)
        reduce = reduction(tokens.reshape(-1, 24).float(), 16).to(GPU)
        start = torch.zeros(3, 16).to(GPU), torch.zeros(3).to(GPU)
        training = MapTraining(here, y.to(GPU), 3, reduce, start, LmConfig(), steps, 0)
        finish(train_map(training, "map", Memory()))

    return _each(device, run)
