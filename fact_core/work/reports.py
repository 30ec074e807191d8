"""How good a trained model is: on the check images, or by cross-validation where there are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fact_core.analysis.evaluate import report
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict as answer
from fact_core.compute.device import choose
from fact_core.config import TrainConfig
from fact_core.finetune.estimate import cross_validated
from fact_core.types import ClassReport, FloatArray, Pool, Report, Step
from fact_core.work.training_labels import TrainingLabels


def check(pool: Pool, classifier: Classifier, known: TrainingLabels, config: TrainConfig) -> Step[Report | None]:
    """How good the last phase is on the check images, those of unknown classes included."""
    if not len(known.check_ids):
        return None
    files = pool.sources(pool.rows(known.check_ids))
    found = yield from answer(classifier, files, device=choose(config.device), batch=64)
    keep = [row for row in range(len(files)) if row not in found.bad]
    if not keep:
        return None
    wider = (*known.classes, *sorted(set(known.check_classes) - set(known.classes)))
    truth = np.array([wider.index(known.check_classes[row]) for row in keep], dtype=np.int64)
    wide = np.zeros((len(truth), len(wider)))
    wide[:, : len(known.classes)] = found.answers[classifier.final][keep]
    seen = ", on which the weights were chosen too: an honest figure would be lower"
    rests_on = f"{len(truth)} check images" + (seen if config.ff.keep == "best_test" else "")
    return report(truth, wide, wider, rests_on)


def estimate(known: TrainingLabels, x: FloatArray, config: TrainConfig) -> Report | None:
    """Without check images: what cross-validation of a linear probe says."""
    answers = cross_validated(
        x, known.y, len(known.classes), c=config.lp.C, balanced=config.lp.balanced, seed=config.seed
    )
    if answers is None:
        return None
    return report(known.y, answers, known.classes, f"cross-validation of a linear probe on {len(known.ids)} labels")


def plain(found: Report) -> dict[str, Any]:
    """The report as JSON; an unknown calibration is null."""
    plain = dataclasses.asdict(found)
    return {**plain, "ece": None if found.ece != found.ece else found.ece}


def report_from(plain: Mapping[str, Any] | None) -> Report | None:
    """Back from ``plain``."""
    if not plain:
        return None
    return Report(
        plain["basis"],
        plain["n"],
        plain["accuracy"],
        (plain["interval"][0], plain["interval"][1]),
        tuple(ClassReport(**each) for each in plain["per_class"]),
        tuple(tuple(row) for row in plain["confusion"]),
        float("nan") if plain["ece"] is None else plain["ece"],
    )
