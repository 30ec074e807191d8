"""Four feature maps of a backbone, from fine to coarse or all of one size: what a decode head reads."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from fact_core.backbones import Backbone
from fact_core.errors import ConfigError

LEVELS = 4


class FeatureMaps(nn.Module):
    """A backbone that gives ``LEVELS`` maps instead of one feature.

    plain: all maps have one size, as in a vision transformer, where they come from a quarter, a half, three quarters
    and all of the blocks (UPerNet on ViT in mmsegmentation: blocks 3, 6, 9 and 12 of 12). Else they are the last four
    stages of a hierarchical network, such as strides 4, 8, 16 and 32.
    channels, strides: of each map. step: sides of pictures are multiples of it.
    ConfigError for a network that does not give its maps away.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        network = cast(Any, backbone.network)
        info = list(network.feature_info)
        if not hasattr(network, "forward_intermediates") or len(info) < LEVELS:
            found = f"{backbone.name} gives {len(info)} maps"
            raise ConfigError("A decode head needs four feature maps", found, "Choose another backbone.")
        self.backbone = backbone
        self.plain = len({int(each["reduction"]) for each in info}) == 1
        count = len(info)
        quarters = [count * (place + 1) // LEVELS - 1 for place in range(LEVELS)]
        self.indices = quarters if self.plain else list(range(count - LEVELS, count))
        self.channels = tuple(int(info[place]["num_chs"]) for place in self.indices)
        self.strides = tuple(int(info[place]["reduction"]) for place in self.indices)
        self.step = self.strides[0] if self.plain else 1

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps [B, channels, h, w] of normalised images [B, 3, H, W], finest first."""
        network = cast(Any, self.backbone.network)
        found: list[Tensor] = network.forward_intermediates(images, indices=self.indices, intermediates_only=True)
        return found

    def fit(self, side: float) -> int:
        """The nearest side in pixels that the network can see."""
        return max(2, round(side / self.step)) * self.step
