"""A backbone with decode heads: from a picture to classes of its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone
from fact_core.compute.device import answering
from fact_core.compute.image_batches import normalise
from fact_core.errors import ConfigError
from fact_core.segment.maps import FeatureMaps
from fact_core.segment.upernet import Decoder, PixelHead, resized, size_of

#: Heads by their names: after phase 1, after phase 2, and phase 3 in its readings. "fused" reads the map that the last
#: layer of "ff" reads, too.
HEADS = ("lp", "ff", "head", "pixels", "fused")
LINEAR = ("pixels", "fused")


class Segmenter(nn.Module):
    """Feature maps and heads by name; ``final`` names those whose log-probabilities are averaged as the answer."""

    def __init__(self, backbone: Backbone, n_classes: int, width: int, final: Sequence[str] = ("lp",)) -> None:
        super().__init__()
        self.maps = FeatureMaps(backbone)
        self.n_classes, self.width, self.final = n_classes, width, tuple(final)
        self.heads = nn.ModuleDict()

    @property
    def backbone(self) -> Backbone:
        """The backbone of the maps."""
        return self.maps.backbone

    def add(self, name: str, generator_seed: int) -> nn.Module:
        """An untrained head of that name, the same for a seed. ConfigError for a name that is not in ``HEADS``."""
        if name not in HEADS:
            raise ConfigError(f"There is no head called {name!r}", do=f"Known: {', '.join(HEADS)}.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator_seed)
            self.heads[name] = (
                PixelHead(self.maps.channels + ((self.width,) if name == "fused" else ()), self.n_classes)
                if name in LINEAR
                else Decoder(self.maps.channels, self.maps.plain, self.width, self.n_classes)
            )
        return self.heads[name]

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities [B, K, H, W] of normalised images [B, 3, H, W]."""
        return averaged(self.read(self.maps(images), self.final), self.final, size_of(images))

    def read(self, maps: Sequence[Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Logits [B, K, h, w] of each named head, float32."""
        wide = [each.float() for each in maps]
        return {name: self.heads[name](self.inputs(name, wide)).logits.float() for name in names}

    def inputs(self, name: str, maps: Sequence[Tensor]) -> list[Tensor]:
        """What the head of that name reads: the backbone's maps, and for "fused" one more."""
        return [*maps, cast(Decoder, self.heads["ff"]).fused(maps)] if name == "fused" else list(maps)

    @property
    def needed(self) -> tuple[str, ...]:
        """The heads without which the answer cannot be had."""
        return tuple(dict.fromkeys((*self.final, *(("ff",) if "fused" in self.final else ()))))


def averaged(logits: Mapping[str, Tensor], names: Sequence[str], size: tuple[int, int]) -> Tensor:
    """Mean log-probabilities [B, K, *size] of the named heads' logits, which are resized first."""
    found = [resized(logits[name], size).log_softmax(dim=1) for name in names]
    return found[0] if len(found) == 1 else torch.stack(found).mean(dim=0)


def logits_of(net: Segmenter, pictures: Tensor, names: Sequence[str], device: torch.device) -> dict[str, Tensor]:
    """Logits of the named heads for pictures [B, 3, H, W] uint8, in eval mode on the device, by the one policy."""
    with answering(device):
        maps = net.maps(normalise(pictures, net.backbone.preprocess, device))
    with torch.inference_mode():
        return net.read(maps, names)
