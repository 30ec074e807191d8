"""By how much a model is too sure of its answers, told without the check images: by labels that were left out.

The left-out labels are answered by a model of the same kind: how sure a model is depends on how it was fitted, and a
temperature of one says nothing of another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fact_core.analysis.calibration import LEAST, MANY, temperature_of
from fact_core.config import TrainConfig
from fact_core.finetune import estimate
from fact_core.finetune.honest import LIGHT, TUNED
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.weight_mix import PART
from fact_core.lightweight.folds import able_rows, together
from fact_core.types import FloatArray
from fact_core.work.training_labels import TrainingLabels

FROZEN = frozenset({"lp", "lm"})  # phases that leave the network as it was


def cross_validated(known: TrainingLabels, x: FloatArray, config: TrainConfig, trained: Trained) -> FloatArray | None:
    """Probabilities (n, K) of each label by a linear probe that has not seen it; see ``estimate.cross_validated``.

    x (n, D): pretrained features of the labels. trained: what came of them; its probe's words count here, too.
    """
    shared = _shared(known, config, trained)
    return estimate.cross_validated(x, known.y, len(known.classes), c=config.lp.C, **shared)


def fitted(trained: Trained, known: TrainingLabels, config: TrainConfig, x: FloatArray) -> dict[str, Any] | None:
    """{"value", "labels", "by"}: the temperature, how many labels were left out, and what answered them.

    x (n, D): pretrained features of the labels. by "light" or "phase2": what the phases have decided of the light model
    and of phase 2 (``finetune.honest``); "regression": the linear probe, fitted anew without each fold. None where
    nothing was left out that a model like this one has answered, or too few labels (``calibration.temperature_of``; of
    a finetuned network, of which fewer were never tried, fewer than ``MANY``).
    """
    last = config.phases[-1]
    if last == "lp":
        return _of_probe(known, config, x, trained)
    name, by = (LIGHT, "light") if last == "lm" else (TUNED, "phase2")
    told = [float(each.value) for each in trained.decisions if each.name == name]
    if told and set(config.phases) <= FROZEN:
        return _told(told[-1], len(able_rows(known.y, together(x, known.y, known.groups))), by)
    return _told(told[-1], len(known.ids), by) if told and len(known.ids) >= MANY else None


def lacking(trained: Trained, known: TrainingLabels, config: TrainConfig) -> str:
    """Why ``fitted`` has none: the confidences are as the model answers, and nobody knows how honest these are.

    "few": too few labels can be left out, or they do not tell. "sgd", "joint": a probe by SGD, a light model by L-BFGS
    as a whole, would take its whole time again for each fold. "tuned": phase 2 has learned from all labels, and
    none was left out to hold it against; a probe that is fitted on its features without some of them would not help, as
    these features have seen them. "kept": some were, and it was not too sure of them; this alone is no want.
    """
    last, frozen = config.phases[-1], set(config.phases) <= FROZEN
    if frozen and last == "lp" and config.lp.mode != "lr":
        return "sgd"
    if frozen and last == "lm" and config.lm.mode == "joint_lbfgs":
        return "joint"
    if frozen or len(known.ids) < MANY:
        return "few"
    compared = any(each.name == PART and each.scores for each in trained.decisions)
    return "kept" if compared else "tuned"


def _of_probe(known: TrainingLabels, config: TrainConfig, x: FloatArray, trained: Trained) -> dict[str, Any] | None:
    """Of a linear probe; None for one by SGD, which would take its whole time for each fold."""
    if config.lp.mode != "lr":
        return None
    found = estimate.left_out(x, known.y, len(known.classes), c=config.lp.C, **_shared(known, config, trained))
    if found is None or len(found[0]) < LEAST:
        return None
    rows, answers = found
    return _told(temperature_of(np.log(np.clip(answers, 1e-12, 1.0)), known.y[rows]), len(rows), "regression")


def _shared(known: TrainingLabels, config: TrainConfig, trained: Trained) -> dict[str, Any]:
    words = None if trained.words is None else trained.words.numpy()
    return {"balanced": config.lp.balanced, "seed": config.seed, "groups": known.groups, "words": words}


def _told(value: float, labels: int, by: str) -> dict[str, Any] | None:
    return {"value": value, "labels": labels, "by": by} if math.isfinite(value) else None
