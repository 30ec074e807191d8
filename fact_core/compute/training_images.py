"""Pictures to train on: each decoded once, and cropped anew at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fact_core.compute.image_batches import RESAMPLING, Picture, planes
from fact_core.images.decode import Ranges, decoding
from fact_core.images.gate import Gate
from fact_core.types import Source

WHOLE = slice(None)
LONGEST = 16  # times as long as wide: more of a picture is not trained on


class ImageCache:
    """Training images, each decoded once and kept small: short side at most 1.15 times the wanted side.

    Images beyond ``max_bytes`` of pixels are decoded again each time. Safe to use from threads. Of a very long
    picture the middle is kept: inference sees no more of it.
    """

    def __init__(self, files: Sequence[Source], pixels: int, max_bytes: int = 1 << 30, ranges: Ranges = ()) -> None:
        self.files, self.pixels, self.ranges = tuple(files), pixels, ranges
        self._short = math.ceil(1.15 * pixels)
        self._kept: dict[int, Image.Image] = {}
        self._room, self._gate, self.max_bytes = max_bytes, Gate(), max_bytes

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> Image.Image:
        """The upright RGB image of a row. ImageError when its file can no longer be decoded."""
        if row in self._kept:
            return self._kept[row]
        with decoding(self.files[row], 0, 2 * self._short, self.ranges, self._gate) as whole:
            image = _middle(whole)
            shrink = self._short / min(image.size)
            if shrink < 1:
                size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
                image = image.resize(size, Image.Resampling.BICUBIC)
        cost = image.width * image.height * 4  # Pillow keeps RGB in 4 bytes a pixel
        if cost <= self._room:
            self._room -= cost
            self._kept[row] = image
        return image


def _middle(image: Image.Image) -> Image.Image:
    """The image, or the middle of one that is more than ``LONGEST`` times as long as it is wide."""
    width, height = (min(side, LONGEST * min(image.size)) for side in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


Box = tuple[float, float, float, float]
Drawn = tuple[Box, bool]  # what is cut out, and whether it is mirrored


def training_batch(
    cache: ImageCache,
    rows: Sequence[int],
    pixels: int,
    generator: torch.Generator,
    *,
    crop_min: float = 0.5,
    flip: bool = True,
    interpolation: str = "bicubic",
    pool: ThreadPoolExecutor | None = None,
    part: slice = WHOLE,
) -> Tensor:
    """uint8 [b,3,pixels,pixels] of randomly cropped images; the same generator state gives the same batch.

    What is random is drawn here in row order; only the cropping itself is spread over the ``pool``'s threads.
    part: the rows whose pictures are wanted; it is drawn for all of them.
    """
    run = pool.map if pool is not None else map
    images = list(run(cache.__getitem__, [int(row) for row in rows[part]]))
    sizes = [(1, 1)] * len(rows)
    sizes[part] = [image.size for image in images]
    drawn = [draw_crop(size, generator, crop_min) for size in sizes][part]
    return cut(images, [(box, mirror and flip) for box, mirror in drawn], pixels, interpolation, pool)


def cut(
    images: Sequence[Image.Image],
    drawn: Sequence[Drawn],
    pixels: int,
    interpolation: str = "bicubic",
    pool: ThreadPoolExecutor | None = None,
) -> Tensor:
    """uint8 [b,3,pixels,pixels] of the images, each cut as ``drawn``, by the threads of the pool."""

    def one(index: int) -> Picture:
        box, mirror = drawn[index]
        return apply_crop(images[index], box, mirror, pixels, interpolation)

    run = pool.map if pool is not None else map
    return torch.from_numpy(np.stack(list(run(one, range(len(images))))))


def draw_crop(size: tuple[int, int], generator: torch.Generator, crop_min: float) -> Drawn:
    """A random (left, top, right, bottom) and whether to mirror. Always five draws, so resuming is simple."""
    area, ratio, x, y, coin = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    width, height = size
    wanted = width * height * (crop_min + (1 - crop_min) * area)
    ratio = math.exp((2 * ratio - 1) * math.log(4 / 3))
    w, h = min(width, math.sqrt(wanted * ratio)), min(height, math.sqrt(wanted / ratio))
    left, top = x * (width - w), y * (height - h)
    return (left, top, left + w, top + h), coin < 0.5


def apply_crop(image: Image.Image, box: Box, mirror: bool, pixels: int, interpolation: str = "bicubic") -> Picture:
    """The part ``box`` of the image as [3,pixels,pixels]."""
    part = image.resize((pixels, pixels), RESAMPLING[interpolation], box=box)
    return planes(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else part)
