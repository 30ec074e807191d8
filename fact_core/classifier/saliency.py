"""Where a classifier looked: which parts of one picture speak for a class rather than for the others.

One method a family of networks, each on the log-odds of the class against all others, which do not saturate:

    convolutional   Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) on the last feature map. With a linear layer on the
                    mean of that map it is the class activation map itself (Zhou et al. 2016).
    attention       gradient-weighted attention rollout (Chefer, Gur and Wolf 2021, "Generic Attention-model
                    Explainability", eq. 5 and 6), begun at the tokens that the head reads.
    other tokens    Grad-CAM on the tokens that enter the last block: their attention cannot be watched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from fact_core.classifier.model import Classifier
from fact_core.types import FloatArray

CAM, ATTENTION, TOKENS = "cam", "attention", "tokens"


@dataclass(frozen=True)
class Saliency:
    """cells (h, w), 0 to 1: how much each part speaks for the class, 1 the most; all 0 where none does by itself."""

    cells: FloatArray
    method: str


def saliency(classifier: Classifier, image: Tensor, k: int) -> Saliency:
    """Which parts of a normalised image [1,3,H,W] speak for class k. The classifier is in eval mode."""
    with torch.enable_grad():
        blocks = _blocks(classifier.backbone.network)
        if blocks is None:
            cells, method = _convolutional(classifier, image, k), CAM
        elif all(_watchable(block) for block in blocks):
            cells, method = _attention(classifier, image, k, blocks), ATTENTION
        else:
            cells, method = _tokens(classifier, image, k, blocks[-1]), TOKENS
    cells = cells.detach().float()
    most = float(cells.max())
    return Saliency((cells / most if most > 0 else cells).numpy(), method)


def log_odds(classifier: Classifier, features: Tensor, image: Tensor, k: int) -> Tensor:
    """log p(k) / (1 - p(k)) of the final head, from what the network's last layer says of one image."""
    answer = classifier.read(classifier.backbone.read(features, image), classifier.final)[0]
    others = torch.cat([answer[:k], answer[k + 1 :]])
    odds: Tensor = answer[k] - others.logsumexp(0) if len(others) else answer[k]
    return odds


def _convolutional(classifier: Classifier, image: Tensor, k: int) -> Tensor:
    backbone = classifier.backbone
    with torch.no_grad():
        features = cast(Any, backbone.network).forward_features(image)
    features = features.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(log_odds(classifier, features, image, k), features)
    first = features.shape[1] == backbone.token_dim  # else the channels come last
    places = (2, 3) if first else (1, 2)
    cells: Tensor = (gradient.mean(places, keepdim=True) * features).sum(1 if first else 3)[0]
    return cells.relu()


def _attention(classifier: Classifier, image: Tensor, k: int, blocks: list[nn.Module]) -> Tensor:
    with _watched(blocks) as seen:
        features = cast(Any, classifier.backbone.network).forward_features(image)
        slopes = torch.autograd.grad(log_odds(classifier, features, image, k), [features, *seen])
    h, w = _grid(classifier, image)
    n, length, patches = features.shape[1], seen[0].shape[-1], h * w
    rolled = torch.eye(length)
    for weights, slope in zip(seen, slopes[1:], strict=True):
        rolled = rolled + (weights * slope).relu().mean(1)[0] @ rolled
    read = (features * slopes[0]).sum(2)[0].relu()  # (n,) how much of the answer each token brings to the head
    # Prompts stand between the class token and the patches; the features do not have them any more.
    rows = torch.cat([torch.arange(n - patches), torch.arange(length - patches, length)])
    # A token's own share says that it was read, not that it was seen: only what came by attention counts.
    came = (rolled - torch.eye(length))[rows]
    cells: Tensor = (read @ came)[length - patches :].reshape(h, w)
    return cells


def _tokens(classifier: Classifier, image: Tensor, k: int, last: nn.Module) -> Tensor:
    kept: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _module, given: kept.append(given[0]))
    try:
        features = cast(Any, classifier.backbone.network).forward_features(image)
    finally:
        handle.remove()
    (gradient,) = torch.autograd.grad(log_odds(classifier, features, image, k), kept[0])
    h, w = _grid(classifier, image)
    tokens, gradient = kept[0][0, -h * w :], gradient[0, -h * w :]
    cells: Tensor = (tokens * gradient.mean(0)).sum(1).relu().reshape(h, w)
    return cells


def _grid(classifier: Classifier, image: Tensor) -> tuple[int, int]:
    """Patches down and across."""
    side = classifier.backbone.reduction
    return image.shape[-2] // side, image.shape[-1] // side


def _blocks(network: nn.Module) -> list[nn.Module] | None:
    """The blocks of a network of tokens; None for one whose last layer is a map."""
    for module in network.modules():
        blocks = getattr(module, "blocks", None)
        if isinstance(blocks, (nn.ModuleList, nn.Sequential)) and hasattr(module, "patch_embed"):
            return list(blocks)
    return None


def _watchable(block: nn.Module) -> bool:
    attention = getattr(block, "attn", None)
    return isinstance(getattr(attention, "attn_drop", None), nn.Module) and hasattr(attention, "fused_attn")


@contextmanager
def _watched(blocks: list[nn.Module]) -> Iterator[list[Tensor]]:
    """The attention weights [1,heads,n,n] of each block, in the order in which they are used."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _given: Any, weights: Tensor) -> None:
        seen.append(weights)

    layers = [cast(Any, block).attn for block in blocks]
    before, handles = [each.fused_attn for each in layers], []
    try:
        for each in layers:
            each.fused_attn = False  # the fused kernel does not tell its weights
            handles.append(each.attn_drop.register_forward_hook(keep))
        yield seen
    finally:
        for each, fused in zip(layers, before, strict=True):
            each.fused_attn = fused
        for handle in handles:
            handle.remove()
