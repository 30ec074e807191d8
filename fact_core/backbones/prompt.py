"""Visual prompt tuning (Jia et al. 2022): learned tokens beside the patches of a frozen transformer."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from fact_core.compute.lean_torch import bare_linear


class Prompted(nn.Module):
    """A transformer of timm that reads p prompts between its class token and its patches, and answers without them.

    deep: each block gets p prompts of its own; else those of the first block are carried through.
    dim: width of the stored prompts, which one linear layer for all blocks widens; 0: the network's own,
    without that layer.
    """

    def __init__(self, inner: nn.Module, length: int, dim: int, deep: bool, generator: torch.Generator) -> None:
        super().__init__()
        asked = cast(Any, inner)
        wide, patch = int(asked.num_features), asked.patch_embed.patch_size
        sets = len(asked.blocks) if deep else 1
        # As the patches' own weights would start that make such a token of 3 colours (Xavier).
        most = math.sqrt(6 / (3 * math.prod(patch) + (dim or wide)))
        self.inner = inner
        self.prompts = nn.Parameter(torch.empty(sets, length, dim or wide).uniform_(-most, most, generator=generator))
        self.widen = _linear(dim, wide, generator) if dim else nn.Identity()

    def forward_features(self, x: Tensor) -> Tensor:
        """Tokens (B, prefix + patches, C) of normalised images (B, 3, H, W), as without prompts."""
        inner, prompts = cast(Any, self.inner), self.widen(self.prompts)
        first, length = int(inner.num_prefix_tokens), prompts.shape[1]
        x = inner.norm_pre(inner.patch_drop(inner._pos_embed(inner.patch_embed(x))))
        x = _insert(x[:, :first], prompts[0], x[:, first:])
        for i, block in enumerate(inner.blocks):
            if 0 < i < len(prompts):
                x = _insert(x[:, :first], prompts[i], x[:, first + length :])
            x = block(x)
        x = inner.norm(x)
        return torch.cat([x[:, :first], x[:, first + length :]], 1)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Tokens (B, S, C) -> pooled feature (B, D), as without prompts."""
        pooled: Tensor = cast(Any, self.inner).forward_head(x, pre_logits=pre_logits)
        return pooled

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's rule of which weights form a layer: those that learn are one."""
        return {"added": r"prompts|widen"}

    def train(self, mode: bool = True) -> Prompted:
        """The network inside stays in eval mode: it is frozen, and nothing in it is to be dropped at random."""
        super().train(mode)
        self.inner.eval()
        return self


def _insert(before: Tensor, prompts: Tensor, after: Tensor) -> Tensor:
    """Tokens (B, a, C), prompts (p, C) for every image, tokens (B, b, C) -> (B, a + p + b, C)."""
    return torch.cat([before, prompts.to(before.dtype).expand(before.shape[0], -1, -1), after], 1)


def _linear(narrow: int, wide: int, generator: torch.Generator) -> nn.Linear:
    layer = bare_linear(narrow, wide)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
