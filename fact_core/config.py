"""Options, each written once.

An option is a field of a frozen dataclass made by ``option``: its default, its help and
its limits. The form in the page, the command-line flag, the check, the JSON and the error
message are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, FROFA, PRESETS, RECIPES, STRATEGIES, check_fit, pick
from fact_core.errors import ConfigError
from fact_core.options import add_arguments, check, from_dict, from_flat, given, option, options, to_dict, value_of

__all__ = [
    "LONGEST",
    "RUN_CONFIGS",
    "ExportConfig",
    "FeaturesConfig",
    "FfConfig",
    "LmConfig",
    "LpConfig",
    "MapConfig",
    "PredictConfig",
    "ScanConfig",
    "SelectConfig",
    "StConfig",
    "TrainConfig",
    "add_arguments",
    "check",
    "from_dict",
    "from_flat",
    "option",
    "options",
    "parse_budget",
    "to_dict",
    "train_config",
    "value_of",
]


LONGEST = 512  # prompts or prefixes; a picture of 224 pixels has 197 tokens of its own


def _seed() -> Any:
    return option(0, "Seed", "The same seed gives the same result.", low=0, high=2**31 - 1, expert=True)


def _device() -> Any:
    return option(
        "auto", "Device", "auto takes the GPU where there is one.", choices=("auto", "cpu", "cuda"), expert=True
    )


def _backbone() -> Any:
    return option(DEFAULT_BACKBONE, "Backbone", "The pretrained network that sees your images.", choices=BACKBONES)


@dataclass(frozen=True)
class ScanConfig:
    """Looking for images in the folder."""


@dataclass(frozen=True)
class FeaturesConfig:
    """Computing the features of the pool."""

    backbone: str = _backbone()
    device: str = _device()
    batch: int = option(64, "Batch", "Images at a time.", low=1, high=4096, expert=True)


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
    restart: bool = option(False, "Start over", "Choose as if nothing were labeled yet; labels are kept.", expert=True)
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

    def for_strategies(self) -> dict[str, Any]:
        """What strategies take besides features, budget and labels; each picks its own."""
        names = ("iterations", "temperature", "variant", "start", "restarts", "every")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class CompareConfig:
    """What another strategy would have chosen in place of the newest selection."""

    strategy: str = option("random", "Strategy", "How the images are chosen.", choices=STRATEGIES)


@dataclass(frozen=True)
class MapConfig:
    """The two-dimensional picture of the pool (UMAP)."""

    backbone: str = _backbone()
    neighbors: int = option(15, "Neighbours", "Larger: more of the whole.", low=2, high=200, expert=True)
    min_dist: float = option(0.1, "Minimum distance", "Smaller: tighter clumps.", low=0.0, high=1.0, expert=True)
    seed: int = _seed()


@dataclass(frozen=True)
class LpConfig:
    """Phase 1, linear probe."""

    mode: str = option(
        "lr",
        "Probe",
        "lr: converged logistic regression; sgd: the paper's 50 epochs of SGD.",
        choices=("lr", "sgd"),
        paper=True,
    )
    C: float = option(10.0, "Probe C", "Inverse regularisation on unit-norm features.", low=1e-4, high=1e6, expert=True)
    balanced: bool = option(
        True, "Balanced classes in the probe", "Rare classes weigh as much as frequent ones.", expert=True
    )
    epochs: int = option(50, "Probe epochs", "Of the SGD probe.", low=1, high=10_000, paper=True)
    lr: float = option(0.01, "Probe learning rate", "Of the SGD probe, at batch 512.", low=1e-6, high=10.0, paper=True)


@dataclass(frozen=True)
class FfConfig:
    """Phase 2, full or LoRA finetune."""

    optimiser: str = option("adamw", "Optimiser", "Of phase 2.", choices=("adamw", "sgd"), paper=True)
    steps: int = option(300, "Steps", "Optimiser steps of phase 2.", low=1, high=1_000_000)
    epochs: int = option(0, "Epochs", "Instead of steps, where not 0.", low=0, high=100_000, expert=True)
    batch: int = option(64, "Batch", "At most this many images a step.", low=1, high=4096)
    pixels: int = option(0, "Pixels", "Side of phase 2's pictures; 0: the backbone's own.", low=0, high=1024)
    backbone_lr: float = option(1e-4, "Backbone learning rate", "Of the full finetune.", low=0.0, high=1.0, expert=True)
    head_lr: float = option(1e-3, "Head learning rate", "Of the classifier layer.", low=0.0, high=1.0, expert=True)
    lora_lr: float = option(1e-3, "LoRA learning rate", "Of the added matrices.", low=0.0, high=1.0, expert=True)
    lora_rank: int = option(8, "LoRA rank", "Of the added matrices.", low=1, high=256, expert=True)
    lora_alpha: int = option(16, "LoRA alpha", "Scale is alpha / rank.", low=1, high=1024, expert=True)
    prompt_length: int = option(10, "Prompts", "Learned tokens a block.", low=1, high=LONGEST, expert=True)
    prompt_dim: int = option(
        0, "Prompt width", "A shared layer widens narrower ones; 0: the network's own.", low=0, high=4096, paper=True
    )
    prompt_deep: bool = option(True, "Deep prompts", "Each block has its own; else the first alone.", paper=True)
    prefix_length: int = option(15, "Prefixes", "Learned keys and values a block.", low=1, high=LONGEST, expert=True)
    prompt_lr: float = option(1e-3, "Prompt learning rate", "Of prompts and prefixes.", low=0.0, high=1.0, expert=True)
    layer_decay: float = option(0.75, "Layer decay", "Early layers learn slower.", low=0.1, high=1.0, expert=True)
    weight_decay: float = option(0.05, "Weight decay", "Of phase 2.", low=0.0, high=1.0, expert=True)
    label_smoothing: float = option(0.1, "Label smoothing", "Of phase 2.", low=0.0, high=0.9, expert=True)
    drop_path: float = option(0.1, "Drop path", "Of phase 2.", low=0.0, high=0.9, expert=True)
    crop_min: float = option(
        0.5, "Smallest crop", "Share of the picture that a crop keeps.", low=0.05, high=1.0, expert=True
    )
    clip: float = option(2.0, "Gradient clip", "Largest gradient norm.", low=0.0, high=1000.0, expert=True)
    ema: float = option(0.99, "Averaging", "Of the weights; 0 is none.", low=0.0, high=0.99999, expert=True)
    gate: str = option(
        "off",
        "Never worse",
        "Phase 2's share of the weights, the rest is pretrained. off: all of it; half; choose: by cross-validation. "
        "Prompts and prefixes cannot be mixed: choose keeps or drops them.",
        choices=("off", "half", "choose"),
        expert=True,
    )
    keep: str = option(
        "last",
        "Weights kept",
        "best_test keeps those that did best on the check images: only to reproduce published numbers. The check "
        "images can then no longer say how good the result is.",
        choices=("last", "best_test"),
        paper=True,
    )
    start_C: float = option(
        0.0,
        "Start C",
        "C of the probe that full finetuning and LoRA start from: a weak one leaves more to learn. 0: phase 1's own.",
        low=0.0,
        high=1e6,
        expert=True,
    )
    warm_epochs: int = option(
        0, "Warm-up epochs", "In which the rates rise; 0: a tenth of all steps.", low=0, high=100_000, paper=True
    )
    alone_epochs: int = option(
        0, "Epochs alone", "Epochs where no phase 1 goes before; 0: as with one.", low=0, high=100_000, paper=True
    )


@dataclass(frozen=True)
class StConfig:
    """Self-training between phases 2 and 3: pseudo-labels of the pool."""

    steps: int = option(
        0,
        "Self-training steps",
        "Phase 2 names images of the pool, and training begins anew from these and the labels; 0: it does not.",
        low=0,
        high=1_000_000,
    )
    images: int = option(
        5000, "Pool images", "At most this many are named, drawn at random.", low=1, high=10_000_000, expert=True
    )


@dataclass(frozen=True)
class LmConfig:
    """Phase 3, light model: attention pooling (MAP), FroFA, logistic regression."""

    mode: str = option(
        "auto",
        "Reading",
        "map_lr: attention pooling, then logistic regression; lr: logistic regression alone; both; joint_lbfgs: "
        "attention pooling and the linear layer together; auto.",
        choices=("auto", "map_lr", "lr", "both", "joint_lbfgs"),
    )
    choose: str = option(
        "C+mode",
        "Chosen by cross-validation",
        "Needs five labels a class on average, and two of the rarest.",
        choices=("none", "C", "C+mode"),
        expert=True,
    )
    with_head: bool = option(
        True, "With phase 2's head", "The answer is the mean of phase 2's head and the light model.", expert=True
    )
    C: float = option(10.0, "C", "Inverse regularisation, where it is not chosen.", low=1e-4, high=1e6, expert=True)
    steps: int = option(1000, "Attention steps", "Of attention pooling.", low=0, high=100_000)
    strength: float = option(0.5, "FroFA strength", "How far the features change.", low=0.0, high=1.0)
    frofa: str = option(
        "brightness",
        "FroFA",
        "How features of patches are changed.",
        choices=FROFA,
        paper=("rotate", "shear-x", "shear-y", "translate-x", "translate-y"),  # they hurt, there as here
    )
    form: str = option(
        "channel-squared",
        "FroFA form",
        "default: range and strength of an image; channel: a strength for each channel; channel-squared: a range too.",
        choices=("default", "channel", "channel-squared"),
        paper=True,
    )
    views: int = option(8, "FroFA views", "Augmented copies in the logistic regression.", low=0, high=64, expert=True)
    lr: float = option(1e-3, "Attention learning rate", "Of attention pooling.", low=1e-6, high=1.0, expert=True)
    weight_decay: float = option(
        0.01, "Attention weight decay", "Pulls towards mean pooling.", low=0.0, high=1.0, expert=True
    )
    width: int = option(
        384, "Token width", "Wider tokens are reduced to this by a PCA of the pool's.", low=8, high=4096, expert=True
    )
    balanced: bool = option(True, "Balanced classes", "Rare classes weigh as much as frequent ones.", expert=True)


@dataclass(frozen=True)
class TrainConfig:
    """A training run. ``recipe`` says which phases run; ``lp``, ``ff``, ``st`` and ``lm`` hold their options."""

    recipe: str = option("fact", "Recipe", "What is trained.", choices=RECIPES)
    preset: str = option("standard", "Effort", "How long it trains.", choices=PRESETS)
    backbone: str = _backbone()
    seed: int = _seed()
    device: str = _device()
    selection: int = option(
        0, "Selection", "Train only on the labels of this selection; 0: on all labels.", low=0, expert=True
    )
    amp: bool = option(True, "Mixed precision", "bf16 or fp16 on a GPU: quicker, same result.", expert=True)
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
        phases = pick(RECIPES, self.recipe, "recipe").phases
        return phases if self.st.steps else tuple(each for each in phases if each != "st")


@dataclass(frozen=True)
class PredictConfig:
    """Predictions of a trained model for the whole pool."""

    run: int = option(0, "Run", "The training run whose model answers.", low=0)
    images: str = option("", "Other images", "A folder with one sub-folder a class; empty: the pool.", expert=True)
    device: str = _device()
    batch: int = option(64, "Batch", "Images at a time.", low=1, high=4096, expert=True)


@dataclass(frozen=True)
class ExportConfig:
    """Writing the result into a new folder."""

    run: int = option(0, "Run", "The training run to export.", low=0)
    folder: str = option("", "Into", "A new folder. Nothing is overwritten.")
    items: tuple[str, ...] = option(("model",), "What", "What is written.")


#: kind of run -> its options
RUN_CONFIGS: dict[str, type[Any]] = {
    "scan": ScanConfig,
    "features": FeaturesConfig,
    "select": SelectConfig,
    "compare": CompareConfig,
    "map": MapConfig,
    "train": TrainConfig,
    "predict": PredictConfig,
    "export": ExportConfig,
}


def train_config(preset: str = "standard", **values: Any) -> TrainConfig:
    """A TrainConfig with a preset's values; ``values`` override any ("ff.steps": 5) that the recipe does not fix."""
    recipe = pick(RECIPES, values.get("recipe", TrainConfig.recipe), "recipe")
    backbone = str(values.get("backbone", TrainConfig.backbone))
    merged: dict[str, Any] = {**pick(PRESETS, preset, "preset").values_for(backbone), **values, **recipe.values}
    return from_flat(TrainConfig, {"preset": preset, **merged})


def parse_budget(text: str, pool: int) -> int:
    """Number of images to label from "50" or "2%" (per cent of the pool, truncated; method.md 1.1).

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
