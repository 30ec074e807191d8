"""Phase 3: the light model on the frozen features of the present backbone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from fact_core.events import Event, PhaseDone, Point, Saved
from fact_core.finetune.training_run import Work
from fact_core.generators import map_events
from fact_core.lightweight.light import LightPlan, decide, fit
from fact_core.lightweight.logistic import MAX_ITER
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Memory
from fact_core.types import Step, T

POOL_TOKENS = 20_000  # for the PCA of the pool's tokens
PLAN = "lm.plan"  # the checkpoint's part that holds what is decided before phase 2


def prepare(work: Work) -> Step[None]:
    """Decide reading and C on the pretrained features, before phase 2: its features have seen the labels.

    Nothing happens where no phase 2 comes first (then ``run`` decides), or where it is decided already.
    """
    tuned = [name for name in work.config.phases if name not in ("lp", "lm")]
    if not tuned or work.light_plan is not None:
        return
    stored = work.checkpoint.finished(PLAN)
    if stored is not None:
        work.light_plan, work.light_seconds = LightPlan.from_dict(stored.values["plan"]), stored.values["seconds"]
        work.decisions.extend(work.light_plan.decisions)
        return
    work.checkpoint.begin(PLAN)
    seen = yield from work.look("labelled")
    pool = yield from _pool_tokens(work)
    memory = _memory(work, PLAN)
    deciding = decide(
        seen.pooled,
        seen.patches,
        work.y,
        work.n_classes,
        pool_patches=pool,
        config=work.config.lm,
        generator=work.generator(PLAN),
        device=work.device,
        memory=memory,
    )
    work.light_plan = yield from _saved(work, PLAN, memory, deciding)
    work.light_seconds = work.checkpoint.seconds()
    work.decisions.extend(work.light_plan.decisions)
    work.checkpoint.save(
        PLAN, {}, {"plan": work.light_plan.to_dict(), "seconds": work.light_seconds, "step": 0}, finished=True
    )


def run(work: Work, phase: str) -> Step[PhaseDone]:
    """Fit the light model to the labelled images, with the pool's tokens for its PCA, and measure it."""
    config = work.config.lm
    mode = work.light_plan.mode if work.light_plan is not None else config.mode
    yield work.started(phase, planned_steps(mode, config.steps), 0.0, _parameters(work, mode))
    seen = yield from work.look("labelled")
    check = None
    if work.check is not None:
        held = yield from work.look("check")
        check = (held.pooled, held.patches, torch.as_tensor(work.check.y))
    pool = yield from _pool_tokens(work)
    memory, meter = _memory(work, phase), _Last()
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
        plan=work.light_plan,
        tuned=_tuned(work),
    )
    head, decisions = yield from _saved(work, phase, memory, map_events(fitting, meter))
    work.decisions.extend(decisions)
    work.heads[phase] = head
    ended = yield from work.ended(phase, head, 0.0, 0.0, meter.step)
    # Measuring belongs to it, and so does what was decided before phase 2.
    return replace(ended, seconds=work.checkpoint.seconds() + work.light_seconds)


def _tuned(work: Work) -> nn.Linear | None:
    """Phase 2's head, where it is to answer with the light model."""
    heads = [work.heads.get(name) for name in work.config.phases if name not in ("lp", "lm")]
    head = heads[-1] if heads and work.config.lm.with_head else None
    return head if isinstance(head, nn.Linear) else None


class _Last:
    """Remembers the step of the last Point that went by."""

    step = 0

    def __call__(self, event: Event) -> Event:
        self.step = event.step if isinstance(event, Point) else self.step
        return event


def _memory(work: Work, name: str) -> Memory:
    stored = work.checkpoint.load(name)
    return Memory(dict(stored.tensors) if stored is not None else {})


def _saved(work: Work, name: str, memory: Memory, step: Step[T]) -> Step[T]:
    """The same step, with what it remembers put into the checkpoint whenever that is due."""
    last = 0
    try:
        while True:
            try:
                event = next(step)
            except StopIteration as stop:
                result: T = stop.value
                return result
            last = event.step if isinstance(event, Point) else last
            yield event
            if work.checkpoint.due():
                work.checkpoint.save(name, memory.state(), {"step": last})
                yield Saved(name.partition(".")[0], last)
    finally:
        step.close()


def planned_steps(mode: str, steps: int) -> int:
    """The attention steps; without any, the most iterations of the solver. Those behind attention come on top."""
    return MAX_ITER if mode == "lr" else steps


def _pool_tokens(work: Work) -> Step[Tensor | None]:
    """Some tokens (m, C) of the pool, spread evenly over its images."""
    if not work.pool_files or work.config.lm.mode == "lr":
        return None
    seen = yield from work.look("pool")
    flat = seen.patches.flatten(0, -2)
    every = max(1, -(-len(flat) // POOL_TOKENS))
    return flat[::every].float()


def _parameters(work: Work, mode: str) -> int:
    """Weights that learn: attention pooling at the reduced width and the linear layers. mode "auto": of both."""
    config, pooled, classes = work.config.lm, work.backbone.dim, work.n_classes
    width = min(config.width, work.backbone.token_dim)
    attention = sum(p.numel() for p in MapHead(width).parameters()) + classes * (pooled + width + 1)
    line = classes * (pooled + 1)
    return {"lr": line, "map_lr": attention, "joint_lbfgs": attention}.get(mode, attention + line)
