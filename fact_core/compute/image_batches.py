"""From image files to batches: decoding, cropping, prefetching, augmentation.

Everything up to the uint8 picture is Pillow and numpy, so that the exported
``predict.py`` does exactly the same without torch.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from fact_core.errors import ImageError
from fact_core.images.decode import decode

Picture = npt.NDArray[np.uint8]  # [3,H,W]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocess:
    """What a backbone wants to see. The short side becomes floor(pixels / crop_pct), then the centre is cut out."""

    pixels: int
    crop_pct: float = 1.0
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    @property
    def resize(self) -> int:
        """Short side before the centre crop."""
        return math.floor(self.pixels / self.crop_pct)

    def at(self, pixels: int) -> Preprocess:
        """The same with another side."""
        return replace(self, pixels=pixels)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Preprocess:
        """Back from ``to_dict``."""
        return Preprocess(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


def load_eval(source: Path | str | Image.Image, pre: Preprocess) -> Picture:
    """One picture [3,H,W] for inference: short side resized, centre cropped. ImageError when it cannot be decoded.

    A large JPEG is decoded at a fraction of its size (draft), never below twice the wanted short side.
    """
    image = source if isinstance(source, Image.Image) else decode(Path(source), min_side=2 * pre.resize)
    width, height = image.size
    short = pre.resize
    if width <= height:
        size = (short, max(short, int(short * height / width)))
    else:
        size = (max(short, int(short * width / height)), short)
    if size != image.size:
        image = image.resize(size, _RESAMPLING[pre.interpolation])
    left, top = round((size[0] - pre.pixels) / 2), round((size[1] - pre.pixels) / 2)
    return _planes(image.crop((left, top, left + pre.pixels, top + pre.pixels)))


def batches(
    files: Sequence[Path],
    pre: Preprocess,
    batch: int = 64,
    workers: int = 0,
    *,
    on_image: Callable[[int, Image.Image], None] | None = None,
    on_bad: Callable[[int, ImageError], None] | None = None,
) -> Iterator[tuple[npt.NDArray[np.int64], Picture]]:
    """(rows [b], pictures [b,3,H,W]) in order, decoded ahead by threads (0: one a core, at most 16).

    A file that cannot be decoded is left out of its batch and told to ``on_bad(row, error)``;
    without ``on_bad`` its ImageError is raised. ``on_image(row, image)`` gets each decoded
    image before it is resized, in the thread that decoded it: it must be thread-safe.
    """
    workers = workers or min(16, torch.get_num_threads())

    def read(row: int) -> Picture | ImageError:
        try:
            image = decode(Path(files[row]), min_side=2 * pre.resize)
            if on_image is not None:
                on_image(row, image)
            return load_eval(image, pre)
        except ImageError as error:
            return error

    for rows, found in _ahead(read, len(files), batch, workers):
        good = [(row, each) for row, each in zip(rows, found, strict=True) if not isinstance(each, ImageError)]
        for row, each in zip(rows, found, strict=True):
            if isinstance(each, ImageError):
                if on_bad is None:
                    raise each
                on_bad(row, each)
        if good:
            yield np.array([row for row, _ in good], dtype=np.int64), np.stack([each for _, each in good])


def normalise(
    pictures: Tensor | Picture, pre: Preprocess, device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """[B,3,H,W] uint8 -> (x / 255 - mean) / std in ``dtype`` on ``device``, channels last."""
    x = torch.from_numpy(pictures) if isinstance(pictures, np.ndarray) else pictures
    x = x.to(device, non_blocking=True).to(torch.float32).contiguous(memory_format=torch.channels_last)
    mean = torch.tensor(pre.mean, device=device).view(1, 3, 1, 1) * 255.0
    std = torch.tensor(pre.std, device=device).view(1, 3, 1, 1) * 255.0
    return x.sub_(mean).div_(std).to(dtype)


class ImageCache:
    """Training images, each decoded once and kept small: short side at most 1.15 times the wanted side.

    Images beyond ``max_bytes`` of pixels are decoded again each time. Safe to use from threads.
    """

    def __init__(self, files: Sequence[Path], pixels: int, max_bytes: int = 1 << 30) -> None:
        self.files, self.pixels = tuple(files), pixels
        self._short = math.ceil(1.15 * pixels)
        self._kept: dict[int, Image.Image] = {}
        self._room = max_bytes

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> Image.Image:
        """The upright RGB image of a row. ImageError when its file can no longer be decoded."""
        if row in self._kept:
            return self._kept[row]
        image = decode(Path(self.files[row]), min_side=2 * self._short)
        shrink = self._short / min(image.size)
        if shrink < 1:
            size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
            image = image.resize(size, Image.Resampling.BICUBIC)
        cost = image.width * image.height * 4  # Pillow keeps RGB in 4 bytes a pixel
        if cost <= self._room:
            self._room -= cost
            self._kept[row] = image
        return image


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
) -> Tensor:
    """uint8 [b,3,pixels,pixels] of randomly cropped images; the same generator state gives the same batch.

    What is random is drawn here in row order; only the cropping itself is spread over the ``pool``'s threads.
    """
    run = pool.map if pool is not None else map
    images = list(run(cache.__getitem__, [int(row) for row in rows]))
    drawn = [draw_crop(image.size, generator, crop_min) for image in images]

    def cut(index: int) -> Picture:
        box, mirror = drawn[index]
        return apply_crop(images[index], box, mirror and flip, pixels, interpolation)

    return torch.from_numpy(np.stack(list(run(cut, range(len(images))))))


Box = tuple[float, float, float, float]


def draw_crop(size: tuple[int, int], generator: torch.Generator, crop_min: float) -> tuple[Box, bool]:
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
    part = image.resize((pixels, pixels), _RESAMPLING[interpolation], box=box)
    return _planes(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else part)


def _planes(image: Image.Image) -> Picture:
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))


def _ahead(
    read: Callable[[int], Picture | ImageError], n: int, batch: int, workers: int
) -> Iterator[tuple[range, list[Picture | ImageError]]]:
    """Results of read(0..n-1) in batches, at most three batches ahead of the consumer."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        starts = iter(range(0, n, batch))
        waiting: deque[tuple[range, list[Future[Picture | ImageError]]]] = deque()
        while True:
            while len(waiting) < 3 and (start := next(starts, None)) is not None:
                rows = range(start, min(n, start + batch))
                waiting.append((rows, [pool.submit(read, row) for row in rows]))
            if not waiting:
                return
            rows, results = waiting.popleft()
            yield rows, [each.result() for each in results]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
