"""What one loop changes: the weights, the optimiser's state and the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import Backbone
from fact_core.compute.device import amp_dtype, answering, placed
from fact_core.compute.image_batches import Picture, normalise, upload
from fact_core.compute.lean_torch import plain
from fact_core.compute.less_memory import LessMemory, out_of_memory, release
from fact_core.errors import ConfigError, DeviceError, RunError
from fact_core.events import Progress
from fact_core.finetune.batches import Batch
from fact_core.finetune.losses import Learned, read
from fact_core.types import Step

if TYPE_CHECKING:
    from fact_core.finetune.together import Together

#: Pixels at a time on a CPU: a stop is heard within a second or two. Smaller pieces were slower by a third
#: (16 images of 96 pixels: 73 a second, 64: 108).
CPU_PIECE = 50 * 128 * 128


@dataclass(frozen=True)
class LoopPlan:
    """How one loop trains. ``pixels`` is the side of the pictures, a rate of 0 freezes that part."""

    phase: str
    steps: int
    batch: int
    pixels: int
    optimiser: str = "adamw"
    backbone_lr: float = 1e-4
    head_lr: float = 1e-3
    layer_decay: float = 1.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    drop_path: float = 0.0
    crop_min: float = 0.5
    clip: float = 0.0
    ema: float = 0.0
    amp: bool = True
    warm_up: int = 0  # steps; 0: a tenth of all


class Net(nn.Module):
    """A backbone with one linear head: images (B, 3, H, W) -> logits (B, K)."""

    def __init__(self, backbone: Backbone, head: nn.Linear) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(images).pooled)
        return logits


def answers_of(net: Net, pictures: Tensor | Picture, device: torch.device) -> tuple[Tensor, Tensor]:
    """(logits (b, K), features (b, D)) float32 on the device, of pictures [b,3,H,W] uint8, by the one policy.

    The head answers in float32 always. ``net`` stays on the device.
    """
    placed(net, device)
    with answering(device):
        pooled = net.backbone(normalise(pictures, net.backbone.preprocess, device)).pooled
    with torch.inference_mode():
        pooled = pooled.float()
        return net.head(pooled).float(), pooled


class Training:
    """The changing side of one loop. ``step`` counts finished optimiser steps."""

    def __init__(
        self, net: Net, classes: Tensor, plan: LoopPlan, device: torch.device, less: LessMemory | None = None
    ) -> None:
        """classes: those that have a label (P,), in order; the others keep their rows of the head, never trained."""
        self.net, self.plan, self.device = net, plan, device
        self.less = less or LessMemory(device)
        self.classes = classes.to(device)
        self.places = torch.full((net.head.out_features,), -1)  # of each class among those that are trained
        self.places[classes] = torch.arange(len(classes))
        self.named = {name: p for name, p in net.named_parameters() if p.requires_grad}
        if not self.named:
            raise ConfigError("Nothing would learn", "all learning rates are 0", "Give ff.backbone_lr or ff.head_lr.")
        self.optimiser = _optimiser(net, plan, device)
        self.average = {name: p.detach().clone() for name, p in self.named.items()} if plan.ema else {}
        self.dtype = (amp_dtype(device) if plan.amp else None) or torch.float32
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        fitting = max(8, CPU_PIECE // plan.pixels**2)
        self.piece = min(plan.batch, fitting) if device.type == "cpu" else plan.batch
        self.step = self.first = 0  # first: of this sitting
        self.unread: list[Learned] = []  # batches whose losses nobody has looked at
        self.call: nn.Module = net  # what answers in training: with several devices the network in its wrapper
        self.together: Together | None = None  # the other devices

    def gradient(self, batch: Batch, target: Tensor) -> Step[None]:
        """Forward and backward for a batch of classes ``target`` (b,); ``losses`` tells what it gave.

        Out of memory: the batch goes through in smaller pieces whose gradients add up to the same. ``Parted`` where one
        of several devices is lost: nothing was learned from the batch.
        """
        if self.together is not None:
            yield from self.together.gradient(self, batch, target)
            return
        while True:
            try:
                self.unread.append((yield from self.pieces(batch, target)))
                return
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                if self.piece == 1 and self.step == self.first and self.device.type != "cpu":
                    raise  # nothing is learned yet: the CPU may begin
                if self.piece == 1:
                    raise DeviceError(
                        "Not even one image at a time fits into memory",
                        f"{self.plan.pixels} pixels on {self.device}",
                        "Train on fewer pixels (ff.pixels), choose a smaller backbone, or the device cpu.",
                    ) from error
            self.piece = math.ceil(min(self.piece, len(target)) / 2)
            self.optimiser.zero_grad(set_to_none=True)
            release(self.device)
            yield from self.less.tell(self.piece)

    def losses(self) -> list[tuple[float, float]]:
        """(mean loss, accuracy) of each batch since they were asked for last. RunError where one is no number."""
        unread, self.unread = self.unread, []
        found = read(unread)
        if not all(math.isfinite(loss) for loss, _ in found):
            raise RunError(
                "The loss is no longer a number", f"{self.plan.phase}, step {self.step}", "Use a smaller learning rate."
            )
        return found

    def pieces(self, batch: Batch, target: Tensor, together: Together | None = None) -> Step[Learned]:
        """What the batch gave. together: of several devices, whose gradients are averaged behind the last piece.

        Each device's loss is so many times as large, so that the mean over all of them is that of the whole batch.
        """
        n = batch.whole / (together.world if together is not None else 1)
        learned = Learned(batch.whole)
        where = upload(self.places[target], self.device)
        for start in range(0, len(target), self.piece):
            part, last = slice(start, start + self.piece), start + self.piece >= len(target)
            with together.part(batch, start, last) if together is not None else nullcontext():
                noise = batch.noise + (start if together is None else 0)
                loss, hits = self._piece(batch.pictures[part], where[part], noise, n)
            learned.losses.append(loss)
            learned.hits.append(hits)
            if self.piece < len(target):
                yield Progress(self.plan.phase, self.step, self.plan.steps, "steps")
        return learned

    def _piece(self, pictures: Tensor, where: Tensor, noise: int, n: float) -> tuple[Tensor, Tensor]:
        images = normalise(pictures, self.net.backbone.preprocess, self.device, torch.float32)
        with _seeded(noise, self.device), self._autocast():
            logits = self.call(images)
        logits = logits.float()[:, self.classes]
        smoothing = self.plan.label_smoothing
        loss = functional.cross_entropy(logits, where, reduction="sum", label_smoothing=smoothing) / n
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), (logits.detach().argmax(1) == where).sum()

    def update(self) -> None:
        """One optimiser step at the rate of the schedule, and the averaged weights after it."""
        plan = self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * share_of_rate(self.step, plan.steps, plan.warm_up)
        if plan.clip:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.named.values(), plan.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        # Early on a long memory would hold the starting weights (as in timm's ModelEmaV3 with warm-up).
        decay = min(plan.ema, (1 + self.step) / (10 + self.step))
        if self.average:
            with torch.no_grad():
                torch._foreach_lerp_([*self.average.values()], [self.named[name] for name in self.average], 1 - decay)

    def swap(self) -> None:
        """Exchange the weights with their averages; a second call undoes it to the bit."""
        if self.average:
            with torch.no_grad():
                weights: list[Tensor] = [self.named[name] for name in self.average]
                means = [*self.average.values()]
                kept = [each.detach().clone() for each in weights]
                torch._foreach_copy_(weights, means)
                torch._foreach_copy_(means, kept)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All of it, as tensors and plain values."""
        tensors = {f"weight:{name}": p.detach() for name, p in self.named.items()}
        tensors |= {f"average:{name}": mean for name, mean in self.average.items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser:{index}:{key}": v for key, v in slots.items() if isinstance(v, Tensor)}
        return tensors, {"step": self.step, "scaler": self.scaler.state_dict(), "piece": self.piece}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Go on from a ``state``."""
        slots: dict[int, dict[str, Tensor]] = {}
        with torch.no_grad():
            for key, tensor in tensors.items():
                kind, _, rest = key.partition(":")
                if kind == "weight":
                    self.named[rest].copy_(tensor)
                elif kind == "average":
                    self.average[rest].copy_(tensor)
                elif kind == "optimiser":
                    index, _, name = rest.partition(":")
                    slots.setdefault(int(index), {})[name] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": slots})
        for parameter, kept in self.optimiser.state.items():
            for name, tensor in kept.items():
                # The layout of the weights: another one may be summed in another order.
                if isinstance(tensor, Tensor) and tensor.shape == parameter.shape:
                    kept[name] = torch.empty_like(parameter).copy_(tensor)
        if values["scaler"] and self.scaler.is_enabled():  # the format may be another one now: its scale says nothing
            self.scaler.load_state_dict(values["scaler"])
        self.step, self.piece = values["step"], values["piece"]
        self.first = self.step

    def _autocast(self) -> AbstractContextManager[Any]:
        on = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype) if on else nullcontext()


def share_of_rate(step: int, steps: int, warm_up: int = 0) -> float:
    """Share of the base learning rate at a step: a linear warm-up (0: over a tenth of all), then a cosine to 0."""
    warm = warm_up or max(1, steps // 10)
    if step < warm:
        return (step + 1) / (warm + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights, on the CPU."""
    return {name: each.detach().cpu().clone() for name, each in module.state_dict().items()}


def count_learning(net: Net, plan: LoopPlan) -> int:
    """How many weights learn: those of a part whose rate is 0 do not."""
    parts = ((net.backbone, plan.backbone_lr), (net.head, plan.head_lr))
    return sum(p.numel() for part, lr in parts if lr for p in part.parameters() if p.requires_grad)


def _optimiser(net: Net, plan: LoopPlan, device: torch.device) -> torch.optim.Optimizer:
    """AdamW or Nesterov SGD; ``base`` of a group is its full rate. No weight decay on biases and norms."""
    network = net.backbone.network
    groups: list[dict[str, Any]] = []
    if plan.backbone_lr and any(p.requires_grad for p in network.parameters()):
        ask = getattr(network, "no_weight_decay", None)
        skip = ask() if callable(ask) else ()
        groups = param_groups_layer_decay(network, plan.weight_decay, skip, layer_decay=plan.layer_decay)
        for group in groups:
            group["base"] = plan.backbone_lr * group.pop("lr_scale")
    head = net.head
    groups.append({"params": [head.weight], "weight_decay": plan.weight_decay, "base": plan.head_lr})
    groups.append({"params": [head.bias], "weight_decay": 0.0, "base": plan.head_lr})
    if plan.optimiser == "sgd":
        return plain(torch.optim.SGD)(groups, lr=1.0, momentum=0.9, nesterov=True)
    return plain(torch.optim.AdamW)(groups, lr=1.0, fused=device.type == "cuda" or None)  # one kernel for many weights


class _seeded:
    """Inside, torch's global generators start from ``seed``; afterwards they are as before (drop path uses them)."""

    def __init__(self, seed: int, device: torch.device) -> None:
        # Of an Apple GPU torch cannot keep the state; nothing but drop path draws there, and each step seeds anew.
        devices = [device.index or torch.cuda.current_device()] if device.type == "cuda" else []
        self.seed, self.fork = seed, torch.random.fork_rng(devices)

    def __enter__(self) -> None:
        self.fork.__enter__()
        torch.manual_seed(self.seed)

    def __exit__(self, *error: Any) -> None:
        self.fork.__exit__(*error)
