"""A part of a network as a backbone of its own."""

from __future__ import annotations

from typing import Any

import timm
from timm.layers.norm import LayerNorm2d
from torch import nn


def convnext_tiny_stage3(pixels: int, dynamic: bool, drop_path: float) -> nn.Module:
    """ConvNeXt-T without its last stage: a map of 14 x 14 x 384 at 224 pixels, as ViT-S/16 has (FACT, IV-A3).

    Pooled: the mean over the map, normed. The norm has no weights: those that were learned belong
    to the last stage's channels. ``left_out`` names what a file of the whole network holds beside.
    It sees pictures of any side, so ``pixels`` and ``dynamic`` say nothing.
    """
    network: Any = timm.create_model("convnext_tiny.fb_in1k", num_classes=0, drop_path_rate=drop_path)
    network.stages = network.stages[:3]
    network.feature_info = network.feature_info[:3]
    network.left_out = "stages.3."
    width = network.feature_info[-1]["num_chs"]
    network.num_features = network.head_hidden_size = network.head.in_features = network.head.num_features = width
    network.head.norm = LayerNorm2d(width, eps=1e-6, affine=False)
    whole: nn.Module = network
    return whole
