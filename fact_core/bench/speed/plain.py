"""Yardsticks by timm alone: the loop that its documentation shows, and its training transform."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import Bench
from fact_core.choices import backbone_choice

BATCH = 32


def looped(bench: Bench, backbone: Backbone, files: Sequence[Path]) -> Callable[[], int]:
    """Decode, timm's transform, the network in float32, a batch at a time; it says how many pictures it saw."""
    side = backbone.preprocess.pixels
    sized = {"img_size": side} if "vit" in backbone.name else {}
    model = timm.create_model(backbone_choice(backbone.name).timm_name, num_classes=0, **sized).eval().to(bench.at)
    config = timm.data.resolve_model_data_config(model)
    config["input_size"] = (3, side, side)
    transform = timm.data.create_transform(**config, is_training=False)

    def run() -> int:
        with torch.inference_mode():
            for at in range(0, len(files), BATCH):
                pictures = [transform(Image.open(file).convert("RGB")) for file in files[at : at + BATCH]]
                model(torch.stack(pictures).to(bench.at)).cpu()
        return len(files)

    return run


def training_transform(pixels: int) -> Any:
    """Random crops, mirrored or not, without other augmentation."""
    return timm.data.create_transform(pixels, is_training=True, color_jitter=None, auto_augment=None)
