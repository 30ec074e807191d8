"""``launch.py bench confidences``: whether answers are as sure as they are right, with and without a temperature.

A folder whose classes are known. So many images are chosen by ActiveFT and labeled, a recipe is trained on them as the
program does it, and answers images drawn from the others. The true classes say how far its confidences are off: the
calibration error (ECE over 15 bins). The temperature is the one that the training itself has found
(``work.temperature``); the last column is the best one that the true classes could have told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fact_core.analysis.calibration import at_temperature, calibration_error, temperature
from fact_core.bench import known_folder, rounds
from fact_core.bench.grids import line, rule
from fact_core.bench.known_folder import KnownFolder
from fact_core.bench.rounds import Folder
from fact_core.bench.rows import Row, read_rows
from fact_core.choices import PRESETS
from fact_core.classifier.predict import predict
from fact_core.compute.device import describe, device_named
from fact_core.config import TrainConfig, train_config
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.finetune.pool_names import drawn
from fact_core.generators import quietly
from fact_core.types import Step
from fact_core.work.temperature import fitted
from fact_core.work.training_labels import TrainingLabels

NOBODY = np.zeros(0, dtype=np.int64)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench confidences``."""
    known_folder.add_arguments(parser)
    give = parser.add_argument
    give("--labels", default="50,100,200,500", metavar="N,...", help="%(default)s")
    give("--methods", default="lm,lm+", metavar="NAME,...", help="recipes (%(default)s)")
    give("--preset", default="quick", choices=PRESETS, help="effort (%(default)s)")
    give("--asked", type=int, default=1000, metavar="N", help="so many of the others are answered (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    budgets = known_folder.numbers(given.labels)
    configs = {name: train_config(given.preset, recipe=name) for name in given.methods.split(",")}
    rows = read_rows(given.json) if given.json else []
    read = yield from known_folder.read(given)
    if budgets[0] < 2 or budgets[-1] >= len(read.y):
        raise ConfigError("--labels needs from 2 to all but one of the images", f"{given.labels} of {len(read.y)}")
    folder = Folder(read.x, read.y, NOBODY, read.about["classes"], device_named(given.device))
    cells = _cells(given, read.about, budgets, configs)
    yield from known_folder.measure_lacking(
        given.json, rows, cells, lambda cell: measured(read, folder, cell), "confidences"
    )
    return {"text": table(rows), "json": rows}


def _cells(
    given: argparse.Namespace, about: Mapping[str, Any], budgets: Sequence[int], configs: Mapping[str, TrainConfig]
) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for name, config in configs.items():
            for labels in budgets:
                fixed = {"strategy": "activeft", "method": name, "frofa": config.lm.frofa, "preset": given.preset}
                yield {**about, **fixed, "labels": labels, "seed": seed, "overrides": {"asked": given.asked}}


def measured(read: KnownFolder, folder: Folder, cell: Mapping[str, Any]) -> Step[dict[str, Any]]:
    """Choose, train, answer, and hold the confidences against the truth. temperature: None where none is fitted."""
    began, seed = time.monotonic(), int(cell["seed"])
    rows = yield from rounds.chosen(folder, "one shot", cell["labels"], cell["labels"], seed)
    config = train_config(cell["preset"], recipe=cell["method"], seed=seed)
    names, y = np.unique(read.y[rows], return_inverse=True)
    trained = yield from quietly(known_folder.trained(read, rows, y, [*map(str, names)], config, folder.device))
    labels = TrainingLabels(rows, y, tuple(map(str, names)), NOBODY, (), tuple(map(int, names)), NOBODY)
    told = fitted(trained, labels, config, read.x[rows])
    rest = drawn(len(read.y), rows, cell["overrides"]["asked"], seed + 1)
    asked = predict(trained.classifier, [read.files[row] for row in rest], device=folder.device)
    answers = (yield from quietly(asked)).answers[trained.classifier.final]
    said, truth = np.zeros((len(rest), folder.classes), dtype=np.float32), read.y[rest]
    said[:, names] = answers
    right = said.argmax(axis=1) == truth
    possible = said[np.arange(len(rest)), truth] > 0  # no temperature helps where the class had no label
    best = temperature(np.log(np.clip(said[possible], 1e-12, 1)), truth[possible])
    by = told["value"] if told else float("nan")
    errors = [calibration_error(right, at_temperature(said, each).max(axis=1)) for each in (1.0, by, best)]
    name = f"{cell['dataset']}, {cell['method']}, {cell['labels']} labels, seed {seed}"
    yield Log(f"{name}: calibration error {100 * errors[0]:.1f} % as it answers, {100 * errors[1]:.1f} % as exported")
    return {
        "accuracy": round(float(right.mean()), 6),
        "sure": round(float(said.max(axis=1).mean()), 6),
        "temperature": None if np.isnan(by) else round(by, 4),
        **{key: round(each, 6) for key, each in zip(("ece", "ece fitted", "ece best"), errors, strict=True)},
        "seconds": round(time.monotonic() - began, 1),
        "device": describe(folder.device),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each folder, recipe and number of labels, means over seeds."""
    heads = ("right, %", "sure, %", "error as it answers, %", "temperature", "error with it, %", "at best, %")
    lines = [line("folder", "recipe", "labels", "seeds", *heads), rule(10)]
    kinds = dict.fromkeys((row["dataset"], row["method"], row["preset"], row["labels"]) for row in rows)
    for name, method, preset, labels in kinds:
        kind = (name, method, preset, labels)
        own = [row for row in rows if (row["dataset"], row["method"], row["preset"], row["labels"]) == kind]
        by = [row["temperature"] for row in own if row["temperature"] is not None]
        told = [_mean(own, key) for key in ("accuracy", "sure", "ece", "ece fitted", "ece best")]
        told.insert(3, f"{min(by):.2f} to {max(by):.2f}" if by else "none")
        lines.append(line(name, f"`{method}`, {preset}", str(labels), str(len(own)), *told))
    return "\n".join(lines) if rows else "nothing was measured"


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    return f"{100 * statistics.mean(row[key] for row in rows):.1f}"
