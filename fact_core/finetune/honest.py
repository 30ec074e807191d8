"""How sure the light model may be: the temperature that its logits are divided by, told by labels that were left out.

A frozen network: the light model is fitted anew without each fold of the labels, and answers them (Guo et al. 2017).
A finetuned network has seen all labels. There the comparison of weights (``weight_mix``) tells how much too sure it is.
That it is not sure enough shows otherwise: it should be right at least as often as a linear probe is on labels left
out, so it may be as sure as that on average.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import brentq
from torch import Tensor

from fact_core.analysis.calibration import COOLEST, LEAST, MANY, at_temperature, temperature_of
from fact_core.events import Decision, Progress
from fact_core.finetune import estimate
from fact_core.finetune.training_run import TrainingInputs, TrainingState, log_probabilities, look
from fact_core.lightweight.cross_validation import answers_left_out
from fact_core.lightweight.decide import LightPlan, labelled, solved_on
from fact_core.lightweight.light import LightHead
from fact_core.lightweight.map_train import Memory, Reduce
from fact_core.types import IntArray, Step

TUNED = "ff.temperature"  # the decision: what phase 2's logits are divided by, so that confidences are honest
LIGHT = "lm.temperature"  # the same for the light model
MOST = 2000  # labels, above which a probe of each fold takes longer than it is worth: little is left to be unsure of
SURELY = 1.645  # standard errors below what was right among labels left out: the pool is so in 19 of 20 cases


def fitted(name: str, log_p: Tensor, y: IntArray) -> Decision | None:
    """The temperature of log-probabilities (m, K) of labels y (m,) that were left out; None where they tell of none."""
    by = temperature_of(log_p.double().clamp_min(math.log(1e-12)).numpy(), y)
    reason = f"makes the answers to {len(y)} labels left out in turn as sure as they are right"
    return Decision(name, f"{by:.3g}", reason) if math.isfinite(by) else None


def of_frozen(
    inputs: TrainingInputs, state: TrainingState, head: LightHead, plan: LightPlan, seed: int, memory: Memory
) -> Step[None]:
    """The temperature of a light model on the pretrained network: the labels answered by one that is fitted without.

    seed: of its fit. Nothing where fewer than ``LEAST`` labels can be left out.
    """
    seen = yield from look(inputs, state, "labelled")
    chosen = plan.mode, plan.c_pooled, plan.c_map

    def answers(at: torch.device) -> Step[tuple[IntArray, Tensor] | None]:
        data = labelled(seen.pooled, seen.patches, inputs.y, solved_on(at), inputs.groups, inputs.less)
        reduce = Reduce(head.mean, head.basis).to(data.device) if head.maps else None
        return answers_left_out(data, inputs.n_classes, reduce, inputs.config.lm, chosen, seed, memory, LEAST)

    found = yield from inputs.less.whole(LIGHT, answers)
    if found is not None:
        rows, log_p = found
        decision = fitted(LIGHT, log_p, inputs.y.numpy()[rows])
        if decision is not None:
            yield state.decided(decision)


def of_tuned(inputs: TrainingInputs, state: TrainingState, head: LightHead) -> Step[None]:
    """A temperature at which a light model on a finetuned network is no less sure of the pool than labels tell.

    Nothing where it is sure enough already, at the temperature that was decided on before; where fewer than ``MANY``
    labels can be left out, or more than ``MOST`` are there; without images of the pool.
    """
    config, y = inputs.config, inputs.y.numpy()
    if len(y) > MOST or not inputs.pool_files:
        return
    yield Progress(LIGHT, 0, 1, "folds")  # it may take half a minute
    x, c, groups = inputs.x.numpy(), config.lp.C, inputs.groups
    asked = estimate.left_out(x, y, inputs.n_classes, c=c, balanced=config.lp.balanced, seed=config.seed, groups=groups)
    if asked is None or len(asked[0]) < MANY:
        return
    rows, p = asked
    right = float((p.argmax(axis=1) == y[rows]).mean())
    least = right - SURELY * math.sqrt(right * (1 - right) / len(rows))
    seen = yield from look(inputs, state, "pool")
    before = [float(each.value) for each in state.decisions if each.name == LIGHT]
    by = no_less_sure(log_probabilities(head, seen).exp().numpy(), least, before[-1] if before else 1.0)
    if by is not None:
        reason = (
            f"of {len(rows)} labels left out a linear probe named {right:.0%} rightly: of the pool at least "
            f"{least:.0%} should be right, and the answers are as sure as that on average"
        )
        yield state.decided(Decision(LIGHT, f"{by:.3g}", reason))


def no_less_sure(p: npt.NDArray[np.float32], least: float, by: float) -> float | None:
    """The temperature at which probabilities (n, K) are ``least`` sure on average; None where they are at ``by``."""

    def sure(exponent: float) -> float:
        return float(at_temperature(p, math.exp(exponent)).max(axis=1).mean()) - least

    if not len(p) or sure(math.log(by)) >= 0:
        return None
    return math.exp(brentq(sure, math.log(COOLEST), math.log(by))) if sure(math.log(COOLEST)) > 0 else COOLEST
