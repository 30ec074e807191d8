"""Measurements: ``python3 launch.py bench NAME ...``.

Each is a step that yields events and returns a dict of figures that JSON can hold. "text", where there is one, is
printed instead of them; "json" is what --json writes instead of them; "failed" above 0 makes the exit code 1. A bench
takes ``full`` (all of it, not only what takes minutes); one whose module offers ``add_arguments(parser)`` takes the
parsed arguments instead. To add one, write it and one line here. Those of the page stand in ``app/bench``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from fact_core.choices import Choice, named, resolve
from fact_core.types import Step

BENCHES: dict[str, Choice] = {
    "backbones": Choice(
        "Backbones",
        "Whether the backbone that is proposed by a person's own labels is the best on other images.",
        "fact_core.bench.backbones:run",
    ),
    "features": Choice(
        "Features",
        "Images a second of a backbone: float32 against the fastest way that this device has.",
        "fact_core.bench.features:run",
    ),
    "expansion": Choice(
        "Expansion", "Accuracy with and without the labels that ActiveDC guesses.", "fact_core.bench.expansion:run"
    ),
    "confidences": Choice(
        "Confidences",
        "Whether answers are as sure as they are right, with and without the temperature that a training fits.",
        "fact_core.bench.confidences:run",
    ),
    "finish": Choice(
        "Finish",
        "How often promises are kept on folders of known classes, and labels needed to finish them.",
        "fact_core.bench.finish:run",
    ),
    "forecast": Choice(
        "Forecast",
        "What is said that more labels would let be accepted, beside what came.",
        "fact_core.bench.forecast:run",
    ),
    "gpu": Choice(
        "GPU", "Whether the program is right and quick on a GPU: all of it in ten minutes.", "fact_core.bench.gpu:run"
    ),
    "intervals": Choice(
        "Intervals",
        "How often the 95 % interval holds the truth: of check images alone, in groups, by strata.",
        "fact_core.bench.intervals:run",
    ),
    "learning-curve": Choice(
        "Learning curve",
        "What is said that more labels bring in accuracy, beside what they brought.",
        "fact_core.bench.learning_curve:run",
    ),
    "other-class": Choice(
        "Other class",
        "What a class for all that fits no other one finds, with few labels and with more.",
        "fact_core.bench.other_class:run",
    ),
    "promise": Choice(
        "Promise",
        "How often the promise is kept that at least a goal's share of what is accepted is right.",
        "fact_core.bench.promise:run",
    ),
    "readme": Choice("README", "Makes the README's tables anew from the measured rows.", "fact_core.bench.readme:run"),
    "rounds": Choice(
        "Rounds",
        "Labels bought against what is finished and right of a folder: in rounds, in one shot, drawn by lot.",
        "fact_core.bench.rounds:run",
    ),
    "scale": Choice(
        "Scale",
        "Pools that are too large for one program: features by Ray beside one process, and ActiveFT by blocks.",
        "fact_core.bench.scale:run",
    ),
    "segment": Choice(
        "Segmentation",
        "Table VII: the phases for masks of pixels, mIoU with few labelled frames.",
        "fact_core.bench.segment:run",
    ),
    "selection": Choice(
        "Selection",
        "Seconds of ActiveFT against a plain autograd version of the same objective, from the same start.",
        "fact_core.bench.selection:run",
    ),
    "strategies": Choice(
        "Strategies",
        "Accuracy of the same light model on the images that each strategy chooses.",
        "fact_core.bench.strategies:run",
    ),
    "speed": Choice(
        "Speed",
        "What takes how long on this device, beside the plain way and beside what the device could do at best.",
        "fact_core.bench.speed:run",
    ),
    "tables": Choice(
        "Tables",
        "The tables of the paper: accuracy of the recipes on a data set with few labels, beside the paper's numbers.",
        "fact_core.bench.arguments:run",
    ),
    "training": Choice(
        "Training",
        "Images a second of full finetuning: as plain PyTorch does it, and with what the loop does on this device.",
        "fact_core.bench.training:run",
    ),
    "umap": Choice("UMAP", "Seconds until the map of a large pool is drawn.", "fact_core.bench.umap_speed:run"),
    "views": Choice(
        "Views", "Accuracy by what the network sees of a picture: crop, squash, whole.", "fact_core.bench.views:run"
    ),
}


def add_arguments(benches: Mapping[str, Choice], name: str, parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the bench of that name. ConfigError lists the known ones otherwise."""
    module = _module(benches, name)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
        return
    parser.add_argument("--full", action="store_true", help="all of it, not only what takes a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def start(benches: Mapping[str, Choice], name: str, given: argparse.Namespace) -> Step[dict[str, Any]]:
    """The bench of that name with the arguments that were given for it."""
    run = resolve(named(benches, name, "bench").target)
    step: Step[dict[str, Any]] = run(given if hasattr(_module(benches, name), "add_arguments") else given.full)
    return step


def _module(benches: Mapping[str, Choice], name: str) -> ModuleType:
    return import_module(named(benches, name, "bench").target.partition(":")[0])
