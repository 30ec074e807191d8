"""Phase 3: the light model on the frozen features of the present backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone
from fact_core.events import Event, PhaseDone, Point, Saved
from fact_core.finetune import honest, light_pool
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.training_run import TrainingInputs, TrainingState, ended, look
from fact_core.generators import map_events, spread_events
from fact_core.lightweight.decide import LightPlan, decide, seed_of
from fact_core.lightweight.light import LightHead, fit
from fact_core.lightweight.logistic import MAX_ITER
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Memory
from fact_core.types import Step, T

POOL_TOKENS = 20_000  # for the PCA of the pool's tokens
PLAN = "lm.plan"  # the checkpoint's part that holds what is decided before phase 2


def prepare(inputs: TrainingInputs, state: TrainingState) -> Step[None]:
    """Decide reading and C on the pretrained features, before phase 2: its features have seen the labels.

    Nothing happens where no phase 2 comes first (then ``run`` decides), or where it is decided already.
    """
    if not _tuning(inputs.config.phases) or state.light_plan is not None:
        return
    checkpoint = inputs.checkpoint
    stored = checkpoint.finished(PLAN)
    if stored is not None:
        plan, seconds = LightPlan.from_dict(stored.values["plan"]), stored.values["seconds"]
    else:
        checkpoint.begin(PLAN)
        plan = yield from _planned(inputs, state)
        seconds = checkpoint.seconds()
        checkpoint.save(PLAN, {}, {"plan": plan.to_dict(), "seconds": seconds, "step": 0}, finished=True)
    state.light_plan, state.light_seconds = plan, seconds
    state.decisions.extend(plan.decisions)


def _planned(inputs: TrainingInputs, state: TrainingState) -> Step[LightPlan]:
    seen = yield from look(inputs, state, "labelled")
    pool = yield from _pool_tokens(inputs, state)
    memory = _memory(inputs.checkpoint, PLAN)

    def deciding(at: torch.device) -> Step[LightPlan]:
        return decide(
            seen.pooled,
            seen.patches,
            inputs.y,
            inputs.n_classes,
            pool_patches=pool,
            config=inputs.config.lm,
            generator=inputs.generator(PLAN),
            device=at,
            memory=memory,
            groups=inputs.groups,
            less=inputs.less,
        )

    return (yield from _saved(inputs.checkpoint, PLAN, memory, inputs.less.whole(PLAN, deciding)))


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Fit the light model to the labelled images, with the pool's tokens for its PCA, and measure it."""
    config = inputs.config.lm
    if config.pool:
        return (yield from light_pool.run(inputs, state, phase))
    mode = state.light_plan.mode if state.light_plan is not None else config.mode
    parameters = _parameters(mode, config.width, state.backbone, inputs.n_classes)
    yield inputs.started(phase, planned_steps(mode, config.steps), 0.0, parameters)
    seen = yield from look(inputs, state, "labelled")
    check = None
    if inputs.check is not None:
        held = yield from look(inputs, state, "check")
        check = (held.pooled, held.patches, torch.as_tensor(inputs.check.y))
    pool = yield from _pool_tokens(inputs, state)
    memory, meter = _memory(inputs.checkpoint, phase), _Last()

    def fitting(at: torch.device) -> Step[tuple[LightHead, LightPlan]]:
        return fit(
            seen.pooled,
            seen.patches,
            inputs.y,
            inputs.n_classes,
            pool_patches=pool,
            config=config,
            generator=inputs.generator(phase),
            device=at,
            check=check,
            memory=memory,
            plan=state.light_plan,
            tuned=_tuned_head(inputs, state),
            groups=inputs.groups,
            less=inputs.less,
        )

    # What is small stays whole: where even that finds no room, the CPU fits.
    step = map_events(inputs.less.whole(phase, fitting), meter)
    head, plan = yield from _saved(inputs.checkpoint, phase, memory, step)
    state.heads[phase] = head
    if state.light_plan is None:
        state.decisions.extend(plan.decisions)
        told = honest.of_frozen(inputs, state, head, plan, seed_of(memory, inputs.generator(phase)), memory)
        yield from _saved(inputs.checkpoint, phase, memory, told)
    else:
        yield from honest.of_tuned(inputs, state, head)
    done = yield from ended(inputs, state, phase, 0.0, 0.0, meter.step)
    # Measuring belongs to it, and so does what was decided before phase 2.
    return replace(done, seconds=inputs.checkpoint.seconds() + state.light_seconds)


def _tuning(phases: Sequence[str]) -> list[str]:
    """Those that change the network."""
    return [name for name in phases if name not in ("lp", "lm")]


def _tuned_head(inputs: TrainingInputs, state: TrainingState) -> nn.Linear | None:
    """Phase 2's head, where it is to answer with the light model."""
    heads = [state.heads.get(name) for name in _tuning(inputs.config.phases)]
    head = heads[-1] if heads and inputs.config.lm.with_head else None
    return head if isinstance(head, nn.Linear) else None


class _Last:
    """Remembers the step of the last Point that went by."""

    step = 0

    def __call__(self, event: Event) -> Event:
        self.step = event.step if isinstance(event, Point) else self.step
        return event


def _memory(checkpoint: Checkpoint, name: str) -> Memory:
    stored = checkpoint.load(name)
    return Memory(dict(stored.tensors) if stored is not None else {})


def _saved(checkpoint: Checkpoint, name: str, memory: Memory, step: Step[T]) -> Step[T]:
    """The same step, with what it remembers put into the checkpoint whenever that is due."""
    last = _Last()

    def told(event: Event) -> Iterator[Event]:
        yield last(event)
        if checkpoint.due():
            checkpoint.save_beside(name, memory.state(), {"step": last.step})
        yield from (Saved(name.partition(".")[0], each) for each in checkpoint.written())

    found = yield from spread_events(step, told)
    yield from (Saved(name.partition(".")[0], each) for each in checkpoint.written(wait=True))
    return found


def planned_steps(mode: str, steps: int) -> int:
    """The attention steps; without any, the most iterations of the solver. Those behind attention come on top."""
    return MAX_ITER if mode == "lr" else steps


def _pool_tokens(inputs: TrainingInputs, state: TrainingState) -> Step[Tensor | None]:
    """Some tokens (m, C) of the pool, spread evenly over its images."""
    if not inputs.pool_files or inputs.config.lm.mode == "lr":
        return None
    seen = yield from look(inputs, state, "pool")
    flat = seen.patches.flatten(0, -2)
    every = max(1, -(-len(flat) // POOL_TOKENS))
    return flat[::every].float()


def _parameters(mode: str, width: int, backbone: Backbone, classes: int) -> int:
    """Weights that learn: attention pooling at the reduced width and the linear layers. mode "auto": of both."""
    pooled, width = backbone.dim, min(width, backbone.token_dim)
    attention = sum(p.numel() for p in MapHead(width).parameters()) + classes * (pooled + width + 1)
    line = classes * (pooled + 1)
    return {"lr": line, "map_lr": attention, "joint_lbfgs": attention}.get(mode, attention + line)
