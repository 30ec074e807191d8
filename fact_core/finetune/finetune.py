"""Phase 2: all weights learn ("ff"), few ("ln", "bitfit"), or added parts ("lora", "prompt", "prefix"), from a head."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone, adapters, partial_tuning
from fact_core.choices import PHASES, RECIPES
from fact_core.compute.device import peak_memory_mb, reset_peak_memory
from fact_core.compute.image_batches import Preprocess
from fact_core.compute.training_images import ImageCache
from fact_core.config import FfConfig
from fact_core.events import Decision, Log, PhaseDone
from fact_core.finetune import lora, phase_cache, weight_mix
from fact_core.finetune.live_check import by_test, live_check, marked
from fact_core.finetune.loop import Measured, Pictures, loop
from fact_core.finetune.loop_state import LoopPlan, Net, count_learning, weights_of
from fact_core.finetune.probe import converged, silence, start_of
from fact_core.finetune.training_run import TrainingInputs, TrainingState, ended, linear
from fact_core.generators import quietly
from fact_core.types import Step


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Finetune ``state.backbone`` in place, mix it with the pretrained one where the gate is on, and measure it.

    A network that an earlier run made from the same labels and options is taken over (``reuse``).
    """
    alone = RECIPES[inputs.config.recipe].random_head
    head = yield from first_head(inputs, state, phase, alone)
    plan = plan_of(phase, inputs.config.ff, len(inputs.y), state.backbone, inputs.config.amp, alone)
    reset_peak_memory(inputs.device)
    net = Net(state.backbone, copy.deepcopy(head))
    training = partial(_train, inputs, state, phase, net, plan, alone)
    return (yield from learned(inputs, state, phase, net, plan, bound_to(inputs, state.backbone, plan), training))


def bound_to(inputs: TrainingInputs, backbone: Backbone, plan: LoopPlan) -> phase_cache.Binding | None:
    """What a kept network of this plan is bound to; None where none is kept."""
    if inputs.reuse is None or by_test(inputs.check, inputs.config.ff.keep):
        return None  # weights chosen on check images depend on those as well
    return phase_cache.binding(inputs, backbone, plan)


def learned(
    inputs: TrainingInputs,
    state: TrainingState,
    phase: str,
    net: Net,
    plan: LoopPlan,
    bound: phase_cache.Binding | None,
    training: Callable[[], Step[dict[str, Any]]],
    sees: Preprocess | None = None,
) -> Step[PhaseDone]:
    """Fill ``net`` by ``training``, or with the network kept under ``bound``, make it the run's own, and measure it.

    training gives plain values to keep with the network: "parameters" that learned, "decisions", and where they differ
    from the plan's own "steps", and from the labelled images "epoch", the pictures of one. sees: how a network that
    has learned sees pictures from now on.
    """
    kept = phase_cache.find(inputs.reuse, bound) if bound is not None else None
    if kept is None:
        values = yield from training()
        values["seconds"] = inputs.checkpoint.seconds()
        values["memory"] = peak_memory_mb(inputs.device)
        values["interrupted"] = inputs.checkpoint.went_on()
        if bound is not None and inputs.reuse is not None:
            phase_cache.store(inputs.reuse, bound, net.state_dict(), values)
    else:
        values = kept.values
        yield from _take_over(inputs, state, phase, net, kept, plan)
    if sees is not None and values.get("steps", plan.steps):
        state.backbone.preprocess = sees
    silence(net.head, inputs.y)
    state.seen.clear()  # by the former backbone
    state.heads[phase] = net.head
    steps = values.get("steps", plan.steps)
    epochs = steps * plan.batch / values.get("epoch", len(inputs.y))
    done = yield from ended(inputs, state, phase, values["seconds"], epochs, steps, values["memory"])
    return replace(done, interrupted=values["interrupted"])


def first_head(inputs: TrainingInputs, state: TrainingState, phase: str, alone: bool) -> Step[nn.Linear]:
    """The head that phase 2 starts from: a probe, or one that knows nothing."""
    if alone:
        head = linear(torch.zeros(inputs.n_classes, state.backbone.dim), torch.zeros(inputs.n_classes))
        nn.init.trunc_normal_(head.weight, std=0.02, generator=inputs.generator(f"{phase}.head"))
        silence(head, inputs.y)
        return head
    if state.probe is None:  # a recipe without phase 1 starts from the probe all the same
        state.probe, _ = yield from converged(inputs)
    return (yield from start_of(inputs, phase, state.probe))


def _train(
    inputs: TrainingInputs, state: TrainingState, phase: str, net: Net, plan: LoopPlan, alone: bool
) -> Step[dict[str, Any]]:
    """Train ``net`` on all labelled images and mix it with the pretrained one. Returns what learned and was decided."""
    pretrained, ff = weights_of(state.backbone), inputs.config.ff
    check = yield from live_check(inputs.check, state.backbone.preprocess, plan.pixels, ff.keep)
    before = len(state.decisions)
    parameters = yield from train_part(inputs, phase, net, torch.arange(len(inputs.y)), plan, check, announce=True)
    if by_test(inputs.check, ff.keep):
        yield state.decided(marked())
    if ff.gate != "off" and state.probe is not None and not alone:  # a head that knows nothing: no way back
        share = yield from weight_mix.choose(inputs, state, phase, plan, pretrained, train_part)
        probe = state.probe
        if share < 1 and inputs.config.lp.mode != "lr":  # the gate looked at mixes with the converged probe, not SGD's
            probe, _ = yield from quietly(converged(inputs))
        weight_mix.mix(net, {"backbone": pretrained, "head": probe.state_dict()}, share)
    return {"parameters": parameters, "decisions": [asdict(each) for each in state.decisions[before:]]}


def _take_over(
    inputs: TrainingInputs, state: TrainingState, phase: str, net: Net, kept: phase_cache.Tuned, plan: LoopPlan
) -> Step[None]:
    """Fill ``net`` with a kept network."""
    if not weight_mix.given_up(kept.values["decisions"]):
        _add_adapters(inputs, net, plan.phase, plan.phase)
    net.load_state_dict(kept.tensors)
    net.to(inputs.device).eval()
    steps, epoch = kept.values.get("steps", plan.steps), kept.values.get("epoch", len(inputs.y))
    yield inputs.started(phase, steps, steps * plan.batch / epoch, kept.values["parameters"])
    yield Log(f"{PHASES[phase].title} is taken over from an earlier run on the same labels with the same options.")
    for each in kept.values["decisions"]:
        yield state.decided(Decision(**each))


def plan_of(phase: str, config: FfConfig, n: int, backbone: Backbone, amp: bool, alone: bool = False) -> LoopPlan:
    """The loop's numbers for n labelled images. Added parts have their own rate, and no layer decay.

    alone: without phase 1.
    """
    batch = min(config.batch, n)
    epochs = (config.alone_epochs if alone else 0) or config.epochs
    full, stays = phase == "ff", adapters.planned(phase, config) is not None
    added_lr = config.prompt_lr if stays else config.few_lr if phase in partial_tuning.KINDS else config.lora_lr
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
    inputs: TrainingInputs,
    part: str,
    net: Net,
    rows: Tensor,
    plan: LoopPlan,
    check: Measured | None = None,
    announce: bool = False,
) -> Step[int]:
    """``train_on`` some labelled rows. announce: as the run's phase 2."""
    files, ranges = [inputs.files[int(row)] for row in rows], net.backbone.preprocess.ranges
    pictures = Pictures(ImageCache(files, plan.pixels, ranges=ranges), inputs.y[rows])
    return (yield from train_on(inputs, part, net, pictures, plan, check, plan.phase if announce else ""))


def train_on(
    inputs: TrainingInputs,
    part: str,
    net: Net,
    pictures: Pictures,
    plan: LoopPlan,
    check: Measured | None = None,
    announce: str = "",
) -> Step[int]:
    """Train ``net`` in place. Returns how many weights learned.

    part: its name in the checkpoint; one that is finished there is only loaded. announce: the phase that is said to
    begin, if any. LoRA's matrices are merged at the end, so that ``net`` comes back as a plain network; prompts and
    prefixes stay in it.
    """
    _add_adapters(inputs, net, plan.phase, part)
    stored = inputs.checkpoint.finished(part)
    if stored is not None:
        net.load_state_dict(stored.tensors)
        # As the loop would have left it: the head may still lie on the CPU.
        net.to(inputs.device).to(memory_format=torch.channels_last).requires_grad_(True).eval()  # type: ignore[call-overload]
        return int(stored.values["parameters"])
    config = inputs.config.ff
    added = None
    if plan.phase == "lora":
        more = {"stabilised": config.lora_rslora, "dora": config.lora_dora}
        added = lora.add(net.backbone, config.lora_rank, config.lora_alpha, inputs.seed(f"{part}.lora"), **more)
    elif plan.phase in partial_tuning.KINDS:
        partial_tuning.only(net.backbone, plan.phase)
    try:
        parameters = count_learning(net, plan)
        if announce:
            yield inputs.started(announce, plan.steps, plan.steps * plan.batch / pictures.epoch, parameters)
        yield from loop(
            net,
            pictures,
            plan,
            device=inputs.device,
            generator=inputs.generator(part),
            checkpoint=inputs.checkpoint,
            part=part,
            check=check,
            keep_best=config.keep == "best_test",
            less=inputs.less,
            crew=inputs.crew,
        )
    finally:
        if added is not None:
            lora.merge(net.backbone, added)
    net.requires_grad_(True)
    values = {"step": plan.steps, "parameters": parameters}
    inputs.checkpoint.save(part, net.state_dict(), values, finished=True)
    return parameters


def _add_adapters(inputs: TrainingInputs, net: Net, phase: str, part: str) -> None:
    """Put in what the phase adds for good, if anything."""
    about = adapters.planned(phase, inputs.config.ff)
    if about is not None:
        adapters.add(net.backbone, about, inputs.generator(f"{part}.adapters"))
