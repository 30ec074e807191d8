"""What has to be trained for a cell of a table: few trainings answer for many methods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fact_core.analysis.training_time import learned
from fact_core.bench.order import Order
from fact_core.choices import RECIPES
from fact_core.config import TrainConfig, options, parse_budget, train_config, value_of
from fact_core.phase_config import PCA_IMAGES

OFF = {"lm.frofa": "none"}


@dataclass(frozen=True)
class Unit:
    """A method of one cell: a row. on: with FroFA where it has a phase 3."""

    method: str
    on: bool = True

    @property
    def phases(self) -> tuple[str, ...]:
        return RECIPES[self.method].phases


@dataclass(frozen=True)
class Training:
    """One run of the phases that answers for several methods. ``config`` is that of the longest, the first."""

    units: tuple[Unit, ...]
    config: TrainConfig


def units_of(order: Order) -> list[Unit]:
    """The rows that a (budget, seed) has."""
    return [Unit(method, on) for method in order.methods for on in (order.frofa if _augments(method) else (True,))]


def _augments(method: str) -> bool:
    """Whether a method has a phase 3 that FroFA has a say in: where it learns from the pool there is none."""
    return "lm" in RECIPES[method].phases and not RECIPES[method].values.get("lm.pool")


def trainings(order: Order, seed: int, units: Sequence[Unit]) -> list[Training]:
    """As few trainings as answer for all units: ``fact`` says what ``lp`` and ``lp-ft`` say on its way."""
    found: list[Training] = []
    for unit in sorted(units, key=lambda each: (-len(each.phases), not each.on)):
        config = config_of(order, seed, unit)
        home = next((i for i, each in enumerate(found) if covers(each.config, config)), None)
        if home is None:
            found.append(Training((unit,), config))
        else:
            found[home] = Training((*found[home].units, unit), found[home].config)
    return found


def config_of(order: Order, seed: int, unit: Unit) -> TrainConfig:
    """The options of training for one row."""
    own = {"backbone": order.backbone, "seed": seed, "device": order.device}
    return train_config(order.preset, recipe=unit.method, **{**order.overrides, **({} if unit.on else OFF), **own})


def told(config: TrainConfig) -> dict[str, Any]:
    """The options of a row's phases that differ from their defaults: what an effort meant when it was measured."""
    groups, plain = {group_of(each) for each in config.phases}, TrainConfig()
    found = {name: value_of(config, name) for name, _ in options(TrainConfig) if name.partition(".")[0] in groups}
    return {name: value for name, value in found.items() if value != value_of(plain, name)}


def covers(longer: TrainConfig, shorter: TrainConfig) -> bool:
    """Whether a training begins with all phases of another one, with the same options."""
    phases = shorter.phases
    if longer.phases[: len(phases)] != phases:
        return False
    if "st" in longer.phases[len(phases) :] and phases[-1] != "lp":
        return False  # its network is no more when self-training has ended
    if RECIPES[longer.recipe].random_head != RECIPES[shorter.recipe].random_head:
        return False
    return all(getattr(longer, group) == getattr(shorter, group) for group in {group_of(each) for each in phases})


def group_of(phase: str) -> str:
    """The group of options of a phase: phase 2 has several forms."""
    return phase if phase in ("lp", "st", "lm") else "ff"


def named_phase(phases: Sequence[str]) -> str:
    """The phase whose parameters count as the method's: phase 2 where there is one."""
    return next((each for each in phases if group_of(each) == "ff"), phases[-1])


def frofa_of(unit: Unit, config: TrainConfig) -> str | None:
    """What the row says about FroFA."""
    return (config.lm.frofa if unit.on else "none") if "lm" in unit.phases else None


def labels_of(order: Order, images: int, paper: Sequence[float]) -> list[tuple[int, float]]:
    """(labels, per cent) of every budget, each number once. One that is a budget of the paper gets its per cent."""
    known = {parse_budget(f"{ratio:g}%", images): ratio for ratio in paper if int(images * ratio * 0.01)}
    found: dict[int, float] = {}
    for text in order.budgets:
        count = parse_budget(text, images)
        given = float(text[:-1]) if text.endswith("%") else known.get(count, round(100 * count / images, 6))
        found.setdefault(count, given)
    return list(found.items())


def images_of(config: TrainConfig, labels: int, phases: Sequence[str]) -> int:
    """How many pictures a training looks at, roughly, to estimate how long it takes."""
    images = PCA_IMAGES + labels
    if "lp" in phases and config.lp.mode == "sgd":
        images += config.lp.epochs * labels // 3  # forward only
    images += sum(count for phase, count in learned(config, labels).items() if phase in phases)
    if "st" in config.phases and "st" in phases:
        images += len(config.st.by_round(labels, config.ff.batch)) * config.st.images // 3  # naming is forward only
    return images


def command(order: Order, unit: Unit, labels: int, seed: int) -> str:
    """What measures this one cell again; DATA stands for the folder of the data set."""
    words: Mapping[str, Any] = {
        "dataset": order.dataset,
        "data": "DATA",
        "budgets": labels,
        "methods": unit.method,
        "backbone": order.backbone,
        "pixels": order.pixels,
        "preset": order.preset,
        "strategy": order.strategy,
        **({"frofa": "on" if unit.on else "off"} if "lm" in unit.phases else {}),
        "seed-list": seed,
        "test-images": order.test_images,
        "device": order.device,
        # As --data and --out without its path: the file given, else the one that new choices go to (``pool.choose``).
        **({"selections": order.selections.name} if order.record or order.anew else {}),
    }
    given = " ".join(f"--{name} {value}" for name, value in words.items())
    more = "".join(
        f" --set {name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in order.overrides.items()
    )
    return f"python3 launch.py bench tables {given}{more} --out again.json"
