"""ViL2, a Vision-LSTM (Alkin et al. 2024, arXiv 2406.04303): mLSTM layers read the patches in turns from both ends.

Written from the paper. The names and shapes of the weights are those of its release, and the
network answers the questions that timm's networks answer.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers.drop import DropPath
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from fact_core.backbones.vil_layer import MatrixLstmLayer, ResidualNorm

PATCH = 16
#: As its authors test it: short side to 224, no margin, the centre.
SEES = {
    "interpolation": "bicubic",
    "crop_pct": 1.0,
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "fixed_input_size": True,
}


def vil2_small(pixels: int, dynamic: bool, drop_path: float) -> nn.Module:
    """ViL2-S/16 whose pooled feature is the mean of the first and the last token (384)."""
    return VisionLstm(pixels, dynamic=dynamic, drop_path=drop_path)


def vil2_small_flat(pixels: int, dynamic: bool, drop_path: float) -> nn.Module:
    """ViL2-S/16 whose pooled feature is what its own classifier read: first and last token side by side (768)."""
    return VisionLstm(pixels, dynamic=dynamic, drop_path=drop_path, pooling="flat")


class VisionLstm(nn.Module):
    """Images (B, 3, H, W) -> tokens (B, S, dim) -> pooled feature -> logits (B, num_classes), if there are classes.

    pooling: mean (of the first and the last token) or flat (both side by side, normed once more).
    dynamic: other sides than ``pixels`` are allowed; their positions are interpolated.
    """

    num_prefix_tokens = 0
    no_embed_class = True  # no position belongs to anything but a patch

    def __init__(
        self,
        pixels: int = 224,
        *,
        dim: int = 384,
        depth: int = 12,
        pooling: str = "mean",
        num_classes: int = 0,
        dynamic: bool = True,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        flat = pooling == "flat"
        self.dynamic = dynamic
        self.num_features, self.head_hidden_size, self.num_classes = dim, dim * (1 + flat), num_classes
        self.feature_info = [{"module": f"blocks.{i}", "num_chs": dim, "reduction": PATCH} for i in range(depth)]
        self.pretrained_cfg: dict[str, Any] = {**SEES, "input_size": (3, pixels, pixels)}
        self.patch_embed = Patches(dim, pixels // PATCH)
        self.pos_embed = Positions(dim, pixels // PATCH)
        chance = [drop_path * i / max(1, 2 * depth - 1) for i in range(2 * depth)]
        self.blocks = nn.ModuleList([Pair(dim, *chance[2 * i : 2 * i + 2]) for i in range(depth)])
        self.norm = ResidualNorm(dim, eps=1e-6)
        self.legacy_norm = nn.LayerNorm(self.head_hidden_size) if flat else None
        self.head = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()

    def forward_features(self, x: Tensor) -> Tensor:
        """Normed tokens (B, S, dim) of normalised images (B, 3, H, W), row by row."""
        x = self.patch_embed(x)
        h, w = x.shape[1], x.shape[2]
        x = (x + self.pos_embed(h, w, self.dynamic)).flatten(1, 2)
        for pair in self.blocks:
            x = pair(x, (h, w))
        tokens: Tensor = self.norm(x)
        return tokens

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Tokens (B, S, dim) -> pooled feature (B, head_hidden_size), or logits."""
        first, last = x[:, 0], x[:, -1]
        if self.legacy_norm is None:
            pooled = (first + last) / 2
        else:
            pooled = self.legacy_norm(torch.cat([first, last], -1))
        return pooled if pre_logits else self.head(pooled)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes); the pooled feature where there are no classes."""
        return self.forward_head(self.forward_features(x))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """timm's rule of which weights form a layer: a pair counts as one, as deep as a transformer's block."""
        return {
            "stem": r"^pos_embed|^patch_embed",
            "blocks": [(r"^blocks\.(\d+)", None), (r"^norm|^legacy_norm", (99999,))],
        }

    def no_weight_decay(self) -> set[str]:
        """Weights besides norms and biases that are not to shrink."""
        return {"pos_embed.embed"}


class Patches(nn.Module):
    """Images (B, 3, H, W) -> patches (B, h, w, dim)."""

    def __init__(self, dim: int, side: int) -> None:
        super().__init__()
        self.grid_size = (side, side)
        self.proj = nn.Conv2d(3, dim, PATCH, PATCH)
        nn.init.xavier_uniform_(self.proj.weight.data.flatten(1))
        nn.init.zeros_(self.proj.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.proj(x)
        return patches.permute(0, 2, 3, 1)


class Positions(nn.Module):
    """One learned vector for each place of the grid (1, h, w, dim)."""

    def __init__(self, dim: int, side: int) -> None:
        super().__init__()
        self.embed = nn.Parameter(torch.empty(1, side, side, dim))
        nn.init.trunc_normal_(self.embed, std=0.02)

    def forward(self, h: int, w: int, dynamic: bool) -> Tensor:
        if dynamic and (h, w) != tuple(self.embed.shape[1:3]):
            return resized(self.embed, h, w)
        return self.embed


def resized(positions: Tensor, h: int, w: int) -> Tensor:
    """Positions (1, H, W, dim) for a grid of another size (1, h, w, dim)."""
    old = list(positions.shape[1:3])
    flat = resample_abs_pos_embed(positions.flatten(1, 2), [h, w], old, num_prefix_tokens=0)
    grid: Tensor = flat.unflatten(1, (h, w))
    return grid


class Pair(nn.Module):
    """Tokens (B, h w, dim) of a grid (h, w) through a layer from the top left and one from the bottom right."""

    def __init__(self, dim: int, first: float, second: float) -> None:
        super().__init__()
        self.rowwise_from_top_left = Residual(dim, first)
        self.rowwise_from_bot_right = Residual(dim, second)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        x = self.rowwise_from_top_left(x, grid)
        # Turned by 180 degrees, so that the convolution sees the turned grid too.
        turned: Tensor = self.rowwise_from_bot_right(x.flip(1), grid)
        return turned.flip(1)


class Residual(nn.Module):
    """x + layer(norm(x)) of tokens x (B, h w, dim) on a grid (h, w)."""

    def __init__(self, dim: int, drop_path: float) -> None:
        super().__init__()
        self.norm = ResidualNorm(dim)
        self.layer = MatrixLstmLayer(dim)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        change: Tensor = self.drop_path(self.layer(self.norm(x), grid))
        return x + change
