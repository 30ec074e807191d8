"""Labelled frames: whole ones at the size that the network sees, and training crops of image and mask together."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from fact_core.compute.image_batches import planes
from fact_core.images import decode
from fact_core.segment import masks
from fact_core.segment.folders import Part
from fact_core.segment.maps import FeatureMaps
from fact_core.segment.masks import Coding, Mask
from fact_core.segment.metric import UNLABELLED
from fact_core.segment.settings import SegmentConfig

KEPT_BYTES = 1 << 30  # of decoded frames
TRIES = 10  # crops of which none may be nearly all one class


class Batch(NamedTuple):
    """pictures [B, 3, h, w] uint8; classes [B, h, w] int64, UNLABELLED where there is none."""

    pictures: Tensor
    classes: Tensor


@dataclass(frozen=True)
class Whole:
    """A frame as the network sees it, [3, h, w] uint8, and its mask at the mask's own size (H, W)."""

    picture: Tensor
    mask: Mask


class Frames:
    """The frames of a part of a data set. short, step: see ``seen_size``."""

    def __init__(self, root: Path, part: Part, coding: Coding, short: int, maps: FeatureMaps) -> None:
        self.root, self.part, self.coding, self.short, self.maps = root, part, coding, short, maps
        self._kept: OrderedDict[int, tuple[Image.Image, Image.Image]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.part.images)

    def only(self, rows: Sequence[int]) -> Frames:
        """The frames of these rows."""
        part = Part(tuple(self.part.images[row] for row in rows), tuple(self.part.masks[row] for row in rows))
        return Frames(self.root, part, self.coding, self.short, self.maps)

    def whole(self, row: int) -> Whole:
        """A frame with its shorter side at ``short`` pixels. ImageError when one of its files cannot be decoded."""
        picture = seen(decode.decode(self.root / self.part.images[row]), self.short, self.maps)
        return Whole(torch.from_numpy(planes(picture)), masks.read(self.root / self.part.masks[row], self.coding))

    def wholes(self, rows: Sequence[int] | None = None) -> Iterator[tuple[int, Whole]]:
        """(row, frame) of all rows or some, in order, decoded a few ahead."""
        every = range(len(self)) if rows is None else rows
        with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as threads:
            for start in range(0, len(every), 16):
                piece = every[start : start + 16]
                yield from zip(piece, threads.map(self.whole, piece), strict=True)

    def crops(self, count: int, config: SegmentConfig, rng: np.random.Generator) -> Batch:
        """``count`` crops of frames drawn by lot, each row as often as others."""
        rows = [int(row) for row in rng.permutation(np.resize(rng.permutation(len(self)), count))]
        return self.crops_of(rows, config, rng)

    def crops_of(self, rows: Sequence[int], config: SegmentConfig, rng: np.random.Generator) -> Batch:
        """One crop [3, c, c] of each row: scaled, mirrored and coloured by chance."""
        side = self.maps.fit(config.crop)
        found = [self._crop(row, side, config, rng) for row in rows]
        pictures = torch.from_numpy(np.stack([planes(picture) for picture, _ in found]))
        classes = torch.from_numpy(np.stack([mask for _, mask in found])).long()
        return Batch(pictures, classes)

    def _crop(self, row: int, side: int, config: SegmentConfig, rng: np.random.Generator) -> tuple[Image.Image, Mask]:
        """Of ``TRIES`` crops the first in which no class has more than the share ``cap`` of what is labelled."""
        picture, mask = self._frame(row)
        scale = float(rng.uniform(config.scale_min, config.scale_max)) * self.short / min(picture.size)
        # What the crop sees of the frame, in the frame's pixels; a frame that is smaller is padded.
        width, height = (min(float(each), side / scale) for each in picture.size)
        for _ in range(TRIES):
            left = float(rng.uniform(0, picture.width - width))
            top = float(rng.uniform(0, picture.height - height))
            box = (left, top, left + width, top + height)
            size = (min(side, round(width * scale)), min(side, round(height * scale)))
            classes = np.asarray(mask.resize(size, Image.Resampling.NEAREST, box=box)).astype(np.int16) + UNLABELLED
            if _largest_share(classes) < config.cap:
                break
        mirrored = bool(rng.integers(2))
        cut = _coloured(picture.resize(size, Image.Resampling.BILINEAR, box=box), config.jitter, rng)
        canvas, whole = Image.new("RGB", (side, side), (124, 116, 104)), np.full((side, side), UNLABELLED, np.int16)
        canvas.paste(cut, (0, 0))
        whole[: size[1], : size[0]] = classes
        if mirrored:
            return canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT), np.ascontiguousarray(whole[:, ::-1])
        return canvas, whole

    def _frame(self, row: int) -> tuple[Image.Image, Image.Image]:
        """Image and mask (class - UNLABELLED, so that 0 is none) as they lie in memory, or decoded now."""
        if row in self._kept:
            return self._kept[row]
        picture = decode.decode(self.root / self.part.images[row])
        classes = masks.read(self.root / self.part.masks[row], self.coding)
        frame = picture, Image.fromarray((classes - UNLABELLED).astype(np.int32))
        self._kept[row] = frame
        self._bytes += 7 * picture.width * picture.height
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, (old, _) = self._kept.popitem(last=False)
            self._bytes -= 7 * old.width * old.height
        return frame


def seen(picture: Image.Image, short: int, maps: FeatureMaps) -> Image.Image:
    """The picture with its shorter side at ``short`` pixels, both sides as the network can take them."""
    scale = short / min(picture.size)
    size = (maps.fit(picture.width * scale), maps.fit(picture.height * scale))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC)


def _largest_share(classes: Mask) -> float:
    """Share of the most frequent class among the labelled pixels; 1 where none is labelled."""
    counts = np.bincount(classes.ravel() - UNLABELLED)[1:]
    return float(counts.max() / counts.sum()) if counts.sum() else 1.0


def _coloured(picture: Image.Image, jitter: float, rng: np.random.Generator) -> Image.Image:
    """Brightness, contrast and saturation, each times 1 - jitter to 1 + jitter."""
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        factor = float(rng.uniform(1 - jitter, 1 + jitter))
        picture = change(picture).enhance(factor) if jitter else picture
    return picture
