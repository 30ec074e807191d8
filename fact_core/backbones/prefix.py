"""Prefix tuning (Li & Liang 2021): learned keys and values in each attention of a frozen network."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

STD = 0.02  # of the first keys and values


class Prefixed(nn.Module):
    """A transformer of timm each of whose blocks also looks at ``length`` learned keys and values."""

    def __init__(self, inner: nn.Module, length: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inner = inner
        for block in cast(Any, inner).blocks:
            block.attn = PrefixAttention(block.attn, length, generator)

    def forward_features(self, x: Tensor) -> Tensor:
        """Tokens (B, prefix + patches, C) of normalised images (B, 3, H, W), as many as without the learned keys."""
        tokens: Tensor = cast(Any, self.inner).forward_features(x)
        return tokens

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Tokens (B, S, C) -> pooled feature (B, D)."""
        pooled: Tensor = cast(Any, self.inner).forward_head(x, pre_logits=pre_logits)
        return pooled

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's rule of which weights form a layer: those that learn are one."""
        return {"added": r".*\.attn\.(?:key|value)$"}

    def train(self, mode: bool = True) -> Prefixed:
        """The network inside stays in eval mode: it is frozen, and nothing in it is to be dropped at random."""
        super().train(mode)
        self.inner.eval()
        return self


class PrefixAttention(nn.Module):
    """timm's attention with p learned keys and values in front: tokens (B, N, C) -> (B, N, C)."""

    def __init__(self, attn: nn.Module, length: int, generator: torch.Generator) -> None:
        super().__init__()
        asked = cast(Any, attn)
        shape = (asked.num_heads, length, asked.qkv.out_features // (3 * asked.num_heads))
        self.attn = attn
        self.key = nn.Parameter(torch.empty(shape).normal_(0, STD, generator=generator))
        self.value = nn.Parameter(torch.empty(shape).normal_(0, STD, generator=generator))

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """Newer versions of timm hand a mask on; images have none."""
        assert attn_mask is None and not is_causal, "a mask does not know the learned keys"
        attn = cast(Any, self.attn)
        gate = getattr(attn, "gate", None)  # this and the norm: newer versions of timm only
        b, n, _ = x.shape
        q, k, v = attn.qkv(x).reshape(b, n, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = attn.q_norm(q), attn.k_norm(k)
        k = torch.cat([self.key.to(k.dtype).expand(b, -1, -1, -1), k], 2)
        v = torch.cat([self.value.to(v.dtype).expand(b, -1, -1, -1), v], 2)
        out: Tensor = functional.scaled_dot_product_attention(q, k, v, scale=attn.scale)
        out = getattr(attn, "norm", nn.Identity())(out.transpose(1, 2).reshape(b, n, -1))
        out = out if gate is None else out * gate(x).sigmoid()
        out = attn.proj_drop(attn.proj(out))
        return out
