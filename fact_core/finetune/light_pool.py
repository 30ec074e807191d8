"""The light model that learns from the pool: a logistic regression on labels and on what the pool is called.

The pool's images weigh as much together as the labelled ones do, so that many wrong names cannot outvote the labels. On
frozen features of CIFAR-10 that took 50 labels from 53.2 % to 57.9.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fact_core.analysis.calibration import LEAST
from fact_core.events import Decision, PhaseDone
from fact_core.finetune import honest, pool_names
from fact_core.finetune.training_run import TrainingInputs, TrainingState, ended
from fact_core.generators import quietly
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import able_rows, folds, smallest_class, together
from fact_core.lightweight.light import LightHead
from fact_core.lightweight.logistic import MAX_ITER
from fact_core.types import Step

C = 100.0  # on unit-norm features: with names of the pool less has to be held back than with labels alone (10)
FOLDS = 3  # in which labels are left out for the temperature
HONEST_POOL = 2000  # images of the pool that are named for it in each fold
MOST = 10_000  # names that the regression learns from; more of them change nothing but the time
NAMED = "lm.images"  # the decision: how many images of the pool taught
APART = "lm.strangers"  # the decision: how many images of the pool belong to no class
PROVED = "lm.proved"  # the decision: how many of the check images that were as surely named were named rightly


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Name the pool on the pretrained features, fit the light model to labels and names, and measure it.

    Without names where none is left, or where labels left out have shown that they would do harm.
    """
    yield inputs.started(phase, MAX_ITER, 0.0, inputs.n_classes * (inputs.x.shape[1] + 1))
    rows, named = yield from _names(inputs, state)
    line = yield from _line(inputs, inputs.x, inputs.y, inputs.pool_x[rows], named)
    head = LightHead(inputs.x.shape[1], state.backbone.token_dim, 1, inputs.n_classes, "lr")
    with torch.no_grad():
        head.pooled_line.weight.copy_(line.weight)
        head.pooled_line.bias.copy_(line.bias)
    state.heads[phase] = head.to(inputs.device).eval().requires_grad_(False)
    yield from _honest(inputs, state, len(rows) > 0)
    done = yield from ended(inputs, state, phase, 0.0, 0.0, len(line.losses))
    return replace(done, seconds=inputs.checkpoint.seconds())


def _line(inputs: TrainingInputs, x: Tensor, y: Tensor, pool_x: Tensor, named: Tensor) -> Step[logistic.Linear]:
    """A regression on labelled features x (n, D), y (n,) and the pool's pool_x (m, D), called named (m,)."""
    weight = torch.ones(len(y), dtype=torch.float64)
    if len(named):
        weight = torch.cat([weight, torch.full((len(named),), len(y) / len(named), dtype=torch.float64)])
    unit = functional.normalize(torch.cat([x, pool_x]).to(inputs.device), dim=1).double()
    return (
        yield from logistic.fit(
            unit,
            torch.cat([y, named]).to(inputs.device),
            inputs.n_classes,
            C=logistic.scaled(C if len(named) else inputs.config.lm.C, unit),
            sample_weight=weight.to(inputs.device),
            balanced=inputs.config.lm.balanced,
            less=inputs.less,
        )
    )


def _honest(inputs: TrainingInputs, state: TrainingState, by_pool: bool) -> Step[None]:
    """The temperature, by labels that neither the regression nor the pool's names have learned from.

    by_pool: whether names of the pool taught. Then ``HONEST_POOL`` images of it are named anew without each fold.
    """
    y, groups = inputs.y.numpy(), together(inputs.x.numpy(), inputs.y.numpy(), inputs.groups)
    able = able_rows(y, groups)
    if len(able) < LEAST:
        return
    draws = inputs.generator("lm.left_out")
    some = torch.randperm(len(inputs.pool_x), generator=draws)[: HONEST_POOL if by_pool else 0]
    pool_x, said = inputs.pool_x[some], torch.zeros(len(y), inputs.n_classes)
    k = min(FOLDS, smallest_class(y[able], groups[able]))
    for part in folds(y[able], k, draws, groups[able]):
        held = torch.from_numpy(able[part])
        rest = torch.from_numpy(np.setdiff1d(np.arange(len(y)), able[part]))
        kept = named = torch.zeros(0, dtype=torch.int64)
        if len(some):
            shares = yield from quietly(_called(inputs, pool_x, rest))
            known = inputs.x[rest], inputs.y[rest]
            kept, named = pool_names.surest(pool_names.with_other(shares, pool_x, *known, inputs.other))
        line = yield from quietly(_line(inputs, inputs.x[rest], inputs.y[rest], pool_x[kept], named))
        seen = functional.normalize(inputs.x[held].to(inputs.device), dim=1).double()
        said[held] = line.logits(seen).log_softmax(-1).float().cpu()
    decision = honest.fitted(honest.LIGHT, said[torch.from_numpy(able)], y[able])
    if decision is not None:
        yield state.decided(decision)


def _names(inputs: TrainingInputs, state: TrainingState) -> Step[tuple[Tensor, Tensor]]:
    """Rows of the pool that teach (k,), and what they are called (k,)."""
    nothing = torch.empty(0, dtype=torch.int64)
    if not len(inputs.pool_x):
        yield state.decided(Decision(NAMED, "0", "no image of the pool is left to learn from"))
        return nothing, nothing
    generator = inputs.generator("pool")
    against = yield from pool_names.spoken_against(inputs.x, inputs.y, inputs.pool_x, generator, inputs.groups)
    if against:
        yield state.decided(Decision(NAMED, "0", against))
        return nothing, nothing
    apart = pool_names.strangers(inputs.x, inputs.y, inputs.pool_x, inputs.other)
    if apart.any():
        yield state.decided(pool_names.left_apart(APART, apart, inputs.other_class))
    there = torch.nonzero(~apart | (inputs.other >= 0))[:, 0]
    raw = yield from _called(inputs, inputs.pool_x[there])
    shares = pool_names.as_other(raw, apart[there], inputs.other)
    kept, named = pool_names.surest(shares)
    if len(kept) > MOST:
        some = torch.randperm(len(kept), generator=inputs.generator(NAMED))[:MOST].sort().values
        kept, named = kept[some], named[some]
    sure = f", {100 * float(raw[kept].max(dim=1).values.mean()):.0f} % sure on average" if len(kept) else ""
    reason = f"of the surest half of each class among {len(inputs.pool_x):,} images{sure}"
    yield state.decided(Decision(NAMED, str(len(kept)), reason))
    if inputs.check is not None and len(kept):
        both = torch.cat([inputs.pool_x[there], torch.as_tensor(inputs.check.x).float()])
        checked = (yield from _called(inputs, both))[len(there) :]
        checked = pool_names.with_other(checked, both[len(there) :], inputs.x, inputs.y, inputs.other)
        found = pool_names.proved(shares, checked, torch.as_tensor(inputs.check.y))
        yield state.decided(pool_names.proof(PROVED, found, len(inputs.check.y)))
    return there[kept], named


def _called(inputs: TrainingInputs, seen: Tensor, rows: Tensor | None = None) -> Step[Tensor]:
    """Probabilities (m, K) of the classes for features ``seen`` (m, D), by a regression and the images' neighbours.

    rows: of the labels that they are called by; None: all.
    """
    x, y = (inputs.x, inputs.y) if rows is None else (inputs.x[rows], inputs.y[rows])
    answers = yield from pool_names.probed(x, y, inputs.n_classes, seen)
    return (yield from pool_names.called(answers, seen, x, y))
