"""The flags of ``launch.py bench tables``, and what it does. Nothing here imports torch before it has to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fact_core.bench.order import METHODS, read
from fact_core.bench.rows import read_rows
from fact_core.bench.tables import all_tables
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, PRESETS, RECIPES, STRATEGIES
from fact_core.types import Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench tables``."""
    give = parser.add_argument
    give("--dataset", metavar="NAME", help="cifar10, cifar10-lt, cifar100, cifar100-lt, cars, aircraft, imagenet, own")
    give("--data", type=Path, metavar="DIR", help="the data set on this disk: folders, or its own files")
    give("--out", type=Path, metavar="FILE", help="the rows, JSON; what it holds already is not measured again")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--ratios", metavar="P,...", help="budgets in per cent of the training images (the paper's)")
    some.add_argument("--budgets", metavar="N,...", help="budgets as numbers of images")
    give("--methods", default=",".join(METHODS), metavar="NAME,...", help=f"of {', '.join(RECIPES)} (%(default)s)")
    give("--backbone", default=DEFAULT_BACKBONE, choices=BACKBONES, metavar="NAME", help=", ".join(BACKBONES))
    give("--pixels", default="0", metavar="N", help="side of the pictures; 0: the backbone's own")
    give("--preset", default="standard", choices=PRESETS, help="how long it trains (%(default)s)")
    give("--strategy", default="activeft", choices=STRATEGIES, help="how images are chosen (%(default)s)")
    give("--frofa", default="on", metavar="on|off|on,off", help="augmentation of frozen features in phase 3")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--seeds", default="3", metavar="N", help="seeds 0 to N - 1 (%(default)s)")
    some.add_argument("--seed-list", metavar="SEED,...", help="these seeds")
    give("--test-images", default="0", metavar="N", help="a fixed draw of so many test images; 0: all")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU where there is one")
    give("--minutes", default="0", metavar="M", help="end after the training under way when so many are over; 0: never")
    give("--cache", type=Path, metavar="DIR", help="features, choices and phases 2, to go on from")
    give("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of training, such as ff.steps=20")
    give("--selections", type=Path, metavar="FILE", help="recorded choices of images (default: the program's own)")
    give("--select-anew", action="store_true", help="choose images even where a choice is recorded")
    give("--show", nargs="+", type=Path, metavar="FILE", help="only print the tables of these files of rows")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure what was ordered, or only print the tables of ``--show``."""
    if given.show:
        return {"text": all_tables([row for file in given.show for row in read_rows(file, needed=True)])}
    order = read(given)
    from fact_core.bench import runner  # seconds of torch, after everything that can be wrong was looked at

    return (yield from runner.run(order))
