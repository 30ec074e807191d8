"""Options, each written once.

An option is a field of a frozen dataclass made by ``option``: its default, its help and
its limits. The form in the page, the command-line flag, the check, the JSON and the error
message are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fact_core.choices import (
    BACKBONES,
    DEFAULT_BACKBONE,
    PRESETS,
    RECIPES,
    STRATEGIES,
    VIEWS,
    check_fit,
    is_of_timm,
    named,
)
from fact_core.choices.devices import ALL_GPUS, DEVICES, is_several
from fact_core.errors import ConfigError
from fact_core.file_config import SORT_WAYS, ExportConfig, ImportConfig, SortConfig
from fact_core.options import add_arguments, check, from_dict, from_flat, given, option, options, to_dict, value_of
from fact_core.phase_config import LONGEST, FfConfig, LmConfig, LpConfig, StConfig

#: Images whose neighbours are looked for where only frozen features are learned from.
POOL_IMAGES = 20_000

__all__ = [
    "ALL_GPUS",
    "DEVICES",
    "LONGEST",
    "POOL_IMAGES",
    "RUN_CONFIGS",
    "SORT_WAYS",
    "BackbonesConfig",
    "ExportConfig",
    "FeaturesConfig",
    "FfConfig",
    "ImportConfig",
    "LmConfig",
    "LpConfig",
    "MapConfig",
    "OddConfig",
    "PredictConfig",
    "ScanConfig",
    "SelectConfig",
    "SortConfig",
    "StConfig",
    "TrainConfig",
    "WordsConfig",
    "add_arguments",
    "check",
    "from_dict",
    "from_flat",
    "is_several",
    "option",
    "options",
    "parse_budget",
    "to_dict",
    "train_config",
    "value_of",
]


def _seed() -> Any:
    help = "The same seed gives the same result; on a GPU almost the same, unless a training is Deterministic."
    return option(0, "Seed", help, low=0, high=2**31 - 1, expert=True)


def _device() -> Any:
    help = "auto takes the GPU where there is one; all takes every one; cuda:0,cuda:1 these; mps is Apple's, untried."
    return option("auto", "Device", help, choices=(*DEVICES, ALL_GPUS), expert=True, beyond=is_several)


def _backbone() -> Any:
    help = "The pretrained network that sees your images: a listed one, or timm:NAME for any of timm's."
    return option(DEFAULT_BACKBONE, "Backbone", help, choices=BACKBONES, beyond=is_of_timm)


def _view() -> Any:
    help = "Which part of each picture the backbone sees; project: what the project says."
    return option("project", "What is seen", help, choices=("project", *VIEWS), paper=True)


@dataclass(frozen=True)
class ScanConfig:
    """Looking for images in the folder."""


@dataclass(frozen=True)
class FeaturesConfig:
    """Computing the features of the pool."""

    backbone: str = _backbone()
    device: str = _device()
    batch: int = option(64, "Batch", "Images at a time.", low=1, high=4096, expert=True)
    view: str = _view()


@dataclass(frozen=True)
class SelectConfig:
    """Choosing what to label."""

    budget: str = option("50", "Budget", "How many images you are willing to label; a number or per cent (2%).")
    strategy: str = option("activeft", "Strategy", "How the images are chosen.", choices=STRATEGIES)
    check: int = option(
        0,
        "Check images, drawn at random",
        "Labeled after the others and never trained on. Only they can say without bias how good the result is.",
        low=0,
        high=100_000,
    )
    near: float = option(
        0.15,
        "Near-duplicates within",
        "Images closer than this share of the usual distance to the nearest one count as one picture; 0: none do.",
        low=0.0,
        high=1.0,
        expert=True,
    )
    seed: int = _seed()
    backbone: str = _backbone()
    device: str = _device()
    iterations: int = option(300, "Iterations", "Optimiser steps of ActiveFT.", low=1, high=10_000, expert=True)
    extend: bool = option(False, "Add to the selection", "Keep what is chosen and choose so many more.", expert=True)
    restart: bool = option(
        False, "Start over", "Choose as if nothing were labeled yet; labels are kept, and check images.", expert=True
    )
    temperature: float = option(
        0.07, "Temperature", "Smaller: sharper clusters (ActiveFT).", low=0.01, high=1.0, expert=True
    )
    variant: str = option(
        "code",
        "Objective",
        "ActiveFT as in its authors' code, or as the equation in the paper.",
        choices=("code", "paper"),
        expert=True,
    )
    start: str = option(
        "random",
        "First centroids",
        "Where ActiveFT starts: images drawn by lot, or far from each other.",
        choices=("random", "k-means++"),
        expert=True,
    )
    restarts: int = option(
        1, "Starts", "ActiveFT begins so often anew; the best result counts.", low=1, high=100, expert=True
    )
    every: int = option(
        0,
        "Steps between looks",
        "Steps of ActiveFT between two passes over the pool: 1 as its authors do, 0 as few as its changes allow.",
        low=0,
        high=100,
        expert=True,
    )
    pull: float = option(
        0.5, "Pull of the names", "How far VeCAF moves images to their likely names.", low=0.0, high=1.2, expert=True
    )
    view: str = _view()
    model: int = option(
        0,
        "Model",
        "The training run whose answers say what is unsure; 0: the newest. For strategies that take answers.",
        low=0,
        paper=True,
    )

    def for_strategies(self) -> dict[str, Any]:
        """What strategies take besides features, budget and labels; each picks its own."""
        names = ("iterations", "temperature", "variant", "start", "restarts", "every", "pull")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class CompareConfig:
    """What another strategy would have chosen in place of the newest selection, or how that stands by now."""

    strategy: str = option("random", "Strategy", "How the images are chosen.", choices=STRATEGIES)
    now: bool = option(False, "As it is now", "Judge the choice itself anew, as rejecting and adding have left it.")


@dataclass(frozen=True)
class BackbonesConfig:
    """Comparing backbones on the person's own labels."""

    names: str = option("", "Backbones", "Which ones, with commas; empty: all whose weights are ready.")
    device: str = option("auto", "Device", "auto takes the GPU where there is one.", choices=DEVICES, expert=True)


@dataclass(frozen=True)
class MapConfig:
    """The two-dimensional picture of the pool (UMAP)."""

    backbone: str = _backbone()
    neighbors: int = option(15, "Neighbours", "Larger: more of the whole.", low=2, high=200, expert=True)
    min_dist: float = option(0.1, "Minimum distance", "Smaller: tighter clumps.", low=0.0, high=1.0, expert=True)
    seed: int = _seed()


@dataclass(frozen=True)
class OddConfig:
    """Looking for odd images: blurred, dark, tiny, unlike all others."""

    backbone: str = _backbone()
    view: str = _view()
    device: str = _device()


@dataclass(frozen=True)
class WordsConfig:
    """Holding the pool against words, by a backbone that was trained on pictures with captions."""

    backbone: str = _backbone()
    view: str = _view()
    query: str = option("", "Words", "What is looked for; empty: the names of the classes.")


@dataclass(frozen=True)
class TrainConfig:
    """A training run. ``recipe`` says which phases run; ``lp``, ``ff``, ``st`` and ``lm`` hold their options."""

    recipe: str = option("fact+", "Recipe", "What is trained.", choices=RECIPES)
    preset: str = option("standard", "Effort", "How long it trains.", choices=PRESETS)
    backbone: str = _backbone()
    seed: int = _seed()
    device: str = _device()
    selection: int = option(
        0, "Selection", "Train only on the labels of this selection; 0: on all labels.", low=0, expert=True
    )
    amp: bool = option(True, "Mixed precision", "bf16 or fp16 on a GPU: quicker, same result.", expert=True)
    deterministic: bool = option(
        False, "Deterministic", "A GPU sums in the same order each time: the same result, more slowly.", expert=True
    )
    view: str = _view()
    lp: LpConfig = field(default_factory=LpConfig)
    ff: FfConfig = field(default_factory=FfConfig)
    st: StConfig = field(default_factory=StConfig)
    lm: LmConfig = field(default_factory=LmConfig)

    def check_together(self) -> None:
        """ConfigError where the recipe does not fit the backbone."""
        check_fit(self.recipe, self.backbone)

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases in order: those of the recipe, self-training only where it has steps."""
        phases = named(RECIPES, self.recipe, "recipe").phases
        return phases if self.st.steps else tuple(each for each in phases if each != "st")

    @property
    def pool_images(self) -> int:
        """At most so many images of the pool are learned from without a label."""
        if "st" in self.phases:
            return self.st.images
        return POOL_IMAGES if "lm" in self.phases and self.lm.pool else 0


@dataclass(frozen=True)
class PredictConfig:
    """Predictions of a trained model for the whole pool."""

    run: int = option(0, "Run", "The training run whose model answers.", low=0)
    images: str = option("", "Other images", "A folder with one sub-folder a class; empty: the pool.", expert=True)
    device: str = _device()
    batch: int = option(64, "Batch", "Images at a time.", low=1, high=4096, expert=True)


#: kind of run -> its options
RUN_CONFIGS: dict[str, type[Any]] = {
    "scan": ScanConfig,
    "features": FeaturesConfig,
    "select": SelectConfig,
    "compare": CompareConfig,
    "backbones": BackbonesConfig,
    "map": MapConfig,
    "odd": OddConfig,
    "words": WordsConfig,
    "train": TrainConfig,
    "predict": PredictConfig,
    "export": ExportConfig,
    "sort": SortConfig,
}


def train_config(preset: str = "standard", **values: Any) -> TrainConfig:
    """A TrainConfig with a preset's values; ``values`` override any ("ff.steps": 5) that the recipe does not fix."""
    effort = named(PRESETS, preset, "preset")
    recipe = named(RECIPES, name := values.get("recipe", effort.recipe), "recipe")
    backbone = str(values.get("backbone", TrainConfig.backbone))
    merged: dict[str, Any] = {**effort.values_for(backbone), **values, **recipe.values, "recipe": name}
    return from_flat(TrainConfig, {"preset": preset, **merged})


def parse_budget(text: str, pool: int) -> int:
    """Number of images to label from "50" or "2%" (per cent of the pool, truncated as ActiveFT's code does).

    ConfigError when it is no number, 0, or larger than the pool.
    """
    cleaned = text.strip().replace(" ", "")
    try:
        count = int(pool * float(cleaned[:-1]) * 0.01) if cleaned.endswith("%") else int(cleaned)
    except (ValueError, OverflowError):
        raise ConfigError(
            "The budget is not a number", given(text), "Give a number of images (50) or per cent of the pool (2%)."
        ) from None
    if count < 1:
        raise ConfigError("The budget must be at least 1 image", f"You gave {text}.", f"The pool has {pool} images.")
    if count > pool:
        raise ConfigError(
            "The budget is larger than the pool", f"You gave {count:,} of {pool:,} images.", "Choose a smaller one."
        )
    return count
