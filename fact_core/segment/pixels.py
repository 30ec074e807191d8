"""LM, second reading: a multinomial logistic regression of pixels on upsampled, concatenated maps, by L-BFGS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.device import placed
from fact_core.compute.image_batches import normalise
from fact_core.errors import InputError
from fact_core.events import Decision, Progress
from fact_core.generators import quietly
from fact_core.lightweight import logistic
from fact_core.segment.frames import Frames, Whole
from fact_core.segment.learn import Learned
from fact_core.segment.metric import UNLABELLED
from fact_core.segment.network import Segmenter
from fact_core.segment.phases import frofa
from fact_core.segment.settings import SegmentConfig
from fact_core.segment.upernet import PixelHead, resized, size_of
from fact_core.types import IntArray, Step

#: C on unit-norm features. Features here are standardised: ``logistic.scaled`` ties one to the other.
C_GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
FOLDS = 3


@dataclass(frozen=True)
class Sample:
    """Pixels of frames: x [n, D] float32, y (n,), image (n,) the frame of each, weight (n,) float64."""

    x: Tensor
    y: Tensor
    image: IntArray
    weight: Tensor


def light_pixels(
    net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int, *, head: str = "pixels"
) -> Step[Learned]:
    """The head "pixels", or "fused", from a sample of pixels of all classes; C by cross-validation over frames.

    A pixel is one of the finest map, with the class of the mask's nearest pixel. InputError with one class only.
    """
    began = time.monotonic()
    sample = yield from drawn(net, frames, config, device, seed, head=head)
    centre, spread = sample.x.mean(dim=0), sample.x.std(dim=0).clamp(min=1e-6)
    x = ((sample.x - centre) / spread).double()
    best, scores = yield from choose_C(x, sample, net.n_classes, seed)
    yield Decision("lm.C", f"{best:g}", "the lowest log-loss on frames that were left out", scores)
    (line,) = yield from quietly(
        logistic.fit_path(
            x,
            sample.y,
            net.n_classes,
            (best,),
            unit=logistic.scaled(1.0, x),
            balanced=False,
            sample_weight=sample.weight,
            tol=logistic.CV_TOL,
        )
    )
    weight = line.weight.cpu() / spread.double()
    fill(cast(PixelHead, net.add(head, seed)), weight, line.bias.cpu() - weight @ centre.double())
    return Learned(len(line.losses), time.monotonic() - began, weight.numel() + len(weight), line.losses[-1])


def fill(head: PixelHead, weight: Tensor, bias: Tensor) -> None:
    """Give the head the linear layer weight (K, D), bias (K,), split over the maps."""
    with torch.no_grad():
        start = 0
        for layer in head.layers:
            own = cast(torch.nn.Conv2d, layer)
            own.weight.copy_(weight[:, start : start + own.in_channels, None, None])
            start += own.in_channels
        cast(Tensor, cast(torch.nn.Conv2d, head.layers[0]).bias).copy_(bias)


def choose_C(x: Tensor, sample: Sample, n_classes: int, seed: int) -> Step[tuple[float, dict[str, float]]]:
    """The C of the lowest weighted log-loss on frames left out in turn, and the scores; 10 for a single frame.

    Whole frames are left out: a frame's pixels resemble each other, and would praise the smallest penalty.
    """
    images = np.unique(sample.image)
    if len(images) < 2:
        return 10.0, {}
    parts = np.array_split(np.random.default_rng([seed, 5]).permutation(images), min(FOLDS, len(images)))
    unit, sums = logistic.scaled(1.0, x), dict.fromkeys(C_GRID, 0.0)
    for done, part in enumerate(parts):
        held = torch.from_numpy(np.isin(sample.image, part))
        if len(torch.unique(sample.y[~held])) < 2 or not bool(held.any()):
            continue
        path = yield from quietly(
            logistic.fit_path(
                x[~held],
                sample.y[~held],
                n_classes,
                C_GRID,
                unit=unit,
                balanced=False,
                sample_weight=sample.weight[~held],
                tol=10 * logistic.CV_TOL,
            )
        )
        for c, line in zip(C_GRID, path, strict=True):
            losses = functional.cross_entropy(line.logits(x[held]), sample.y[held], reduction="none")
            sums[c] += float((losses * sample.weight[held]).sum())
        yield Progress("lm.C", done + 1, len(parts), "folds")
    if not any(sums.values()):
        return 10.0, {}
    scores = {c: total / float(sample.weight.sum()) for c, total in sums.items()}
    return logistic.best(scores), {f"{c:g}": round(score, 4) for c, score in scores.items()}


def drawn(
    net: Segmenter, frames: Frames, config: SegmentConfig, device: torch.device, seed: int, *, head: str = "pixels"
) -> Step[Sample]:
    """Pixels drawn evenly of the classes, as they are and in ``pixel_views`` views by FroFA.

    Weights: a class counts as (its share of all pixels) ^ (1 - pixel_balance), whatever was drawn of it; all views of a
    pixel together count as one.
    """
    placed(net, device).eval()
    rng, chance = np.random.default_rng([seed, 4]), torch.Generator().manual_seed(seed + 1)
    grids = yield from _grids(net, frames, device)
    wanted, counts = places(grids, net.n_classes, config.pixels, rng)
    taken = np.array(
        [
            sum(int((grid.ravel()[rows] == k).sum()) for grid, rows in zip(grids, wanted, strict=True))
            for k in range(net.n_classes)
        ]
    )
    share = np.where(counts > 0, counts / counts.sum(), 0.0)
    each = np.where(taken > 0, share ** (1 - config.pixel_balance) / np.maximum(taken, 1), 0.0)
    views, x, y, image = 1 + config.pixel_views, [], [], []
    for row, whole in frames.wholes([row for row, rows in enumerate(wanted) if len(rows)]):
        maps = _maps(net, whole, device, head)
        for view in range(views):
            seen = [frofa(level, config, chance) for level in maps] if view else maps
            x.append(joined(seen)[wanted[row]].cpu())
            y.append(torch.from_numpy(grids[row].ravel()[wanted[row]]).long())
            image.append(np.full(len(wanted[row]), row))
        yield Progress("lm.pixels", row, len(frames), "frames")
    classes = torch.cat(y)
    weight = torch.from_numpy(each)[classes] / views
    return Sample(torch.cat(x), classes, np.concatenate(image), weight / weight.sum() * len(classes))


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Features [h w, D] of the pixels of the finest of maps [1, C, h, w]: all maps, upsampled to it."""
    size = size_of(maps[0])
    return torch.cat([resized(each, size) for each in maps], dim=1)[0].flatten(1).T.float()


def places(
    grids: Sequence[IntArray], n_classes: int, count: int, rng: np.random.Generator
) -> tuple[list[IntArray], IntArray]:
    """(flat places in each grid (h, w) of classes, pixels of each class (K,)): about ``count`` in all, evenly.

    A class that has fewer pixels gives all of them. InputError when fewer than two classes are there.
    """
    flat = np.concatenate([grid.ravel() for grid in grids])
    counts = np.bincount(flat - UNLABELLED, minlength=n_classes + 1)[1:]
    if (counts > 0).sum() < 2:
        raise InputError("All labelled pixels are of one class", do="Label frames with at least two classes.")
    quota = count // int((counts > 0).sum())
    picked = np.concatenate([rng.permutation(np.flatnonzero(flat == k))[:quota] for k in range(n_classes) if counts[k]])
    ends = np.cumsum([0, *(grid.size for grid in grids)])
    picked.sort()
    parts = np.split(picked, np.searchsorted(picked, ends[1:-1]))
    return [part - start for part, start in zip(parts, ends[:-1], strict=True)], counts


def _grids(net: Segmenter, frames: Frames, device: torch.device) -> Step[list[IntArray]]:
    """Classes (h, w) of each frame at the finest map's size, of the mask's nearest pixels."""
    found = []
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for row, whole in frames.wholes():
        seen = int(whole.picture.shape[1]), int(whole.picture.shape[2])
        if seen not in sizes:
            sizes[seen] = size_of(_maps(net, whole, device, "pixels")[0])
        h, w = sizes[seen]
        tall, wide = whole.mask.shape
        down, across = ((np.arange(n) + 0.5) * of / n for n, of in ((h, tall), (w, wide)))
        found.append(whole.mask[np.ix_(down.astype(int), across.astype(int))].astype(np.int64))
        yield Progress("lm.pixels", row, len(frames), "frames")
    return found


def _maps(net: Segmenter, whole: Whole, device: torch.device, head: str) -> list[Tensor]:
    """What the head of that name reads of a frame."""
    with torch.no_grad():
        found: list[Tensor] = net.maps(normalise(whole.picture[None], net.backbone.preprocess, device))
        return net.inputs(head, [each.float() for each in found])
