"""Names of transformers' DINOv3 and ConvNeXt models -> timm's names for the same network.

DINOv3ViTModel, with and without gates; DINOv3ConvNextModel; ConvNextModel and ConvNextV2Model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

#: (pattern there, name here); the first that matches counts.
VIT = (
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.patch_embeddings\.(weight|bias)", r"patch_embed.proj.\1"),
    (r"layer\.(\d+)\.(norm[12])\.(weight|bias)", r"blocks.\1.\2.\3"),
    (r"layer\.(\d+)\.attention\.([qkv])_proj\.(weight|bias)", r"blocks.\1.attn.\2.\3"),
    (r"layer\.(\d+)\.attention\.o_proj\.(weight|bias)", r"blocks.\1.attn.proj.\2"),
    (r"layer\.(\d+)\.layer_scale([12])\.lambda1", r"blocks.\1.gamma_\2"),
    (r"layer\.(\d+)\.mlp\.gate_proj\.(weight|bias)", r"blocks.\1.mlp.fc1_g.\2"),
    (r"layer\.(\d+)\.mlp\.up_proj\.(weight|bias)", r"blocks.\1.mlp.fc1.\2"),
    (r"layer\.(\d+)\.mlp\.down_proj\.(weight|bias)", r"blocks.\1.mlp.fc2.\2"),
    (r"norm\.(weight|bias)", r"norm.\1"),
)
CONVNEXT = (
    (r"embeddings\.patch_embeddings\.(weight|bias)", r"stem.0.\1"),
    (r"embeddings\.layernorm\.(weight|bias)", r"stem.1.\1"),
    (r"stages\.0\.downsample_layers\.([01])\.(weight|bias)", r"stem.\1.\2"),
    (r"stages\.(\d+)\.downsampl(?:ing_layer|e_layers)\.([01])\.(weight|bias)", r"stages.\1.downsample.\2.\3"),
    (r"stages\.(\d+)\.layers\.(\d+)\.(?:layer_scale_parameter|gamma)", r"stages.\1.blocks.\2.gamma"),
    (r"stages\.(\d+)\.layers\.(\d+)\.(?:dwconv|depthwise_conv)\.(weight|bias)", r"stages.\1.blocks.\2.conv_dw.\3"),
    (r"stages\.(\d+)\.layers\.(\d+)\.layer_?norm\.(weight|bias)", r"stages.\1.blocks.\2.norm.\3"),
    (
        r"stages\.(\d+)\.layers\.(\d+)\.(?:pwconv|pointwise_conv)([12])\.(weight|bias)",
        r"stages.\1.blocks.\2.mlp.fc\3.\4",
    ),
    (r"stages\.(\d+)\.layers\.(\d+)\.grn\.(weight|bias)", r"stages.\1.blocks.\2.mlp.grn.\3"),
    (r"layer_?norm\.(weight|bias)", r"head.norm.\1"),
)
#: What may stand in front.
VIT_FRONT = re.compile(r"^(?:\w+\.)*?(?=(?:embeddings|layer|norm)\.)")
CONVNEXT_FRONT = re.compile(r"^(?:\w+\.)*?(?=(?:embeddings|stages|layernorm|layer_norm)\.)")


def dinov3(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a DINOv3ViTModel under timm's names; empty where they are none.

    timm keeps query, key and value in one matrix, and has biases of query and value (never of the key) in some of its
    forms alone: biases that are zero are left to those, others come along under their names.
    """
    found = _renamed(tensors, VIT, VIT_FRONT)
    if "reg_token" not in found or "blocks.0.attn.q.weight" not in found:
        return {}
    for name in [name for name in found if name.endswith(".attn.q.weight")]:
        front = name.removesuffix("q.weight")
        parts = [found.pop(f"{front}{part}.weight", None) for part in "qkv"]
        if any(part is None for part in parts):
            return {}
        found[f"{front}qkv.weight"] = torch.cat([part for part in parts if part is not None])
        for part in "qkv":
            bias = found.pop(f"{front}{part}.bias", None)
            if bias is not None and (part != "k" or bool(bias.any())):
                found[f"{front}{part}_bias"] = bias
    for name in [name for name in found if ".mlp.fc1_g." in name]:
        up = name.replace("fc1_g", "fc1")
        found[name.replace("fc1_g", "fc1_x")] = found.pop(up)
    return found


def convnext(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a ConvNextModel, of either version or of DINOv3, under timm's names; empty where they are none."""
    found = _renamed(tensors, CONVNEXT, CONVNEXT_FRONT)
    if "stem.0.weight" not in found or "stages.0.blocks.0.conv_dw.weight" not in found:
        return {}
    return {name: each.reshape(-1) if ".grn." in name else each for name, each in found.items()}


def _renamed(
    tensors: Mapping[str, Tensor], table: tuple[tuple[str, str], ...], front: re.Pattern[str]
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        bare = front.sub("", name, count=1)
        for pattern, here in table:
            match = re.fullmatch(pattern, bare)
            if match:
                found[match.expand(here)] = tensor
                break
    return found
