"""The options of a segmentation, each written once, and the efforts that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fact_core.choices import FROFA
from fact_core.errors import ConfigError
from fact_core.options import option

#: Effort -> the values that it gives; all else keeps its default, which is meant for two cores and half-size frames.
EFFORTS: dict[str, Mapping[str, Any]] = {
    "quick": {},
    "standard": {
        "short": 360,
        "crop": 320,
        "channels": 256,
        "batch": 8,
        "lp_steps": 1000,
        "ff_steps": 2000,
        "lm_steps": 1000,
        "backbone_lr": 2e-4,
        "decoder_lr": 1e-3,
        "pixels": 50_000,
    },
    # mmsegmentation's recipe of UPerNet at a twentieth of its 160,000 steps, as labels are; nothing averaged.
    "paper": {
        "short": 512,
        "crop": 512,
        "channels": 512,
        "batch": 16,
        "scale_min": 0.5,
        "scale_max": 2.0,
        "backbone_lr": 6e-5,
        "decoder_lr": 6e-5,
        "warm_up": 1500,
        "lp_steps": 8000,
        "ff_steps": 8000,
        "ff_alone_steps": 8000,
        "lm_steps": 8000,
        "strength": 1.0,
        "ema": 0.0,
        "ff_share": 1.0,
    },
}


@dataclass(frozen=True)
class SegmentConfig:
    """How the phases of a segmentation run."""

    short: int = option(180, "Short side", "Pixels of the shorter side of what the network sees.", low=32, high=4096)
    crop: int = option(128, "Crop", "Side of the training crops in pixels.", low=32, high=4096)
    scale_min: float = option(0.75, "Smallest scale", "Of a training picture, by chance.", low=0.1, high=10.0)
    scale_max: float = option(1.5, "Largest scale", "Of a training picture, by chance.", low=0.1, high=10.0)
    cap: float = option(0.75, "Largest share", "Of one class in a crop; ten crops are tried.", low=0.1, high=1.0)
    jitter: float = option(0.2, "Colour jitter", "Of brightness, contrast and saturation.", low=0.0, high=0.9)
    channels: int = option(64, "Channels", "Width of the decode head; the paper's has 512.", low=8, high=2048)
    auxiliary: float = option(0.4, "Auxiliary loss", "Weight of the loss of the FCN head.", low=0.0, high=10.0)
    batch: int = option(4, "Batch", "Crops a step.", low=2, high=512)
    lp_steps: int = option(120, "LP steps", "Of phase 1: the decode head on the frozen backbone.", low=1, high=10**6)
    ff_steps: int = option(160, "FF steps", "Of phase 2.", low=1, high=10**6)
    ff_alone_steps: int = option(
        0, "FF steps alone", "Of a full finetune from a random head; 0: as many as all three phases.", low=0, high=10**6
    )
    lm_steps: int = option(120, "LM steps", "Of phase 3's decode head.", low=1, high=10**6)
    warm_up: int = option(0, "Warm-up", "Steps in which the rate rises; 0: a twentieth of all.", low=0, high=10**6)
    backbone_lr: float = option(5e-4, "Backbone learning rate", "Of the full finetune.", low=0.0, high=1.0)
    decoder_lr: float = option(3e-3, "Head learning rate", "Of the decode head.", low=1e-7, high=1.0)
    weight_decay: float = option(0.01, "Weight decay", "Not of biases and norms.", low=0.0, high=1.0)
    clip: float = option(1.0, "Gradient clip", "Largest gradient norm; 0: none.", low=0.0, high=1000.0)
    ema: float = option(0.98, "Averaging", "Of the weights over steps; 0 is none.", low=0.0, high=0.99999)
    ff_share: float = option(
        1.0, "Never worse", "Phase 2's share of the weights, the rest is phase 1's.", low=0.0, high=1.0
    )
    lora_rank: int = option(8, "LoRA rank", "Of the added matrices.", low=1, high=256)
    lora_alpha: int = option(16, "LoRA alpha", "Scale is alpha / rank.", low=1, high=1024)
    lora_lr: float = option(2e-3, "LoRA learning rate", "Of the added matrices.", low=0.0, high=1.0)
    frofa: str = option("brightness", "FroFA", "Augmentation of the frozen feature maps.", choices=FROFA)
    strength: float = option(0.5, "FroFA strength", "0 is none.", low=0.0, high=1.0)
    views: int = option(8, "Views", "Crops of each frame whose maps phase 3's head learns from.", low=1, high=1000)
    lm_start: str = option("anew", "Start of phase 3's head", "anew, or from phase 2's.", choices=("anew", "phase 2"))
    pixels: int = option(8000, "Pixels", "Of the logistic regression, evenly of the classes.", low=100, high=10**6)
    pixel_views: int = option(1, "Pixel views", "By FroFA, beside the maps as they are.", low=0, high=16)
    pixel_balance: float = option(
        0.5, "Balance of pixels", "0: classes weigh as often as they are; 1: all the same.", low=0.0, high=1.0
    )
    together: bool = option(False, "Averaged answers", "Phase 3's answers are averaged with those of phase 2's head.")

    def check_together(self) -> None:
        """ConfigError when the scales are not in order."""
        if self.scale_min > self.scale_max:
            found = f"{self.scale_min:g} and {self.scale_max:g}"
            raise ConfigError("The smallest scale is above the largest", found)

    @property
    def alone_steps(self) -> int:
        """Steps of a full finetune without other phases: it gets what they get together, so that time is no reason."""
        return self.ff_alone_steps or self.lp_steps + self.ff_steps + self.lm_steps
