"""UPerNet's decode head (Xiao et al., ECCV 2018), the FCN head that helps it to learn, and the neck of plain ViTs.

Sizes and order as in mmsegmentation's ``UPerHead``, ``FCNHead`` and ``MultiLevelNeck``; align_corners is False. Its
own package and segmentation-models-pytorch bring a second way to build backbones and to read weights; here two
hundred lines on the maps that the backbones of this program give are less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones.network import averages

POOLS = (1, 2, 3, 6)  # regions down and across of the pyramid
DROPOUT = 0.1
NECK_SCALES = (4.0, 2.0, 1.0, 0.5)


class Answers(NamedTuple):
    """Logits [B, K, h, w] at the finest map's size; auxiliary: those of the FCN head, None where it is not asked."""

    logits: Tensor
    auxiliary: Tensor | None


class Neck(nn.Module):
    """Four maps of one size as four scales: 1 x 1, resized 4, 2, 1 and 1/2 times, 3 x 3 (``MultiLevelNeck``)."""

    def __init__(self, channels: Sequence[int], out: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(each, out, 1) for each in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(out, out, 3, padding=1) for _ in channels)
        for layer in (*self.lateral, *self.smooth):
            nn.init.xavier_uniform_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps [B, out, s h, s w] of maps [B, C, h, w], s the scale of each."""
        found = []
        for each, lateral, smooth, scale in zip(maps, self.lateral, self.smooth, NECK_SCALES, strict=True):
            h, w = int(each.shape[2]), int(each.shape[3])
            found.append(smooth(resized(lateral(each), (max(1, int(h * scale)), max(1, int(w * scale))))))
        return found


class UPerNet(nn.Module):
    """Maps [B, C_l, h_l, w_l], finest first -> logits [B, K, h_0, w_0].

    P_4 = bottleneck([C_4, pools of C_4]); P_l = lateral(C_l) + up(P_{l+1}); each but P_4 smoothed by 3 x 3; all
    resized to the finest, joined, 3 x 3, dropout, 1 x 1.
    """

    def __init__(self, channels: Sequence[int], width: int, n_classes: int) -> None:
        super().__init__()
        coarse = channels[-1]
        self.pools = nn.ModuleList(_conv(coarse, width, 1) for _ in POOLS)
        self.bottleneck = _conv(coarse + len(POOLS) * width, width, 3)
        self.lateral = nn.ModuleList(_conv(each, width, 1) for each in channels[:-1])
        self.smooth = nn.ModuleList(_conv(width, width, 3) for _ in channels[:-1])
        self.join = _conv(len(channels) * width, width, 3)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.classify = nn.Conv2d(width, n_classes, 1)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the size of the finest map."""
        logits: Tensor = self.classify(self.dropout(self.fused(maps)))
        return logits

    def fused(self, maps: Sequence[Tensor]) -> Tensor:
        """What the last layer reads: one map [B, width, h_0, w_0] of all levels."""
        levels = [lateral(each) for lateral, each in zip(self.lateral, maps, strict=False)]
        levels.append(self.bottleneck(torch.cat([maps[-1], *self._pooled(maps[-1])], dim=1)))
        for place in range(len(levels) - 1, 0, -1):
            levels[place - 1] = levels[place - 1] + resized(levels[place], size_of(levels[place - 1]))
        smoothed = [smooth(each) for smooth, each in zip(self.smooth, levels, strict=False)] + levels[-1:]
        joined = torch.cat([resized(each, size_of(maps[0])) for each in smoothed], dim=1)
        fused: Tensor = self.join(joined)
        return fused

    def _pooled(self, coarse: Tensor) -> list[Tensor]:
        """Means over 1, 4, 9 and 36 regions, each narrowed and resized back."""
        size = size_of(coarse)
        return [resized(layer(regions(coarse, n)), size) for n, layer in zip(POOLS, self.pools, strict=True)]


class Decoder(nn.Module):
    """The neck where maps are all of one size, UPerNet, and the FCN head on a coarse level.

    channels: of the backbone's maps. plain: they have one size. width: of all layers; the FCN head has half of it.
    """

    def __init__(self, channels: Sequence[int], plain: bool, width: int, n_classes: int) -> None:
        super().__init__()
        self.neck = Neck(channels, channels[0]) if plain else nn.Identity()
        wide = [channels[0]] * len(channels) if plain else list(channels)
        self.head = UPerNet(wide, width, n_classes)
        # As mmsegmentation's configs: the last level of a ViT, else the one before it.
        self.level = len(wide) - 1 if plain else len(wide) - 2
        self.auxiliary = nn.Sequential(
            _conv(wide[self.level], max(8, width // 2), 3),
            nn.Dropout2d(DROPOUT),
            nn.Conv2d(max(8, width // 2), n_classes, 1),
        )

    def forward(self, maps: Sequence[Tensor]) -> Answers:
        """Logits of maps; those of the FCN head too while training."""
        seen = self.neck(maps)
        return Answers(self.head(seen), self.auxiliary(seen[self.level]) if self.training else None)

    def fused(self, maps: Sequence[Tensor]) -> Tensor:
        """The map [B, width, h, w] that the last layer reads."""
        found: Tensor = self.head.fused(self.neck(maps))
        return found


class PixelHead(nn.Module):
    """A linear layer on the upsampled, concatenated maps: what a logistic regression of pixels has learned.

    Linear, so that each map gets its own 1 x 1 layer and the sums are resized instead: the same function.
    """

    def __init__(self, channels: Sequence[int], n_classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(each, n_classes, 1, bias=place == 0) for place, each in enumerate(channels)
        )

    def forward(self, maps: Sequence[Tensor]) -> Answers:
        """Logits at the size of the finest map."""
        found = [layer(each) for layer, each in zip(self.layers, maps, strict=True)]
        size = size_of(maps[0])
        return Answers(torch.stack([resized(each, size) for each in found]).sum(dim=0), None)


def regions(x: Tensor, n: int) -> Tensor:
    """[B, C, n, n] means of n x n regions of x [B, C, h, w], as ``adaptive_avg_pool2d``, but that ONNX can say it."""
    rows, columns = (averages(int(side), n, x) for side in x.shape[2:])
    found: Tensor = rows @ x @ columns.T
    return found


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """x [B, C, h, w] at another size, bilinear."""
    return x if size_of(x) == size else functional.interpolate(x, size=size, mode="bilinear", align_corners=False)


def size_of(x: Tensor) -> tuple[int, int]:
    """Height and width of x [B, C, h, w]."""
    return int(x.shape[2]), int(x.shape[3])


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """Convolution, batch norm, ReLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
