"""Several GPUs of one machine beside one of them: the same features, the same training, and how much sooner."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import LITE, Bench, Checks, Rows, between, skipped
from fact_core.bench.gpu.right_training import SAME, small_config
from fact_core.bench.gpu.way import Task, task_of, training
from fact_core.bench.rows import Row
from fact_core.choices.devices import ALL_GPUS
from fact_core.classifier.predict import predict
from fact_core.compute.several import describe_all, devices_named
from fact_core.events import Event, Log, PhaseDone
from fact_core.features.extract import extract
from fact_core.generators import finish
from fact_core.types import FloatArray

COSINE = 0.999  # cards of two kinds may answer in two number formats


def run(bench: Bench) -> Row:
    """With all GPUs that can be used; skipped where there is one, or none."""
    devices = devices_named(ALL_GPUS) if bench.at.type == "cuda" else (bench.at,)
    if len(devices) < 2:
        return skipped("There are not two GPUs here: what several do is unmeasured.")
    return compared(bench, devices)


def compared(bench: Bench, devices: Sequence[torch.device]) -> Row:
    """Features and a training with self-training, by the first device and by all: seconds of each phase."""
    checks, figures = Checks(), dict[str, float]()
    task = task_of(bench.pictures, bench.pick(4000, 24), bench.pick(300, 6), bench.pick(200, 12))
    backbone = bench.backbone(LITE, bench.pick(96, 64))
    x, answers = list[FloatArray](), list[dict[str, FloatArray]]()
    for some in (devices[:1], devices):
        x.append(_features(task, backbone, some, figures))
        answers.append(_trained(bench, task, backbone, some, x[0], checks, figures))
    lengths = np.linalg.norm(x[0], axis=1) * np.linalg.norm(x[1], axis=1)
    checks.least("cosine of features", float(((x[0] * x[1]).sum(axis=1) / lengths).min()), COSINE)
    checks.below("probabilities apart", between(answers[1], answers[0]), SAME)
    took = [figures[f"fact+, seconds, {count}"] for count in (len(devices), 1)]
    words = f"fact+ takes {took[0]} s on {describe_all(devices)}, {took[1]} s on the first alone."
    return checks.row(bench, words, figures=figures, pictures=bench.pictures.said("small"))


def _features(task: Task, backbone: Backbone, devices: Sequence[torch.device], figures: dict[str, float]) -> FloatArray:
    store, names = Rows(), [str(number) for number in range(len(task.pool))]
    step = extract(backbone, names, task.pool, store, device=devices[0], others=devices[1:])
    figures[f"features, images/s, {len(devices)}"] = round(finish(step).images_per_s, 1)
    return store.of(names)


def _trained(
    bench: Bench,
    task: Task,
    backbone: Backbone,
    devices: Sequence[torch.device],
    x: FloatArray,
    checks: Checks,
    figures: dict[str, float],
) -> dict[str, FloatArray]:
    """Probabilities of the test pictures by each phase of a training on some devices."""
    rows, told, count = np.arange(task.budget, dtype=np.int64), list[Event](), len(devices)
    config, own, began = small_config(bench, "fact+", LITE), copy.deepcopy(backbone), time.perf_counter()
    trained = finish(training(task, own, config, devices[0], rows, x, others=devices[1:]), told.append)
    figures[f"fact+, seconds, {count}"] = round(time.perf_counter() - began, 2)
    figures |= {
        f"{each.phase}, seconds, {count}": round(each.seconds, 2) for each in told if isinstance(each, PhaseDone)
    }
    warned = [each.text for each in told if isinstance(each, Log) and each.level == "warning"]
    checks.true(f"no warning with {count}", not warned, "; ".join(warned))
    return finish(predict(trained.classifier, task.test, device=devices[0])).answers
