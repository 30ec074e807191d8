"""The phases: LP (decode head on the frozen backbone), FF or LoRA from there, LM on the frozen finetuned backbone.

The paper's section on dense prediction names the phases and leaves open what phase 3 trains. Its readings: the decode
head anew on augmented maps (``light_head``), and a logistic regression of pixels (``pixels.light_pixels``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from fact_core.backbones.folding import folded_norms
from fact_core.compute.device import amp_dtype, placed
from fact_core.compute.image_batches import normalise
from fact_core.events import Progress
from fact_core.finetune import lora
from fact_core.finetune.training_mode import frozen
from fact_core.lightweight.frofa import augment
from fact_core.segment.frames import Batch, Frames
from fact_core.segment.learn import Learned, Plan, learn, loss
from fact_core.segment.network import Segmenter
from fact_core.segment.settings import SegmentConfig
from fact_core.segment.upernet import Decoder
from fact_core.types import Step


def probe(net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int) -> Step[Learned]:
    """LP: the head "lp" learns on crops, the backbone stays as it is."""
    net.add("lp", seed)
    return (yield from _on_crops(net, "lp", frames, config, device, seed, "lp", config.lp_steps, 0.0))


def finetune(
    net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int, *, alone: bool = False
) -> Step[Learned]:
    """FF: everything learns, the head "ff" from LP's; ``alone``: from a random one, for as long as all phases take.

    Afterwards backbone and head are mixed with what phase 1 had, where ``ff_share`` is below 1 (WiSE-FT).
    """
    steps = config.alone_steps if alone else config.ff_steps
    before = copy.deepcopy(net.backbone.network.state_dict())
    _from_probe(net, seed, alone)
    found = yield from _on_crops(net, "ff", frames, config, device, seed, "ff", steps, config.backbone_lr)
    if not alone and config.ff_share < 1:
        _mix(net.backbone.network, before, config.ff_share)
        _mix(net.heads["ff"], net.heads["lp"].state_dict(), config.ff_share)
    return found


def finetune_lora(
    net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int
) -> Step[Learned]:
    """FF by LoRA: added matrices and the head learn, from LP's head; they are merged into the weights at the end."""
    _from_probe(net, seed, alone=False)
    placed(net, device)
    added = lora.add(net.backbone, config.lora_rank, config.lora_alpha, seed)
    placed(net, device)
    found = yield from _on_crops(net, "ff", frames, config, device, seed, "lora", config.ff_steps, config.lora_lr)
    lora.merge(net.backbone, added)
    net.requires_grad_(True)
    return found


def light_head(net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int) -> Step[Learned]:
    """LM, first reading: the head "head" learns on maps of the frozen backbone, which FroFA changes at each step."""
    maps, classes = yield from kept_maps(net, frames, config, device, seed)
    head = cast(Decoder, net.add("head", seed + 1))
    if config.lm_start == "phase 2":
        head.load_state_dict(net.heads["ff"].state_dict())
    placed(net, device)
    rng, chance = np.random.default_rng([seed, 3]), torch.Generator().manual_seed(seed)
    head.train()

    def loss_of(step: int) -> Tensor:
        rows = torch.from_numpy(rng.permutation(len(classes))[: max(2, min(config.batch, len(classes)))])
        seen = [frofa(each[rows].to(device), config, chance) for each in maps]
        with _drawn(seed, step, device):
            return loss(head(seen), classes[rows].to(device), config.auxiliary)

    found = yield from learn(_plan("lm", config.lm_steps, config), [(head, config.decoder_lr)], loss_of)
    head.eval()
    return found


def frofa(maps: Tensor, config: SegmentConfig, generator: torch.Generator) -> Tensor:
    """Maps [B, C, h, w] changed by channel-squared FroFA: range and draw of each channel of each picture."""
    changed = augment(maps.permute(0, 2, 3, 1), config.frofa, config.strength, generator)
    return changed.permute(0, 3, 1, 2).contiguous()


def kept_maps(
    net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int
) -> Step[tuple[list[Tensor], Tensor]]:
    """Maps [n V, C, h, w] of ``views`` crops of each frame by the frozen backbone, and classes [n V, c, c]."""
    placed(net, device).eval()
    rng, rows = np.random.default_rng([seed, 2]), np.repeat(np.arange(len(frames)), config.views).tolist()
    parts: list[list[Tensor]] = []
    classes = []
    for start in range(0, len(rows), config.batch):
        batch = frames.crops_of(rows[start : start + config.batch], config, rng)
        with torch.no_grad():
            parts.append([each.float().cpu() for each in net.maps(normalise(batch.pictures, _pre(net), device))])
        classes.append(batch.classes)
        yield Progress("lm.maps", start, len(rows), "crops")
    return [torch.cat(each) for each in zip(*parts, strict=True)], torch.cat(classes)


def _from_probe(net: Segmenter, seed: int, alone: bool) -> None:
    """The untrained head "ff", or a copy of LP's."""
    head = net.add("ff", seed)
    if not alone:
        head.load_state_dict(net.heads["lp"].state_dict())


def _on_crops(
    net: Segmenter,
    name: str,
    frames: Frames,
    config: SegmentConfig,
    device: torch.device,
    seed: int,
    phase: str,
    steps: int,
    backbone_lr: float,
) -> Step[Learned]:
    """Steps on fresh crops: the named head learns, the backbone where its rate is not 0."""
    placed(net, device).eval()
    head, network = net.heads[name], net.backbone
    rng = np.random.default_rng([seed, 1])

    def loss_of(step: int) -> Tensor:
        batch: Batch = frames.crops(config.batch, config, rng)
        with _drawn(seed, step, device), _mixed(device):
            with nullcontext() if backbone_lr else torch.no_grad():
                maps = net.maps(normalise(batch.pictures, _pre(net), device))
            return loss(head(maps), batch.classes.to(device), config.auxiliary)

    parts: list[tuple[nn.Module, float]] = [(head, config.decoder_lr)]
    with _training(net, head, bool(backbone_lr), device):
        parts += [(network, backbone_lr)] if backbone_lr else []
        return (yield from learn(_plan(phase, steps, config), parts, loss_of))


@contextmanager
def _training(net: Segmenter, head: nn.Module, all_of_it: bool, device: torch.device) -> Iterator[None]:
    """Inside, the head trains; the backbone's batch norms keep their statistics, and on a CPU cost nothing."""
    net.backbone.freeze_norm()
    net.backbone.train(all_of_it)
    head.train()
    fold = folded_norms(net.backbone.network) if device.type == "cpu" else nullcontext()
    try:
        with nullcontext() if all_of_it else frozen(net.backbone), fold:
            yield
    finally:
        net.eval()
        net.backbone.freeze_norm(False)


def _plan(phase: str, steps: int, config: SegmentConfig) -> Plan:
    return Plan(phase, steps, config.warm_up, config.weight_decay, config.clip, config.ema)


def _pre(net: Segmenter) -> Any:
    return net.backbone.preprocess


def _mix(module: nn.Module, before: dict[str, Tensor], share: float) -> None:
    """share of the module's own values and the rest of ``before``; whole numbers stay."""
    with torch.no_grad():
        for name, each in module.state_dict().items():
            if each.is_floating_point():
                each.lerp_(before[name].to(each), 1 - share)


@contextmanager
def _drawn(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Inside, dropout draws from the step's own seed; torch's generators are as before afterwards."""
    devices = [device.index or torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(1_000_003 * seed + step)
        yield


@contextmanager
def _mixed(device: torch.device) -> Iterator[None]:
    """Mixed precision where the device has bf16; a GPU without it trains in float32."""
    short = amp_dtype(device) == torch.bfloat16
    with torch.autocast(device.type, torch.bfloat16) if short else nullcontext():
        yield
