"""By how much a model is too sure of its answers, told without the check images: by labels that were left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fact_core.analysis.calibration import temperature
from fact_core.config import TrainConfig
from fact_core.finetune.estimate import cross_validated
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.weight_mix import HONEST
from fact_core.types import FloatArray
from fact_core.work.training_labels import TrainingLabels

FROZEN = frozenset({"lp", "lm"})  # phases that leave the network as it was


def left_out(known: TrainingLabels, x: FloatArray, config: TrainConfig) -> FloatArray | None:
    """Probabilities (n, K) of each label by a linear probe that has not seen it; see ``estimate.cross_validated``.

    x (n, D): pretrained features of the labels.
    """
    return cross_validated(
        x,
        known.y,
        len(known.classes),
        c=config.lp.C,
        balanced=config.lp.balanced,
        seed=config.seed,
        groups=known.groups,
    )


def fitted(
    trained: Trained, known: TrainingLabels, config: TrainConfig, probe: Callable[[], FloatArray | None]
) -> dict[str, Any] | None:
    """{"value", "labels", "by"}: the temperature, how many labels were left out, and what answered them.

    by "phase2": phase 2 on the rest of the labels, as it was compared with the pretrained network. by "probe": the
    linear probe, where no phase changes the network: only then its answers of ``left_out`` are asked for. None where
    nothing was left out that a network like this one has answered.
    """
    told = [each for each in trained.decisions if each.name == HONEST]
    if told:
        return {"value": float(told[-1].value), "labels": len(known.ids), "by": "phase2"}
    if not set(config.phases) <= FROZEN:
        return None
    answers = probe()
    if answers is None:
        return None
    value = temperature(np.log(np.clip(answers, 1e-12, 1.0)), known.y)
    return None if math.isnan(value) else {"value": value, "labels": len(known.ids), "by": "probe"}
