"""By how much a model is too sure of its answers, told without the check images: by labels that were left out.

The left-out labels are answered by a model of the same kind: how sure a model is depends on how it was fitted, and a
temperature of one says nothing of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fact_core.analysis.calibration import temperature
from fact_core.config import TrainConfig
from fact_core.finetune import estimate
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.weight_mix import HONEST, LIGHT
from fact_core.types import FloatArray, IntArray
from fact_core.work.training_labels import TrainingLabels

FROZEN = frozenset({"lp", "lm"})  # phases that leave the network as it was
#: Labels left out that a temperature is fitted on; fewer of them say little.
FEWEST = 40

LeftOut = tuple[IntArray, FloatArray]


def cross_validated(known: TrainingLabels, x: FloatArray, config: TrainConfig) -> FloatArray | None:
    """Probabilities (n, K) of each label by a linear probe that has not seen it; see ``estimate.cross_validated``.

    x (n, D): pretrained features of the labels.
    """
    return estimate.cross_validated(x, known.y, len(known.classes), c=config.lp.C, **_shared(known, config, "lp"))


def fitted(trained: Trained, known: TrainingLabels, config: TrainConfig, x: FloatArray) -> dict[str, Any] | None:
    """{"value", "labels", "by"}: the temperature, how many labels were left out, and what answered them.

    x (n, D): pretrained features of the labels. by "phase2" or "light": phase 2 on the rest of the labels, as it was
    compared with the pretrained network, and the light model on its features; "regression": the last phase itself,
    where no phase changes the network. None where nothing was left out that a model like this one has answered, or
    fewer than ``FEWEST`` labels.
    """
    last = config.phases[-1]
    if set(config.phases) <= FROZEN:
        found = _frozen(trained, known, config, x)
        if found is None or len(found[0]) < FEWEST:
            return None
        rows, answers = found
        value = temperature(np.log(np.clip(answers, 1e-12, 1.0)), known.y[rows])
        return _told(value, len(rows), "regression")
    name, by = (LIGHT, "light") if last == "lm" else (HONEST, "phase2")
    told = [float(each.value) for each in trained.decisions if each.name == name]
    # What was left out is answered by networks that learned from half of the labels in half of the steps. Where they
    # are too sure, so is the whole; that they are not sure enough says nothing of it. Calibration error of fact with
    # 100 labels, effort quick, 96 px, one draw: flowers 6.1 -> 1.8 % at 1.27, CIFAR-10 9.8 -> 13.9 % at 0.87.
    sure = [each for each in told[-1:] if each > 1]
    return _told(sure[0], len(known.ids), by) if sure and len(known.ids) >= FEWEST else None


def _frozen(trained: Trained, known: TrainingLabels, config: TrainConfig, x: FloatArray) -> LeftOut | None:
    """Labels left out, and what a regression like that of the last phase says of them."""
    if config.phases[-1] == "lp":
        fits = config.lp.mode == "lr"
        asked: Callable[..., LeftOut | None] = estimate.left_out
        return asked(x, known.y, len(known.classes), c=config.lp.C, **_shared(known, config, "lp")) if fits else None
    read = [each.value for each in trained.decisions if each.name == "lm.mode"]
    if config.lm.pool or [config.lm.mode, *read][-1] != "lr":
        return None  # learning from the pool, or attention, is not repeated for each fold
    told = [float(each.value) for each in trained.decisions if each.name == "lm.C"]
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    c = told[-1] if told else config.lm.C
    return estimate.left_out(unit, known.y, len(known.classes), c=c, **_shared(known, config, "lm"))


def _shared(known: TrainingLabels, config: TrainConfig, phase: str) -> dict[str, Any]:
    balanced = config.lp.balanced if phase == "lp" else config.lm.balanced
    return {"balanced": balanced, "seed": config.seed, "groups": known.groups}


def _told(value: float, labels: int, by: str) -> dict[str, Any] | None:
    return {"value": value, "labels": labels, "by": by} if math.isfinite(value) else None
