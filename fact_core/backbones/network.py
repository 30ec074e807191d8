"""A timm network behind one small interface: pooled feature and patch tokens."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, cast

import torch
from timm.layers.norm import LayerNorm2d
from torch import Tensor, nn

from fact_core.compute.image_batches import Preprocess

#: Last parts of the names of the layers that LoRA adapts; the first line that a network knows counts.
LORA_LAYERS = (("qkv",), ("fc1", "fc2"), ("proj_up", "proj_down"))


class Tokens(NamedTuple):
    """What a backbone says about images. pooled [B,D]; patches [B,h,w,C], h = w: see ``on_short_side``."""

    pooled: Tensor
    patches: Tensor


class Backbone(nn.Module):
    """A headless network and its preprocessing.

    dim D: width of the pooled feature; token_dim C: width of a patch token; num_prefix:
    tokens before the patches (class token, registers); key: names the weights; one_side: it sees pictures of
    its preprocessing's side and no others.
    Everything is asked of the timm model; its name is never tested.
    """

    def __init__(self, name: str, network: nn.Module, preprocess: Preprocess, key: str, one_side: bool = False) -> None:
        super().__init__()
        asked = cast(Any, network)
        self.name, self.key, self.preprocess = name, key, preprocess
        self.network = network
        self.dim = int(asked.head_hidden_size)
        self.token_dim = int(asked.num_features)
        self.num_prefix = int(getattr(asked, "num_prefix_tokens", 0))
        self.reduction = int(asked.feature_info[-1]["reduction"])
        self.only_side = preprocess.pixels if one_side else 0
        self.norm_frozen = False

    def forward(self, x: Tensor) -> Tokens:
        """Tokens of normalised images [B,3,H,W]; H and W as ``fit_pixels`` allows."""
        return self.read(cast(Any, self.network).forward_features(x), x)

    def read(self, features: Tensor, x: Tensor) -> Tokens:
        """Tokens from what the network's last layer says of images x: [B,S,C], [B,C,h,w] or [B,h,w,C]."""
        network = cast(Any, self.network)
        pooled = network.forward_head(features, pre_logits=True)
        if features.ndim == 3:
            h, w = x.shape[-2] // self.reduction, x.shape[-1] // self.reduction
            # Not unflatten: PyTorch's exporter writes the size of the batch down as a constant behind it.
            patches = features[:, self.num_prefix :].reshape(features.shape[0], h, w, features.shape[2])
        elif features.shape[1] == self.token_dim:
            # ConvNeXt norms behind its pooling: the tokens are normed one by one.
            norm = getattr(getattr(network, "head", None), "norm", None)
            patches = (norm(features) if isinstance(norm, LayerNorm2d) else features).permute(0, 2, 3, 1)
        else:  # some timm networks keep the channels last already
            patches = features
        return Tokens(pooled, on_short_side(patches))

    def fit_pixels(self, pixels: int) -> int:
        """The nearest side that is a whole number (2 or more) of patches, or the only one that it can see."""
        return self.only_side or max(2, round(pixels / self.reduction)) * self.reduction

    def grid(self, pixels: int) -> tuple[int, int]:
        """Patches down and across of a picture of that side."""
        return int(pixels) // self.reduction, int(pixels) // self.reduction

    def lora_targets(self) -> list[str]:
        """Names (inside ``network``) of the layers that LoRA adapts (Hu et al. 2022).

        The fused query-key-value projections where there is attention; else the linear layers of
        the mixing of channels, as ConvNeXt and ViL call them; else all linear layers; else the
        1 x 1 convolutions.
        """
        modules = dict(self.network.named_modules())
        linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
        for kinds in LORA_LAYERS:
            found = [name for name in linear if name.rpartition(".")[2] in kinds]
            if found:
                return found
        return linear or [name for name, module in modules.items() if _is_pointwise(module)]

    def freeze_norm(self, frozen: bool = True) -> Backbone:
        """Keep batch norm in eval mode also while training: its statistics need more images than there are labels."""
        self.norm_frozen = frozen
        return self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """Training mode, except for frozen batch norms."""
        super().train(mode)
        self._forget()
        if self.norm_frozen:
            for each in self.modules():
                if isinstance(each, nn.modules.batchnorm._BatchNorm):
                    each.eval()
        return self

    def clone(self) -> Backbone:
        """An independent copy."""
        self._forget()
        return copy.deepcopy(self)

    def _forget(self) -> None:
        """Drop what networks such as EfficientFormer and TinyViT keep of their weights to answer sooner.

        It would be wrong once weights are filled in, and cannot be copied.
        """
        for each in self.network.modules():
            if getattr(each, "attention_bias_cache", None):
                each.attention_bias_cache = {}  # type: ignore[assignment]


def on_short_side(patches: Tensor) -> Tensor:
    """Patches [B,h,w,C] as [B,s,s,C], s the shorter of h and w: those along the long side are averaged.

    So all pictures have the same number, whatever their proportions, and what reads them is made for one number. As
    ``adaptive_avg_pool2d``, but that ONNX can say it for sides that are not known before.
    """
    h, w = patches.shape[1], patches.shape[2]
    if h == w:
        return patches
    short = min(int(h), int(w))
    rows, columns = (averages(n, short, patches) for n in (h, w))
    averaged: Tensor = rows @ patches.permute(0, 3, 1, 2) @ columns.T
    return averaged.permute(0, 2, 3, 1)


def averages(n: int, m: int, like: Tensor) -> Tensor:
    """(m, n): m means of n values in a row, each of those that it has a share in."""
    to, of = torch.arange(m, device=like.device)[:, None], torch.arange(n, device=like.device)
    first, end = (torch.div(each, m, rounding_mode="floor") for each in (to * n, (to + 1) * n + m - 1))
    return ((of >= first) & (of < end)).to(like.dtype) / (end - first).to(like.dtype)


def _is_pointwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
