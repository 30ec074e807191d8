"""Phase 2: all weights learn ("ff"), or small added matrices ("lora"), from phase 1's head."""

from __future__ import annotations

import copy
import math
import time

import torch
from torch import Tensor

from fact_core.backbones import Backbone
from fact_core.config import FfConfig
from fact_core.data import ImageCache, load_eval
from fact_core.device import peak_memory_mb, reset_peak_memory
from fact_core.events import PhaseDone, Progress
from fact_core.finetune import gate, lora
from fact_core.finetune.loop import Measured, Pictures, loop
from fact_core.finetune.probe import by_logistic_regression, silence
from fact_core.finetune.training import Net, Plan
from fact_core.finetune.work import Work
from fact_core.types import Step

LIVE_CHECK = 128  # check images that are looked at while it trains; all of them are at the end


def run(work: Work, phase: str) -> Step[PhaseDone]:
    """Finetune ``work.backbone`` in place, mix it with the pretrained one where the gate is on, and measure it."""
    config, device, began = work.config.ff, work.device, time.monotonic()
    if work.probe is None:  # a recipe without phase 1 starts from the probe all the same
        work.probe, _ = yield from by_logistic_regression(work.x, work.y, work.n_classes, work.config.lp.C)
    plan = plan_of(phase, config, len(work.y), work.backbone, work.config.amp)
    reset_peak_memory(device)
    pretrained = {name: each.detach().cpu().clone() for name, each in work.backbone.state_dict().items()}
    net = Net(work.backbone, copy.deepcopy(work.probe))
    everything = torch.arange(len(work.y))
    check = yield from _live_check(work, plan)
    trained = yield from train_part(work, phase, net, everything, plan, check, announce=True)
    if config.gate:
        share = yield from gate.choose(work, phase, plan, pretrained, train_part)
        gate.mix(net, {"backbone": pretrained, "head": work.probe.state_dict()}, share)
    silence(net.head, work.y)
    work.backbone_changed()
    work.heads[phase] = net.head
    own, held = yield from work.measure(net.head)
    seconds, epochs = max(trained, time.monotonic() - began), plan.steps * plan.batch / len(work.y)
    check_n = len(work.check.y) if work.check is not None else 0
    return PhaseDone(phase, seconds, epochs, plan.steps, *own, *held, check_n, peak_memory_mb(device))


def plan_of(phase: str, config: FfConfig, n: int, backbone: Backbone, amp: bool) -> Plan:
    """The loop's numbers for n labelled images. LoRA has its own rate, and no layer decay."""
    batch = min(config.batch, n)
    full = phase == "ff"
    return Plan(
        phase,
        steps=config.epochs * math.ceil(n / batch) if config.epochs else config.steps,
        batch=batch,
        pixels=backbone.fit_pixels(config.pixels) if config.pixels else backbone.preprocess.pixels,
        optimiser=config.optimiser if full else "adamw",
        backbone_lr=config.backbone_lr if full else config.lora_lr,
        head_lr=config.head_lr,
        layer_decay=config.layer_decay if full else 1.0,
        weight_decay=config.weight_decay,
        label_smoothing=config.label_smoothing,
        drop_path=config.drop_path,
        crop_min=config.crop_min,
        clip=config.clip,
        ema=config.ema,
        amp=amp,
    )


def train_part(
    work: Work, part: str, net: Net, rows: Tensor, plan: Plan, check: Measured | None = None, announce: bool = False
) -> Step[float]:
    """Train ``net`` on some labelled rows, under a name of its own in the checkpoint. Returns its seconds.

    A part that is finished there is only loaded. LoRA's matrices are merged at the end, so that
    ``net`` always comes back as a plain network.
    """
    stored = work.checkpoint.finished(part)
    if stored is not None:
        net.load_state_dict(stored.tensors)
        return float(stored.values["seconds"])
    config = work.config.ff
    added = None
    if plan.phase == "lora":
        added = lora.add(net.backbone, config.lora_rank, config.lora_alpha, work.seed(f"{part}.lora"))
    try:
        if announce:
            learning = sum(p.numel() for p in net.parameters() if p.requires_grad)
            yield work.started(plan.phase, plan.steps, plan.steps * plan.batch / len(rows), learning)
        files = [work.files[int(row)] for row in rows]
        done = yield from loop(
            net,
            Pictures(ImageCache(files, plan.pixels), work.y[rows]),
            plan,
            device=work.device,
            generator=work.generator(part),
            checkpoint=work.checkpoint,
            part=part,
            check=check,
        )
    finally:
        if added is not None:
            lora.merge(net.backbone, added)
    net.requires_grad_(True)
    work.checkpoint.save(part, net.state_dict(), {"step": plan.steps, "seconds": done.seconds}, finished=True)
    return done.seconds


def _live_check(work: Work, plan: Plan) -> Step[Measured | None]:
    """Some check images at the size of the loop, decoded once."""
    if work.check is None:
        return None
    pre = work.backbone.preprocess.at(plan.pixels)
    files = work.check.files[:LIVE_CHECK]
    pictures = []
    for done, file in enumerate(files):
        pictures.append(torch.from_numpy(load_eval(file, pre)))
        yield Progress("check images", done + 1, len(files))
    return Measured(torch.stack(pictures), torch.as_tensor(work.check.y[:LIVE_CHECK]))
