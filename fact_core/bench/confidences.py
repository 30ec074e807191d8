"""``launch.py bench confidences``: whether answers are as sure as they are right, with and without a temperature.

A folder whose classes are known. So many images are chosen by ActiveFT and labeled, the light model's logistic
regression on pretrained features answers all others, and the true classes say how far its confidences are off: the
calibration error (ECE over 15 bins). The temperature is fitted as a training does it (``work.temperature``), on labels
that were left out; the last column is the best one that the true classes could have told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from fact_core.analysis.calibration import at_temperature, calibration_error, temperature
from fact_core.bench import rounds
from fact_core.bench.grids import line, rule
from fact_core.bench.rounds import Folder
from fact_core.bench.rows import Row, key_of, read_rows, write_rows
from fact_core.compute.device import describe, device_named
from fact_core.config import LmConfig
from fact_core.errors import ConfigError
from fact_core.events import Log, Progress
from fact_core.finetune.estimate import left_out
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.decide import decide_on
from fact_core.lightweight.map_train import Memory
from fact_core.lightweight.readings import Labelled
from fact_core.types import FloatArray, IntArray, Step
from fact_core.work.temperature import FEWEST


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench confidences``."""
    rounds.add_folder_arguments(parser)
    parser.add_argument("--labels", default="50,100,200,500", metavar="N,...", help="%(default)s")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    budgets = rounds.numbers(given.labels)
    rows = read_rows(given.json) if given.json else []
    x, y, about = yield from rounds.known(given)
    if budgets[0] < 2 or budgets[-1] >= len(y):
        raise ConfigError("--labels needs from 2 to all but one of the images", f"{given.labels} of {len(y)}")
    there = {key_of(row) for row in rows}
    todo = [cell for cell in _cells(given, about, budgets) if key_of(cell) not in there]
    folder = Folder(x, y, np.zeros(0, dtype=np.int64), about["classes"], device_named(given.device))
    for done, cell in enumerate(todo):
        yield Progress("confidences", done, len(todo), "models")
        rows.append({**cell, **(yield from measured(folder, cell))})
        if given.json:
            write_rows(given.json, rows)
    return {"text": table(rows), "json": rows}


def _cells(given: argparse.Namespace, about: Mapping[str, Any], budgets: Sequence[int]) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for labels in budgets:
            fixed = {"strategy": "activeft", "method": "lm", "frofa": "none", "preset": "standard"}
            yield {**about, **fixed, "labels": labels, "seed": seed, "overrides": {"lm.mode": "lr"}}


def measured(folder: Folder, cell: Mapping[str, Any]) -> Step[dict[str, Any]]:
    """Choose, fit, answer, and hold the confidences against the truth. temperature: None where none is fitted."""
    began, seed = time.monotonic(), int(cell["seed"])
    rows = yield from rounds.chosen(folder, "one shot", cell["labels"], cell["labels"], seed)
    p, by = answered(folder, rows, seed)
    rest = np.setdiff1d(np.arange(len(folder.y)), rows)
    said, truth = p[rest], folder.y[rest]
    right = said.argmax(axis=1) == truth
    possible = said[np.arange(len(rest)), truth] > 0  # no temperature helps where the class had no label
    best = temperature(np.log(np.clip(said[possible], 1e-12, 1)), truth[possible])
    errors = [calibration_error(right, at_temperature(said, each).max(axis=1)) for each in (1.0, by, best)]
    name = f"{cell['dataset']}, {cell['labels']} labels, seed {seed}"
    yield Log(f"{name}: calibration error {100 * errors[0]:.1f} % as it answers, {100 * errors[1]:.1f} % as exported")
    return {
        "accuracy": round(float(right.mean()), 6),
        "sure": round(float(said.max(axis=1).mean()), 6),
        "temperature": None if np.isnan(by) else round(by, 4),
        **{key: round(each, 6) for key, each in zip(("ece", "ece fitted", "ece best"), errors, strict=True)},
        "seconds": round(time.monotonic() - began, 1),
        "device": describe(folder.device),
    }


def answered(folder: Folder, rows: IntArray, seed: int) -> tuple[FloatArray, float]:
    """(probabilities [N,K] of all images by the light model on labels of these rows; the temperature, NaN for none)."""
    names, target = np.unique(folder.y[rows], return_inverse=True)
    x = torch.from_numpy(folder.x[rows])
    config, data = LmConfig(mode="lr"), Labelled(x, x[:, None], torch.from_numpy(target))
    c = finish(decide_on(data, len(names), None, config, seed, Memory())).c_pooled
    unit = normalize(x, dim=1).double()
    fitted = finish(logistic.fit(unit, data.y, len(names), C=c, balanced=config.balanced))
    p = np.zeros((len(folder.y), folder.classes), dtype=np.float32)
    p[:, names] = torch.softmax(fitted.logits(normalize(torch.from_numpy(folder.x), dim=1)), dim=1).numpy()
    held = left_out(unit.float().numpy(), target, len(names), c=c, balanced=config.balanced, seed=seed)
    if held is None or len(held[0]) < FEWEST:
        return p, float("nan")
    return p, temperature(np.log(np.clip(held[1], 1e-12, 1)), target[held[0]])


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each folder and number of labels, means over seeds."""
    heads = ("right, %", "sure, %", "error as it answers, %", "temperature", "error with it, %", "at best, %")
    lines = [line("folder", "labels", "seeds", *heads), rule(9)]
    for name, labels in dict.fromkeys((row["dataset"], row["labels"]) for row in rows):
        own = [row for row in rows if (row["dataset"], row["labels"]) == (name, labels)]
        by = [row["temperature"] for row in own if row["temperature"] is not None]
        told = [_mean(own, key) for key in ("accuracy", "sure", "ece", "ece fitted", "ece best")]
        told.insert(3, f"{min(by):.2f} to {max(by):.2f}" if by else "none")
        lines.append(line(name, str(labels), str(len(own)), *told))
    return "\n".join(lines) if rows else "nothing was measured"


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    return f"{100 * statistics.mean(row[key] for row in rows):.1f}"
