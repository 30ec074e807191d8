"""The mLSTM layer of ViL: a matrix memory that is read, forgotten and written once a token (Beck et al. 2024)."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 4
BLOCK = 4  # side of the blocks of the query, key and value projections
EPS = 1e-6


class MatrixLstmLayer(nn.Module):
    """Tokens (B, S, dim) of a grid (h, w), S = h * w -> (B, S, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        inner = 2 * dim
        self.learnable_skip = nn.Parameter(torch.ones(inner))
        self.proj_up = nn.Linear(dim, 2 * inner)
        self.q_proj, self.k_proj, self.v_proj = (BlockDiagonal(inner, dim) for _ in range(3))
        self.conv = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.mlstm_cell = MatrixLstmCell(inner)
        self.proj_down = nn.Linear(inner, dim)
        # Small starts, as in Nguyen & Salazar 2019 and Wang & Komatsuzaki 2021 for a single layer.
        for linear, std in ((self.proj_up, math.sqrt(2 / (5 * dim))), (self.proj_down, 2 / math.sqrt(dim))):
            nn.init.normal_(linear.weight, std=std)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        x, z = self.proj_up(x).chunk(2, -1)
        seen: Tensor = self.conv(x.transpose(1, 2).unflatten(2, grid))
        seen = functional.silu(seen.flatten(2).transpose(1, 2))
        memory = self.mlstm_cell(self.q_proj(seen), self.k_proj(seen), self.v_proj(x))
        out: Tensor = self.proj_down((memory + self.learnable_skip * seen) * functional.silu(z))
        return out


class MatrixLstmCell(nn.Module):
    """Queries, keys and values (B, S, inner) -> what is read from the memory (B, S, inner), normed head by head."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.igate, self.fgate = nn.Linear(3 * inner, HEADS), nn.Linear(3 * inner, HEADS)
        self.outnorm = ResidualNorm(inner, groups=HEADS)
        # At first the gates do not look: heads that forget at different speeds, written to about evenly.
        nn.init.zeros_(self.igate.weight)
        nn.init.normal_(self.igate.bias, std=0.1)
        nn.init.zeros_(self.fgate.weight)
        with torch.no_grad():
            self.fgate.bias.copy_(torch.linspace(3, 6, HEADS))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        everything = torch.cat([q, k, v], -1)
        write, keep = exact(self.igate, everything), exact(self.fgate, everything)  # (B, S, HEADS)
        q, k, v = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in (q, k, v))
        read = mlstm(q, k, v, write.transpose(1, 2), keep.transpose(1, 2))
        out: Tensor = self.outnorm(read.transpose(1, 2).flatten(2))
        return out


def mlstm(q: Tensor, k: Tensor, v: Tensor, write: Tensor, keep: Tensor) -> Tensor:
    """All steps of the recurrence at once: q, k, v (B, heads, S, d), gates before activation (B, heads, S) -> like v.

    Step by step: C_t = sigmoid(keep_t) C_(t-1) + exp(write_t) v_t k_t^T, n_t likewise with k_t, and
    h_t = C_t q_t / max(|n_t q_t|, 1), everything divided by the largest exponential so far. The gates
    are computed in float32 at least: their sums and exponentials do not survive 16 bits.
    """
    wide = torch.promote_types(write.dtype, torch.float32)
    kept = functional.logsigmoid(keep.to(wide)).cumsum(-1)
    # What step s wrote, as far as it is left at step t: D_ts = exp(kept_t - kept_s + write_s).
    left = kept.unsqueeze(-1) + (write.to(wide) - kept).unsqueeze(-2)
    past = torch.ones(left.shape[-2:], dtype=torch.bool, device=q.device).tril()
    left = left.masked_fill(~past, -math.inf)
    # The answer does not depend on the divisor, so no gradient needs to pass through it.
    top = left.amax(-1, keepdim=True).detach()
    read = (q * (q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).to(wide) * (left - top).exp()
    size = torch.maximum(read.sum(-1, keepdim=True).abs(), (-top).exp()) + EPS
    out: Tensor = (read / size).to(v.dtype) @ v
    return out


def exact(linear: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer in float32 at least, also under autocast."""
    wide = torch.promote_types(x.dtype, torch.float32)
    kind = x.device.type
    with torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext():
        return functional.linear(x.to(wide), linear.weight.to(wide), linear.bias.to(wide))


class BlockDiagonal(nn.Module):
    """A linear layer (B, S, width) -> (B, S, width) in which only neighbours in a block of 4 meet."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width // BLOCK, BLOCK, BLOCK))  # block, out, in
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.weight, std=math.sqrt(2 / (5 * dim)))

    def forward(self, x: Tensor) -> Tensor:
        blocks = x.unflatten(-1, (-1, BLOCK))
        return torch.einsum("bsni,noi->bsno", blocks, self.weight).flatten(2) + self.bias


class ResidualNorm(nn.Module):
    """Layer norm over the last axis, in ``groups`` parts of it. A stored weight w means the scale 1 + w."""

    def __init__(self, width: int, groups: int = 1, eps: float = 1e-5) -> None:
        super().__init__()
        self.width, self.groups, self.eps = width, groups, eps
        self.weight, self.bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = 1 + self.weight
        if self.groups == 1:
            return functional.layer_norm(x, (self.width,), scale, self.bias, self.eps)
        rows = x.flatten(0, -2).to(scale.dtype)
        return functional.group_norm(rows, self.groups, scale, self.bias, self.eps).view_as(x)
