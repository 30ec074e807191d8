"""The loop of every phase that goes by steps: rate, gradient, clipped step, averaged weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.compute.lean_torch import plain
from fact_core.errors import ConfigError, RunError
from fact_core.events import Point
from fact_core.segment.metric import UNLABELLED
from fact_core.segment.upernet import Answers, resized
from fact_core.types import Step

SHOWN = 20  # points a phase


@dataclass(frozen=True)
class Plan:
    """How one phase learns. warm_up: steps in which the rate rises, 0: a twentieth of all."""

    phase: str
    steps: int
    warm_up: int = 0
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.0


@dataclass(frozen=True)
class Learned:
    """What a phase took. loss: mean over its last tenth."""

    steps: int
    seconds: float
    parameters: int
    loss: float


def learn(plan: Plan, parts: Sequence[tuple[nn.Module, float]], loss_of: Callable[[int], Tensor]) -> Step[Learned]:
    """Take ``plan.steps`` steps down ``loss_of(step)`` with AdamW; ends with the averaged weights.

    parts: modules with their learning rates; those of 0 stay as they are. RunError where the loss is no number.
    """
    began, groups = time.monotonic(), _groups(parts, plan.weight_decay)
    weights = [each for group in groups for each in group["params"]]
    if not weights:
        raise ConfigError("Nothing would learn", f"{plan.phase}: all learning rates are 0")
    optimiser = plain(torch.optim.AdamW)(groups, lr=1.0)
    means, losses = [each.detach().clone() for each in weights], list[Tensor]()
    for step in range(plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * share_of_rate(step, plan.steps, plan.warm_up)
        found = loss_of(step)
        found.backward()  # type: ignore[no-untyped-call]
        losses.append(found.detach())
        if plan.clip:
            nn.utils.clip_grad_norm_(weights, plan.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        decay = min(plan.ema, (1 + step) / (10 + step))  # early on a long memory would hold the start
        with torch.no_grad():
            torch._foreach_lerp_(means, [each.detach() for each in weights], 1 - decay)
        if step % max(1, plan.steps // SHOWN) == 0 or step + 1 == plan.steps:
            yield _point(plan, step, float(losses[-1]), began)
    if plan.ema:
        with torch.no_grad():
            torch._foreach_copy_([each.detach() for each in weights], means)
    last = torch.stack(losses[-max(1, plan.steps // 10) :]).mean()
    return Learned(plan.steps, time.monotonic() - began, sum(each.numel() for each in weights), float(last))


def loss(answers: Answers, classes: Tensor, auxiliary: float) -> Tensor:
    """Mean cross-entropy of the labelled pixels of classes [B, h, w], and ``auxiliary`` times that of the FCN head.

    Logits are resized to the mask, not the mask to the logits. A batch without a labelled pixel has a loss of 0.
    """
    whole = _cross_entropy(answers.logits, classes)
    if answers.auxiliary is not None and auxiliary:
        whole = whole + auxiliary * _cross_entropy(answers.auxiliary, classes)
    return whole


def share_of_rate(step: int, steps: int, warm_up: int = 0) -> float:
    """Share of the base rate at a step: a linear rise, then a straight line to 0 (mmsegmentation's "poly", power 1)."""
    warm = min(warm_up or max(1, steps // 20), steps // 2 or 1)
    return (step + 1) / (warm + 1) if step < warm else (steps - step) / max(1, steps - warm)


def _cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    wide = resized(logits.float(), (int(classes.shape[1]), int(classes.shape[2])))
    total = functional.cross_entropy(wide, classes, ignore_index=UNLABELLED, reduction="sum")
    return total / (classes != UNLABELLED).sum().clamp(min=1)


def _groups(parts: Sequence[tuple[nn.Module, float]], weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups: no decay on biases, norms and whatever has one axis."""
    groups: list[dict[str, Any]] = []
    for module, rate in parts:
        learning = [each for each in module.parameters() if each.requires_grad and rate]
        for decay, some in (
            (weight_decay, [each for each in learning if each.ndim > 1]),
            (0.0, [each for each in learning if each.ndim <= 1]),
        ):
            if some:
                groups.append({"params": some, "weight_decay": decay, "base": rate})
    return groups


def _point(plan: Plan, step: int, found: float, began: float) -> Point:
    if not math.isfinite(found):
        where = f"{plan.phase}, step {step}"
        raise RunError("The loss is no longer a number", where, "Use a smaller learning rate.")
    each = (time.monotonic() - began) / (step + 1)
    left = each * (plan.steps - step - 1)
    return Point(plan.phase, step + 1, plan.steps, 0.0, loss=round(found, 4), seconds_left=left)
