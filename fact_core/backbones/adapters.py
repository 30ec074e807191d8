"""Learned parts that stay in a frozen transformer: prompts and prefixes.

Unlike LoRA's matrices they cannot be folded into the weights. A network that carries them is saved with
their description, and comes back with ``add`` before its weights are filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from timm.models.vision_transformer import Attention
from torch import nn

from fact_core.backbones.network import Backbone
from fact_core.backbones.prefix import PrefixAttention, Prefixed
from fact_core.backbones.prompt import Prompted
from fact_core.choices import adapter_error
from fact_core.config import LONGEST, FfConfig
from fact_core.errors import ConfigError

KINDS = ("prompt", "prefix")
#: What ``Prompted`` calls one after the other in place of the network's own ``forward_features``.
PARTS = ("patch_embed", "_pos_embed", "patch_drop", "norm_pre", "norm", "num_prefix_tokens", "forward_head")


@dataclass(frozen=True)
class Adapters:
    """What a network carries. kind: prompt or prefix; length: p. For prompts also their width (0: own) and depth."""

    kind: str
    length: int
    dim: int = 0
    deep: bool = True


def planned(phase: str, config: FfConfig) -> Adapters | None:
    """What a phase adds to the network for good; None for phases that leave it a plain one."""
    if phase == "prompt":
        return Adapters(phase, config.prompt_length, config.prompt_dim, config.prompt_deep)
    return Adapters(phase, config.prefix_length) if phase == "prefix" else None


def supports(backbone: Backbone) -> bool:
    """Whether prompts and prefixes fit: a transformer of plain blocks, whose positions are added to the patches.

    Rotary positions and relative ones lie inside the attention, in other classes of timm.
    """
    network = cast(Any, backbone.network)
    blocks = getattr(network, "blocks", None)
    if not isinstance(blocks, nn.Sequential | nn.ModuleList) or not len(blocks):
        return False
    plain = all(isinstance(getattr(block, "attn", None), Attention) for block in blocks)
    return plain and all(hasattr(network, name) for name in PARTS) and getattr(network, "rope", None) is None


def check(backbone: Backbone, about: Adapters) -> None:
    """ConfigError in words where these adapters do not fit this backbone."""
    if about.kind not in KINDS:
        raise ConfigError(f"There are no adapters called {about.kind!r}", do=f"Known: {', '.join(KINDS)}.")
    if not 1 <= about.length <= LONGEST:
        raise ConfigError(f"The length of a {about.kind} must be between 1 and {LONGEST}", str(about.length))
    if about.kind == "prompt" and about.dim < 0:
        raise ConfigError("The width of prompts must be at least 0", str(about.dim))
    if not supports(backbone):
        raise adapter_error(about.kind, backbone.name)


def add(backbone: Backbone, about: Adapters, generator: torch.Generator) -> None:
    """Put prompts or prefixes into the backbone, drawn on the CPU; only they can learn afterwards."""
    check(backbone, about)
    inner = backbone.network.requires_grad_(False).eval()
    at = next(inner.parameters())
    network: nn.Module
    if about.kind == "prompt":
        network = Prompted(inner, about.length, about.dim, about.deep, generator)
    else:
        network = Prefixed(inner, about.length, generator)
    backbone.network = network.to(at.device, at.dtype).train(backbone.training)


def remove(backbone: Backbone) -> None:
    """Take prompts or prefixes out again, if there are any: the network is as before ``add``."""
    network = backbone.network
    if not isinstance(network, Prompted | Prefixed):
        return
    inner = network.inner
    if isinstance(network, Prefixed):
        for block in cast(Any, inner).blocks:
            block.attn = block.attn.attn
    backbone.network = inner.requires_grad_(True).train(backbone.training)


def of(backbone: Backbone) -> Adapters | None:
    """What the backbone carries."""
    network = backbone.network
    if isinstance(network, Prompted):
        sets, length, _ = network.prompts.shape
        dim = network.widen.in_features if isinstance(network.widen, nn.Linear) else 0
        return Adapters("prompt", length, dim, sets > 1)
    if isinstance(network, Prefixed):
        first: PrefixAttention = cast(Any, network.inner).blocks[0].attn
        return Adapters("prefix", first.key.shape[1])
    return None
