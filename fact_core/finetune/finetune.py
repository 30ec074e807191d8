"""Phase 2: all weights learn ("ff"), or small added parts ("lora", "prompt", "prefix"), from phase 1's head."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone, adapters
from fact_core.choices import PHASES, RECIPES
from fact_core.compute.device import peak_memory_mb, reset_peak_memory
from fact_core.compute.image_batches import ImageCache
from fact_core.config import FfConfig
from fact_core.events import Decision, Log, PhaseDone
from fact_core.finetune import lora, phase_cache, weight_mix
from fact_core.finetune.live_check import by_test, live_check, marked
from fact_core.finetune.loop import Measured, Pictures, loop
from fact_core.finetune.probe import converged, silence, start_of
from fact_core.finetune.training import LoopPlan, Net, learning, weights_of
from fact_core.finetune.training_run import Work, linear
from fact_core.generators import map_events
from fact_core.types import Step


def run(work: Work, phase: str) -> Step[PhaseDone]:
    """Finetune ``work.backbone`` in place, mix it with the pretrained one where the gate is on, and measure it.

    A network that an earlier run made from the same labels and options is taken over (``reuse``).
    """
    alone = RECIPES[work.config.recipe].random_head
    head = yield from first_head(work, phase, alone)
    plan = plan_of(phase, work.config.ff, len(work.y), work.backbone, work.config.amp, alone)
    reset_peak_memory(work.device)
    net = Net(work.backbone, copy.deepcopy(head))
    training = partial(_train, work, phase, net, plan, alone)
    return (yield from learned(work, phase, net, plan, bound_to(work, plan), training))


def bound_to(work: Work, plan: LoopPlan) -> phase_cache.Binding | None:
    """What a kept network of this plan is bound to; None where none is kept."""
    if work.reuse is None or by_test(work):  # weights chosen on check images depend on those as well
        return None
    return phase_cache.binding(work, plan)


def learned(
    work: Work,
    phase: str,
    net: Net,
    plan: LoopPlan,
    bound: phase_cache.Binding | None,
    training: Callable[[], Step[dict[str, Any]]],
) -> Step[PhaseDone]:
    """Fill ``net`` by ``training``, or with the network kept under ``bound``, make it the run's own, and measure it.

    training gives plain values to keep with the network: "parameters" that learned, "decisions", and where they differ
    from the plan's own "steps", and from the labelled images "epoch", the pictures of one.
    """
    kept = phase_cache.find(work.reuse, bound) if bound is not None else None
    if kept is None:
        values = yield from training()
        values["seconds"] = work.checkpoint.seconds()
        values["memory"] = peak_memory_mb(work.device)
        values["interrupted"] = work.checkpoint.went_on()
        if bound is not None and work.reuse is not None:
            phase_cache.store(work.reuse, bound, net.state_dict(), values)
    else:
        values = kept.values
        yield from _take_over(work, phase, net, kept, plan)
    silence(net.head, work.y)
    work.backbone_changed()
    work.heads[phase] = net.head
    steps = values.get("steps", plan.steps)
    epochs = steps * plan.batch / values.get("epoch", len(work.y))
    done = yield from work.ended(phase, net.head, values["seconds"], epochs, steps, values["memory"])
    return replace(done, interrupted=values["interrupted"])


def first_head(work: Work, phase: str, alone: bool) -> Step[nn.Linear]:
    """The head that phase 2 starts from: a probe, or one that knows nothing (method.md 4.2)."""
    if alone:
        head = linear(torch.zeros(work.n_classes, work.backbone.dim), torch.zeros(work.n_classes))
        nn.init.trunc_normal_(head.weight, std=0.02, generator=work.generator(f"{phase}.head"))
        silence(head, work.y)
        return head
    if work.probe is None:  # a recipe without phase 1 starts from the probe all the same
        work.probe, _ = yield from converged(work)
    return (yield from start_of(work, phase, work.probe))


def _train(work: Work, phase: str, net: Net, plan: LoopPlan, alone: bool) -> Step[dict[str, Any]]:
    """Train ``net`` on all labelled images and mix it with the pretrained one. Returns what learned and was decided."""
    pretrained = weights_of(work.backbone)
    check = yield from live_check(work, plan)
    before = len(work.decisions)
    parameters = yield from train_part(work, phase, net, torch.arange(len(work.y)), plan, check, announce=True)
    if by_test(work):
        yield from marked(work)
    if work.config.ff.gate != "off" and work.probe is not None and not alone:  # a head that knows nothing: no way back
        share = yield from weight_mix.choose(work, phase, plan, pretrained, train_part)
        probe = work.probe
        if share < 1 and work.config.lp.mode != "lr":  # the gate looked at mixes with the converged probe, not SGD's
            probe, _ = yield from map_events(converged(work), lambda event: None)
        weight_mix.mix(net, {"backbone": pretrained, "head": probe.state_dict()}, share)
    return {"parameters": parameters, "decisions": [asdict(each) for each in work.decisions[before:]]}


def _take_over(work: Work, phase: str, net: Net, kept: phase_cache.Tuned, plan: LoopPlan) -> Step[None]:
    """Fill ``net`` with a kept network."""
    if not weight_mix.given_up(kept.values["decisions"]):
        _add_adapters(work, net, plan.phase, plan.phase)
    net.load_state_dict(kept.tensors)
    net.to(work.device).eval()
    steps, epoch = kept.values.get("steps", plan.steps), kept.values.get("epoch", len(work.y))
    yield work.started(phase, steps, steps * plan.batch / epoch, kept.values["parameters"])
    yield Log(f"{PHASES[phase].title} is taken over from an earlier run on the same labels with the same options.")
    for each in kept.values["decisions"]:
        decision = Decision(**each)
        work.decisions.append(decision)
        yield decision


def plan_of(phase: str, config: FfConfig, n: int, backbone: Backbone, amp: bool, alone: bool = False) -> LoopPlan:
    """The loop's numbers for n labelled images. Added parts have their own rate, and no layer decay.

    alone: without phase 1.
    """
    batch = min(config.batch, n)
    epochs = (config.alone_epochs if alone else 0) or config.epochs
    full, stays = phase == "ff", adapters.planned(phase, config) is not None
    added_lr = config.prompt_lr if stays else config.lora_lr
    return LoopPlan(
        phase,
        steps=math.ceil(epochs * n / batch) if epochs else config.steps,  # a last batch is filled by the next epoch
        batch=batch,
        pixels=backbone.fit_pixels(config.pixels) if config.pixels else backbone.preprocess.pixels,
        optimiser=config.optimiser if full else "adamw",
        backbone_lr=config.backbone_lr if full else added_lr,
        head_lr=config.head_lr,
        layer_decay=config.layer_decay if full else 1.0,
        weight_decay=config.weight_decay,
        label_smoothing=config.label_smoothing,
        drop_path=0.0 if stays else config.drop_path,
        crop_min=config.crop_min,
        clip=config.clip,
        ema=config.ema,
        amp=amp,
        warm_up=math.ceil(config.warm_epochs * n / batch),
    )


def train_part(
    work: Work, part: str, net: Net, rows: Tensor, plan: LoopPlan, check: Measured | None = None, announce: bool = False
) -> Step[int]:
    """``train_on`` some labelled rows. announce: as the run's phase 2."""
    pictures = Pictures(ImageCache([work.files[int(row)] for row in rows], plan.pixels), work.y[rows])
    return (yield from train_on(work, part, net, pictures, plan, check, plan.phase if announce else ""))


def train_on(
    work: Work,
    part: str,
    net: Net,
    pictures: Pictures,
    plan: LoopPlan,
    check: Measured | None = None,
    announce: str = "",
) -> Step[int]:
    """Train ``net`` under a name of its own in the checkpoint. Returns how many weights learned.

    announce: the phase that is said to begin. A part that is finished there is only loaded. LoRA's matrices are merged
    at the end, so that ``net`` comes back as a plain network; prompts and prefixes stay in it.
    """
    _add_adapters(work, net, plan.phase, part)
    stored = work.checkpoint.finished(part)
    if stored is not None:
        net.load_state_dict(stored.tensors)
        # As the loop would have left it: the head may still lie on the CPU.
        net.to(work.device).to(memory_format=torch.channels_last).requires_grad_(True).eval()  # type: ignore[call-overload]
        return int(stored.values["parameters"])
    config = work.config.ff
    added = None
    if plan.phase == "lora":
        added = lora.add(net.backbone, config.lora_rank, config.lora_alpha, work.seed(f"{part}.lora"))
    try:
        parameters = learning(net, plan)
        if announce:
            yield work.started(announce, plan.steps, plan.steps * plan.batch / pictures.epoch, parameters)
        yield from loop(
            net,
            pictures,
            plan,
            device=work.device,
            generator=work.generator(part),
            checkpoint=work.checkpoint,
            part=part,
            check=check,
            keep_best=config.keep == "best_test",
        )
    finally:
        if added is not None:
            lora.merge(net.backbone, added)
    net.requires_grad_(True)
    values = {"step": plan.steps, "parameters": parameters}
    work.checkpoint.save(part, net.state_dict(), values, finished=True)
    return parameters


def _add_adapters(work: Work, net: Net, phase: str, part: str) -> None:
    """Put in what the phase adds for good, if anything."""
    about = adapters.planned(phase, work.config.ff)
    if about is not None:
        adapters.add(net.backbone, about, work.generator(f"{part}.adapters"))
