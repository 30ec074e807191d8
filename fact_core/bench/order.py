"""An order of ``launch.py bench tables``: its flags, checked before any work. Nothing here imports torch."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fact_core.bench.recorded import RECORDED
from fact_core.choices import RECIPES, named, one_shot
from fact_core.config import TrainConfig, options, train_config
from fact_core.errors import ConfigError, InputError
from fact_core.folders import cache_folder

METHODS = ("ff", "lp-paper", "lp", "lm", "lm+", "lp-ft", "lp-lora", "fact", "l3fact", "fact+", "l3fact+")
#: Options of a training run that have a flag of their own, or no meaning here.
OWN = ("recipe", "preset", "backbone", "seed", "device", "selection")
MOST_SEEDS = 100
#: Options for long-tailed data: classes weigh as often as they occur, with the weaker penalty that goes with it.
UNEVEN = {"lm.balanced": False, "lp.balanced": False, "lp.C": 100.0, "lm.C": 100.0}
T = TypeVar("T")


def brought_by(dataset: str) -> dict[str, Any]:
    """Options of training that a data set brings with it: a long tail's own test is as uneven as its images."""
    return dict(UNEVEN) if dataset.endswith("-lt") else {}


@dataclass(frozen=True)
class Order:
    """A table to be measured. budgets: "50" or "0.1%"; frofa: on and off; overrides: flat options of training."""

    dataset: str
    data: Path
    out: Path
    budgets: tuple[str, ...]
    methods: tuple[str, ...]
    backbone: str
    pixels: int  # 0: the backbone's own
    preset: str
    strategy: str
    frofa: tuple[bool, ...]
    seeds: tuple[int, ...]
    test_images: int  # of each test; 0: all
    device: str
    minutes: float  # 0: no limit
    cache: Path
    overrides: Mapping[str, Any]
    selections: Path  # where chosen images are taken from
    record: bool  # whether chosen images are written there as well
    anew: bool  # choose images as if none were recorded


def read(given: argparse.Namespace) -> Order:
    """The order behind the flags. ConfigError or InputError in words when something cannot be."""
    from fact_core.bench.datasets import DATASETS, PAPER_BUDGETS

    for name in ("dataset", "data", "out"):
        if getattr(given, name) is None:
            raise ConfigError(f"--{name} is needed", do="See launch.py bench tables --help.")
    named(DATASETS, given.dataset, "data set")
    if given.strategy not in one_shot():
        what, do = (
            "This strategy learns from labels, and here nothing is labeled yet",
            f"Known: {', '.join(one_shot())}.",
        )
        raise ConfigError(what, given.strategy, do)
    if not given.data.is_dir():
        raise InputError("There is no such data folder", str(given.data))
    if given.out.is_dir():
        raise InputError("--out needs a file, and this is a folder", str(given.out))
    ratios = given.ratios or ",".join(f"{each:g}" for each in PAPER_BUDGETS[given.dataset])
    order = Order(
        dataset=given.dataset,
        data=given.data,
        out=given.out,
        budgets=budgets(given.budgets, "") if given.budgets else budgets(ratios, "%"),
        methods=_methods(given.methods),
        backbone=given.backbone,
        pixels=_number(given.pixels, "--pixels", int, 0, 4096),
        preset=given.preset,
        strategy=given.strategy,
        frofa=_frofa(given.frofa),
        seeds=_seeds(given),
        test_images=_number(given.test_images, "--test-images", int, 0, 10**9),
        device=given.device,
        minutes=_number(given.minutes, "--minutes", float, 0, 10**6),
        cache=given.cache or cache_folder() / "tables",
        overrides={**brought_by(given.dataset), **overrides(given.set)},
        selections=given.selections or RECORDED,
        record=given.selections is not None,
        anew=given.select_anew,
    )
    if len(order.frofa) > 1 and order.overrides.get("lm.frofa") == "none":
        raise ConfigError("--frofa on,off and --set lm.frofa=none leave nothing to compare", do="Give one of them.")
    for method in order.methods:  # limits of values, and recipes that do not fit the backbone
        train_config(order.preset, recipe=method, backbone=order.backbone, **order.overrides)
    return order


def budgets(text: str, unit: str) -> tuple[str, ...]:
    """("50", "100") or, with the unit "%", ("0.1%", "0.2%") of "50,100" or "0.1,0.2", each once."""
    what = "--ratios" if unit else "--budgets"
    found = []
    for each in _words(text, what):
        number = _number(
            each.removesuffix("%") if unit else each, what, float if unit else int, 0, 100 if unit else 1e9
        )
        if number == 0:
            raise ConfigError(f"{what} must be above 0", repr(text))
        found.append(f"{number:g}%" if unit else str(number))
    return tuple(dict.fromkeys(found))


def overrides(given: list[str]) -> dict[str, Any]:
    """{"ff.steps": 20} of ["ff.steps=20"], sorted by name. ConfigError for an unknown name or another kind of value."""
    known = {name: each for name, each in options(TrainConfig) if name not in OWN}
    found: dict[str, Any] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise ConfigError("--set needs NAME=VALUE", repr(each), "For example --set ff.steps=20.")
        if name not in known:
            raise ConfigError(f"There is no option {name!r} of training", do=f"Known: {', '.join(known)}.")
        found[name] = text if str(known[name].type) == "str" else _value(name, text)
    return dict(sorted(found.items()))


def _value(name: str, text: str) -> Any:
    """A number or true or false; ``train_config`` checks the kind and the limits."""
    try:
        return json.loads(text.lower())
    except ValueError:
        raise ConfigError(f"The value of {name} is neither a number nor true or false", repr(text)) from None


def _methods(text: str) -> tuple[str, ...]:
    for name in (found := _words(text, "--methods")):
        named(RECIPES, name, "method")
    return found


def _frofa(text: str) -> tuple[bool, ...]:
    found = _words(text, "--frofa")
    if set(found) - {"on", "off"}:
        raise ConfigError("--frofa must be on, off or on,off", repr(text))
    return tuple(each == "on" for each in found)


def _seeds(given: argparse.Namespace) -> tuple[int, ...]:
    if given.seed_list is not None:
        words = _words(given.seed_list, "--seed-list")
        return tuple(dict.fromkeys(_number(each, "--seed-list", int, 0, 2**31 - 1) for each in words))
    return tuple(range(_number(given.seeds, "--seeds", int, 1, MOST_SEEDS)))


def _words(text: str, what: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if not found:
        raise ConfigError(f"{what} is empty", repr(text))
    return found


def _number(text: str, what: str, kind: Callable[[str], T], low: float, high: float) -> T:
    """A number between two limits. ConfigError otherwise."""
    try:
        number = kind(text.strip())
    except ValueError:
        raise ConfigError(f"{what} needs a {'whole ' if kind is int else ''}number", repr(text)) from None
    if not math.isfinite(number) or not low <= number <= high:  # type: ignore[arg-type,operator]
        raise ConfigError(f"{what} must be between {low:g} and {high:g}", text)
    return number
