"""MAP: attention pooling with one probe (big_vision models/vit.py)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def heads_for(dim: int) -> int:
    """Number of attention heads: about 64 channels each, and a divisor of ``dim``."""
    wanted = max(1, round(dim / 64))
    return max(h for h in range(1, wanted + 1) if dim % h == 0)


class MapHead(nn.Module):
    """Tokens (B, N, C) -> one vector (B, C).

    Multi-head attention with one learned query, then a residual MLP. The key projection is
    folded into the query, and values are projected after pooling: the same function as
    nn.MultiheadAttention at a cost of N C per head instead of N C^2 (11.1).
    The query starts at zero and the projections at the identity, so that a new head is mean
    pooling, and training can only move away from there (5.4).
    """

    def __init__(self, dim: int, heads: int = 0) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads or heads_for(dim)
        self.query = nn.Parameter(torch.zeros(dim))
        self.key = nn.Parameter(torch.eye(dim))  # its bias would be the same for all tokens: it drops out
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.up = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.down = nn.Linear(4 * dim, dim)
        with torch.no_grad():
            for layer in (self.value, self.out):
                layer.weight.copy_(torch.eye(dim))
                layer.bias.zero_()
            self.up.weight.zero_()  # drawn by ``draw``; zero here needs no global seed
            self.up.bias.zero_()
            self.down.weight.zero_()
            self.down.bias.zero_()

    def draw(self, generator: torch.Generator) -> MapHead:
        """Draw the first MLP layer (Xavier uniform); the output stays mean pooling."""
        bound = math.sqrt(6.0 / (5 * self.dim))
        with torch.no_grad():
            self.up.weight.copy_((torch.rand(4 * self.dim, self.dim, generator=generator) * 2 - 1) * bound)
        return self

    def attention(self, tokens: Tensor) -> Tensor:
        """Weights (B, H, N) that say where each head looks; they sum to 1 over the tokens."""
        size = self.dim // self.heads
        query = self.query.reshape(self.heads, 1, size)
        key = self.key.reshape(self.heads, size, self.dim)
        folded = (query @ key)[:, 0] / math.sqrt(size)  # (H, C)
        return (tokens @ folded.T).transpose(1, 2).softmax(dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        pooled = self.attention(tokens) @ tokens  # (B, H, C)
        size = self.dim // self.heads
        value = self.value.weight.reshape(self.heads, size, self.dim)
        each = torch.einsum("bhc,hdc->bhd", pooled, value).reshape(-1, self.dim) + self.value.bias
        y: Tensor = self.out(each)
        step: Tensor = self.down(self.act(self.up(self.norm(y))))
        return y + step
