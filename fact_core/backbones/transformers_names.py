"""Names of transformers' vision models -> timm's names for the same transformer.

ViTModel (DINO too), Dinov2Model with and without registers, CLIPVisionModel, SiglipVisionModel; as a whole model has
them, too (``vision_model.`` in front). timm keeps query, key and value in one matrix. DINOv3 and ConvNeXt:
``transformers_newer``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from fact_core.backbones.transformers_newer import convnext, dinov3

#: What stands in front of the tensors of the part that sees.
FRONT = re.compile(r"^(?:\w+\.)*?(?=(?:embeddings|encoder|pre_layrnorm|post_layernorm|layernorm|head)\.)")
#: (pattern there, name here), in this order; the first that matches counts.
OUTSIDE = (
    (r"embeddings\.(?:cls_token|class_embedding)", "cls_token"),
    (r"embeddings\.(?:position_embeddings|position_embedding\.weight)", "pos_embed"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.(?:patch_embeddings\.projection|patch_embedding)", "patch_embed.proj"),
    (r"pre_layrnorm", "norm_pre"),
    (r"(?:post_layernorm|layernorm)", "norm"),
    (r"head\.probe", "attn_pool.latent"),
    (r"head\.attention\.out_proj", "attn_pool.proj"),
    (r"head\.layernorm", "attn_pool.norm"),
    (r"head\.mlp", "attn_pool.mlp"),
)
INSIDE = (
    (r"(?:layernorm_before|layer_norm1|norm1)", "norm1"),
    (r"(?:layernorm_after|layer_norm2|norm2)", "norm2"),
    (r"(?:attention\.attention\.query|attention\.q_proj|self_attn\.q_proj)", "attn.q"),
    (r"(?:attention\.attention\.key|attention\.k_proj|self_attn\.k_proj)", "attn.k"),
    (r"(?:attention\.attention\.value|attention\.v_proj|self_attn\.v_proj)", "attn.v"),
    (r"(?:attention\.output\.dense|attention\.o_proj|self_attn\.out_proj)", "attn.proj"),
    (r"(?:intermediate\.dense|mlp\.fc1)", "mlp.fc1"),
    (r"(?:output\.dense|mlp\.fc2)", "mlp.fc2"),
    (r"layer_scale([12])\.lambda1", r"ls\1.gamma"),
)
LAYER = re.compile(r"^encoder\.layers?\.(\d+)\.(.*)$")


def from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under timm's names; empty where they are no such model's. What timm has no place for is left out."""
    newer = dinov3(tensors) or convnext(tensors)
    if newer:
        return newer
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith(("text_model.", "clip.text_model.")):
            continue
        here = _name(FRONT.sub("", name, count=1))
        if here:
            found[here] = tensor
    if "patch_embed.proj.weight" not in found or "blocks.0.attn.q.weight" not in found:
        return {}
    for name, shape in (("cls_token", (1, 1, -1)), ("pos_embed", (1, -1, found["patch_embed.proj.weight"].shape[0]))):
        if name in found:
            found[name] = found[name].reshape(shape)
    _pool(found, tensors)
    return _registers(_fused(found))


def _name(there: str) -> str:
    """One name there, without what stands in front -> timm's; "" for what timm does not have."""
    layer = LAYER.match(there)
    table, rest = (INSIDE, layer[2]) if layer else (OUTSIDE, there)
    for pattern, here in table:
        found = re.fullmatch(rf"{pattern}((?:\.\w+)*)", rest)
        if found:
            return (f"blocks.{layer[1]}." if layer else "") + found.expand(here) + found[found.re.groups]
    return ""


def _fused(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """With one matrix for query, key and value; a bias that one of them lacks is zero."""
    out = {name: tensor for name, tensor in found.items() if not re.search(r"\.attn\.[qkv]\.", name)}
    for name, query in found.items():
        if not name.endswith(".attn.q.weight"):
            continue
        front = name.removesuffix("q.weight")
        weights = [found.get(f"{front}{part}.weight", query) for part in "qkv"]
        out[f"{front}qkv.weight"] = torch.cat(weights)
        biases = [found.get(f"{front}{part}.bias") for part in "qkv"]
        if any(bias is not None for bias in biases):
            zero = torch.zeros(len(query))
            out[f"{front}qkv.bias"] = torch.cat([zero if bias is None else bias for bias in biases])
    return out


def _pool(found: dict[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """SigLIP's pooling by attention: one query, so timm keeps its matrix apart from that of keys and values."""
    for kind in ("weight", "bias"):
        whole = next((each for name, each in tensors.items() if name.endswith(f"head.attention.in_proj_{kind}")), None)
        if whole is not None:
            third = len(whole) // 3
            found[f"attn_pool.q.{kind}"], found[f"attn_pool.kv.{kind}"] = whole[:third], whole[third:]


def _registers(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """With registers timm adds the class token's position to it for good, and keeps those of the patches alone."""
    if "reg_token" in found and "cls_token" in found and "pos_embed" in found:
        places = found["pos_embed"]
        found["cls_token"] = found["cls_token"] + places[:, :1]
        found["pos_embed"] = places[:, 1:]
    return found
