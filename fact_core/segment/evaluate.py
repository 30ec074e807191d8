"""Scores of heads on frames with masks, at the masks' own size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from fact_core.compute.device import placed
from fact_core.events import Progress
from fact_core.segment.frames import Frames, Whole
from fact_core.segment.metric import confusion
from fact_core.segment.network import Segmenter, averaged, logits_of
from fact_core.types import IntArray, Step

MOST = 1 << 25  # numbers of one batch's log-probabilities


def matrices(
    net: Segmenter, frames: Frames, asked: Mapping[str, Sequence[str]], device: torch.device
) -> Step[dict[str, IntArray]]:
    """Name -> confusion matrix (K, K) over all pixels of all frames, for heads whose answers are averaged.

    asked: name -> the heads. The backbone looks at each frame once, whatever is asked.
    """
    placed(net, device).eval()
    found = {name: np.zeros((net.n_classes, net.n_classes), dtype=np.int64) for name in asked}
    heads = list(dict.fromkeys(head for names in asked.values() for head in names))
    waiting: list[Whole] = []
    for row, whole in frames.wholes():
        if waiting and not _fits(waiting, whole, net.n_classes):
            _count(net, waiting, heads, asked, device, found)
            waiting = []
        waiting.append(whole)
        yield Progress("test", row, len(frames), "frames")
    if waiting:
        _count(net, waiting, heads, asked, device, found)
    return found


def _fits(waiting: Sequence[Whole], whole: Whole, n_classes: int) -> bool:
    first = waiting[0]
    same = first.picture.shape == whole.picture.shape and first.mask.shape == whole.mask.shape
    return same and (len(waiting) + 1) * n_classes * whole.mask.size <= MOST


def _count(
    net: Segmenter,
    wholes: Sequence[Whole],
    heads: Sequence[str],
    asked: Mapping[str, Sequence[str]],
    device: torch.device,
    found: dict[str, IntArray],
) -> None:
    """Add the pixels of frames of one size to the matrices."""
    pictures = torch.stack([whole.picture for whole in wholes])
    logits = logits_of(net, pictures, heads, device)
    for name, names in asked.items():
        answers = classes_of(logits, names, wholes[0].mask.shape)
        for whole, answer in zip(wholes, answers, strict=True):
            found[name] += confusion(whole.mask, answer, net.n_classes)


def classes_of(logits: Mapping[str, Tensor], names: Sequence[str], size: tuple[int, ...]) -> IntArray:
    """Classes (B, H, W) of the averaged answers of the named heads, resized before they are compared."""
    with torch.inference_mode():
        answer: IntArray = averaged(logits, names, (size[0], size[1])).argmax(dim=1).cpu().numpy()
    return answer
