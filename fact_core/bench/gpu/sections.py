"""The sections of the bench, in the order in which they are measured: the most valuable first.

A section is a function of a ``given.Bench`` and of the values beside it here; it returns its row. To add one, write the
function and a line here; ``tests/bench/test_gpu.py`` then runs its short form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

HERE = "fact_core.bench.gpu"


@dataclass(frozen=True)
class Section:
    """kind: "right" passes or fails, "quick" measures, "plain" is a yardstick. seconds: its limit."""

    title: str
    kind: Literal["right", "quick", "plain"]
    target: str
    seconds: float
    given: Mapping[str, Any] = field(default_factory=dict)


def _right(title: str, target: str, seconds: float, **given: Any) -> Section:
    return Section(title, "right", f"{HERE}.right_{target}", seconds, given)


def _quick(title: str, target: str, seconds: float, **given: Any) -> Section:
    return Section(title, "quick", f"{HERE}.quick_{target}", seconds, given)


def _plain(title: str, target: str, seconds: float, **given: Any) -> Section:
    return Section(title, "plain", f"{HERE}.plain:{target}", seconds, given)


_LITE, _SMALL, _BASE = "tf_efficientnet_lite0", "vit_small_patch16_224.dino", "vit_base_patch16_224.dino"
#: The section that says what the device is: it is always measured, and tells the others what to compare rows by.
FIRST = "device"

SECTIONS: dict[str, Section] = {
    FIRST: _right("Capability, free memory, and that a kernel runs", "device:run", 40),
    "features-right": _right("Features as the CPU computes them, cuDNN on", "features:features", 40),
    "steps-right": _right("Five float32 training steps as on the CPU", "training:steps", 30),
    "solvers-right": _right("Logistic regression, attention pooling, joint L-BFGS as on the CPU", "solvers:run", 60),
    "strategies-right": _right("Every strategy twice the same; ActiveFT's loss as on the CPU", "strategies:run", 60),
    "crops-right": _right("Crops on the device as Pillow makes them", "features:crops", 15),
    "memory-answers": _right("Little memory: features, tokens, predictions", "memory:answers", 40),
    "memory-training": _right("Little memory: phase 2, gate, naming, live check", "memory:phases", 90),
    "memory-solvers": _right("Little memory: logistic regression, attention pooling, joint", "memory:solvers", 30),
    "memory-selection": _right("Little memory: choosing", "memory:selection", 30),
    "fact-right": _right("fact from files to answers as on the CPU", "training:recipe", 45, recipe="fact"),
    "l3fact-right": _right("l3fact, the same", "training:recipe", 45, recipe="l3fact"),
    "resume-right": _right("Stopped in each phase and resumed", "training:resume", 60),
    "prompt-right": _right("fact-prompt from files to answers", "training:recipe", 45, recipe="fact-prompt"),
    "prefix-right": _right("fact-prefix from files to answers", "training:recipe", 45, recipe="fact-prefix"),
    "several": _right("Several GPUs: features and fact+ as on one, and how much sooner", "several:run", 120),
    "fact": _quick("fact, CIFAR-10 2 %, ViT-S/16, 224 px, the paper's epochs, from files", "fact:run", 90),
    "features-vit-s-large": _quick("Features, ViT-S/16, 512 x 384", "features:run", 25, name=_SMALL, size="large"),
    "features-vit-s-small": _quick("Features, ViT-S/16, 32 x 32", "features:run", 25, name=_SMALL, size="small"),
    "step-vit-s": _quick("A training step, ViT-S/16", "step:run", 30, name=_SMALL),
    "activeft-250": _quick("ActiveFT, 50,000 / 250", "select:run", 25, n=50_000, k=250),
    "activeft-1000": _quick("ActiveFT, 50,000 / 1,000", "select:run", 25, n=50_000, k=1_000),
    "activeft-imagenet": _quick("ActiveFT, 1,281,167 / 12,811", "select:run", 60, n=1_281_167, k=12_811),
    "lbfgs": _quick("Logistic regression by L-BFGS", "solvers:lbfgs", 25),
    "map": _quick("Attention pooling", "solvers:attention", 25),
    "decoding-large": _quick("Decoding alone, 512 x 384", "features:decoding", 20, size="large"),
    "decoding-small": _quick("Decoding alone, 32 x 32", "features:decoding", 20, size="small"),
    "fact-4gb": _quick("The same fact with 4 GB", "fact:run", 90, most=4e9),
    "fact-8gb": _quick("The same fact with 8 GB", "fact:run", 90, most=8e9),
    "fact-16gb": _quick("The same fact with 16 GB", "fact:run", 90, most=16e9),
    "fact-standard": _quick("fact, effort standard with its gate", "fact:run", 90, preset="standard"),
    "plain-features": _plain("timm and DataLoader, ViT-S/16, 512 x 384", "features", 30, name=_SMALL, size="large"),
    "plain-steps": _plain("DeiT's loop, ViT-S/16", "steps", 40, name=_SMALL),
    "plain-lbfgs": _plain("scikit-learn's logistic regression", "logistic", 40),
    "features-lite0-large": _quick("Features, Lite0, 512 x 384", "features:run", 25, name=_LITE, size="large"),
    "features-lite0-small": _quick("Features, Lite0, 32 x 32", "features:run", 25, name=_LITE, size="small"),
    "features-vit-b-large": _quick("Features, ViT-B/16, 512 x 384", "features:run", 25, name=_BASE, size="large"),
    "features-vit-b-small": _quick("Features, ViT-B/16, 32 x 32", "features:run", 25, name=_BASE, size="small"),
    "step-lite0": _quick("A training step, Lite0", "step:run", 30, name=_LITE),
    "step-vit-b": _quick("A training step, ViT-B/16", "step:run", 30, name=_BASE),
    "step-vil2": _quick("A training step, ViL2-S/16", "step:run", 40, name="vil2_small16"),
    "umap": _quick("UMAP of 50,000 images", "select:umap", 90),
    "plain-umap": _plain("umap-learn, the same 50,000", "umap", 120),
}
