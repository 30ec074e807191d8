"""The options of each phase of a training, each written once: see ``config``, which holds those of a whole run."""

from __future__ import annotations

from dataclasses import dataclass

from fact_core.choices import FROFA
from fact_core.options import option

LONGEST = 512  # prompts or prefixes; a picture of 224 pixels has 197 tokens of its own
GATE_LABELS = 5  # labels a class from which cross-validation of phase 2 says more than chance
PCA_IMAGES = 256  # images of the pool whose tokens give the PCA of the light model


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
    words: str = option(
        "choose",
        "Names of the classes",
        "choose: they count as much as helps, by cross-validation, where the backbone has a text side that is here.",
        choices=("choose", "none"),
        expert=True,
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
    lora_rslora: bool = option(
        False, "Rank-stabilised LoRA", "Scale is alpha / root of the rank: for large ranks.", expert=True
    )
    lora_dora: bool = option(
        False, "DoRA", "LoRA that learns length and direction of the weights apart. Slower.", expert=True
    )
    few_lr: float = option(
        1e-3, "Rate of few weights", "Of LayerNorm tuning and BitFit.", low=0.0, high=1.0, expert=True
    )
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


def side_to_answer(pixels: int, crop_min: float, shown: float) -> float:
    """The side at which things look as large as on average in the crops that a network has learned from.

    pixels: the side of these crops, whose areas are drawn from ``crop_min`` to 1 of a picture; shown: how much of the
    short side of a picture is seen when it is answered. In a part of a picture things look larger than in the whole,
    so at the side of the crops a network finds them too small, and at a much larger one too large (Touvron et al. 2019,
    "Fixing the train-test resolution discrepancy", section 3). On flowers a student of 128 pixels was right in 57.6 %
    at 224 pixels and in 65.6 at 160; on photos of 51 kinds of things in 78.0 and 78.1.
    """
    kept = 2 / 3 * (1 - crop_min**1.5) / (1 - crop_min) if crop_min < 1 else 1.0  # the mean of the root of an area
    return pixels * shown / kept


LOOKS = 8  # at each labelled image, in a round of self-training


@dataclass(frozen=True)
class StConfig:
    """Self-training between phases 2 and 3, in recipes that learn from the pool: its pseudo-labels."""

    steps: int = option(
        300,
        "Self-training steps",
        "Of the last round; those before have half of them. In each images of the pool are named, and training begins "
        "anew from these and the labels; 0: none.",
        low=0,
        high=1_000_000,
    )
    rounds: int = option(
        3,
        "Rounds",
        "How often the pool is named and learned from, at most: with many labels there are fewer and longer rounds.",
        low=1,
        high=20,
    )
    images: int = option(
        5000, "Pool images", "At most this many are named, drawn at random.", low=1, high=10_000_000, expert=True
    )
    names: str = option(
        "neighbours",
        "Names of the pool",
        "By the network and the images' neighbours together, or by the network alone.",
        choices=("neighbours", "network"),
        paper=True,
    )

    def by_round(self, labels: int, batch: int) -> tuple[int, ...]:
        """The steps of each round: those before the last only have to name, not to answer, and have half of its.

        labels: how many labelled images there are, which fill half of a batch of ``batch`` images. Where they are so
        many that a round would see each of them less than ``LOOKS`` times, the same steps make fewer and longer rounds:
        a network that has hardly seen the labels names worse than the one before it.
        """
        usual = (*[max(1, self.steps // 2)] * (self.rounds - 1), self.steps)
        least = max(1, 2 * LOOKS * labels // max(1, batch))
        rounds = min(self.rounds, max(1, sum(usual) // least))
        return usual if rounds == self.rounds else (sum(usual) // rounds,) * rounds


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
    pool: bool = option(
        False, "Names of the pool", "Learn from what images of the pool are called, on frozen features.", paper=True
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
