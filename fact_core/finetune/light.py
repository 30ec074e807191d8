"""Phase 3: the light model on the frozen features of the present backbone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from fact_core.events import Event, PhaseDone, Point, Saved
from fact_core.finetune.work import Work
from fact_core.lightweight.light import fit
from fact_core.lightweight.logistic import MAX_ITER
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Memory
from fact_core.types import Step

POOL_TOKENS = 20_000  # for the PCA of the pool's tokens


def run(work: Work, phase: str) -> Step[PhaseDone]:
    """Fit the light model to the labelled images, with the pool's tokens for its PCA, and measure it."""
    began, config = time.monotonic(), work.config.lm
    yield work.started(phase, planned_steps(config.mode, config.steps), 0.0, _parameters(work))
    seen = yield from work.look("labelled")
    check = None
    if work.check is not None:
        held = yield from work.look("check")
        check = (held.pooled, held.patches, torch.as_tensor(work.check.y))
    pool = yield from _pool_tokens(work)
    stored = work.checkpoint.load(phase)
    memory = Memory(dict(stored.tensors) if stored is not None else {})
    fitting = fit(
        seen.pooled,
        seen.patches,
        work.y,
        work.n_classes,
        pool_patches=pool,
        config=config,
        generator=work.generator(phase),
        device=work.device,
        check=check,
        memory=memory,
    )
    last = 0
    while True:
        try:
            event = next(fitting)
        except StopIteration as stop:
            head, decisions = stop.value
            break
        last = event.step if isinstance(event, Point) else last
        yield event
        yield from _save(work, phase, memory, last)
    work.decisions.extend(decisions)
    work.heads[phase] = head
    own, held_out = yield from work.measure(head)
    check_n = len(work.check.y) if work.check is not None else 0
    return PhaseDone(phase, time.monotonic() - began, 0.0, last, *own, *held_out, check_n)


def planned_steps(mode: str, steps: int) -> int:
    """The attention steps; without any, the most iterations of the solver. Those behind attention come on top."""
    return MAX_ITER if mode == "lr" else steps


def _save(work: Work, phase: str, memory: Memory, step: int) -> Iterator[Event]:
    if work.checkpoint.due():
        work.checkpoint.save(phase, memory.state(), {"step": step})
        yield Saved(phase, step)


def _pool_tokens(work: Work) -> Step[Tensor | None]:
    """Some tokens (m, C) of the pool, spread evenly over its images."""
    if not work.pool_files or work.config.lm.mode == "lr":
        return None
    seen = yield from work.look("pool")
    flat = seen.patches.flatten(0, -2)
    every = max(1, -(-len(flat) // POOL_TOKENS))
    return flat[::every].float()


def _parameters(work: Work) -> int:
    """Weights that learn: attention pooling at the reduced width and the linear layers."""
    config, pooled, classes = work.config.lm, work.backbone.dim, work.n_classes
    width = min(config.width, work.backbone.token_dim)
    attention = sum(p.numel() for p in MapHead(width).parameters()) + classes * (pooled + width + 1)
    return (0 if config.mode == "lr" else attention) + (0 if config.mode == "map_lr" else classes * (pooled + 1))
