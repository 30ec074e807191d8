"""Random crops on a GPU: pictures are uploaded once, then cropped, resized and mirrored there as Pillow does it.

A resize is a product with one matrix for the rows and one for the columns; Pillow rounds to 8 bits between the two, and
so does this. The result differs from Pillow's by one grey level at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from fact_core.compute.device import exact_float32
from fact_core.compute.image_batches import Picture, decoding_threads, planes, upload
from fact_core.compute.less_memory import out_of_memory, release
from fact_core.compute.training_images import Drawn, ImageCache
from fact_core.events import Progress
from fact_core.types import Step

#: Bytes of uploaded pictures, and their share of the free memory, at most.
MOST, SHARE = 1 << 30, 0.25


def cubic(t: Tensor) -> Tensor:
    """Pillow's bicubic filter (a = -0.5) at distances t >= 0; it reaches to 2."""
    near = ((1.5 * t) - 2.5) * t * t + 1.0
    far = (((t - 5.0) * t + 8.0) * t - 4.0) * -0.5
    return torch.where(t < 1.0, near, torch.where(t < 2.0, far, torch.zeros_like(t)))


def triangle(t: Tensor) -> Tensor:
    """Pillow's bilinear filter at distances t >= 0; it reaches to 1."""
    return (1.0 - t).clamp_min(0.0)


#: Interpolation -> its filter and how far that reaches. Others are left to Pillow.
FILTERS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {"bicubic": (cubic, 2.0), "bilinear": (triangle, 1.0)}


@dataclass(frozen=True)
class Uploaded:
    """Pictures [N,3,H,W] uint8 on a device, each in the upper left corner; sizes: N of (width, height)."""

    pictures: Tensor
    sizes: tuple[tuple[int, int], ...]

    def crops(self, drawn: Sequence[Drawn], rows: Tensor, pixels: int, interpolation: str) -> Tensor:
        """uint8 [b,3,pixels,pixels]: what ``training_images.cut`` makes of the pictures ``rows`` (b,)."""
        device = self.pictures.device
        some = self.pictures[upload(rows, device)].float()
        about = [[*box, *self.sizes[int(row)], mirror] for (box, mirror), row in zip(drawn, rows, strict=True)]
        told = upload(torch.tensor(about, dtype=torch.float64), device)
        left, top, right, bottom, width, height, mirror = told.T
        reach = FILTERS[interpolation]
        across = weights(left, right, width, some.shape[3], pixels, *reach)
        across = torch.where((mirror > 0)[:, None, None], across.flip(1), across)
        down = weights(top, bottom, height, some.shape[2], pixels, *reach)
        with exact_float32(device):
            rounded = (some @ across.mT[:, None]).round_().clamp_(0, 255)
            return (down[:, None] @ rounded).round_().clamp_(0, 255).to(torch.uint8)


def weights(
    low: Tensor, high: Tensor, size: Tensor, most: int, out: int, kernel: Callable[[Tensor], Tensor], reach: float
) -> Tensor:
    """[b,out,most] float32: how much each of ``most`` places counts for each of ``out``, as Pillow's Resample.c.

    The part from low to high (b,), float64, of a row of ``size`` (b,) places is resized.
    """
    scale = ((high - low) / out)[:, None]
    stretch = scale.clamp_min(1.0)
    centre = low[:, None] + (torch.arange(out, device=low.device, dtype=torch.float64) + 0.5) * scale
    first = (centre - reach * stretch + 0.5).floor().clamp_min(0.0)[..., None]
    end = torch.minimum((centre + reach * stretch + 0.5).floor(), size[:, None])[..., None]
    place = torch.arange(most, device=low.device, dtype=torch.float64)
    found = kernel(((place + 0.5 - centre[..., None]) / stretch[..., None]).abs())
    found = torch.where((place >= first) & (place < end), found, torch.zeros_like(found))
    return (found / found.sum(dim=-1, keepdim=True)).float()


def uploaded(cache: ImageCache, device: torch.device, interpolation: str) -> Step[Uploaded | None]:
    """The pictures of the cache on a CUDA device; None where it is none, or they are too many for its memory."""
    if device.type != "cuda" or interpolation not in FILTERS:
        return None
    most = min(MOST, SHARE * torch.cuda.mem_get_info(device)[0])
    flat, wide, high = list[Picture](), 0, 0
    pool = ThreadPoolExecutor(decoding_threads(), thread_name_prefix="pictures")
    try:
        for picture in pool.map(lambda row: planes(cache[row]), range(len(cache))):
            flat.append(picture)
            wide, high = max(wide, picture.shape[2]), max(high, picture.shape[1])
            if 3 * wide * high * len(cache) > most:
                return None
            if len(flat) % 64 == 0:
                yield Progress("pictures", len(flat), len(cache))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    there = together(flat)
    try:
        return Uploaded(upload(there.pictures, device), there.sizes)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        release(device)
        return None


def together(pictures: Sequence[Picture]) -> Uploaded:
    """Pictures [3,h,w] of any sizes, on the CPU."""
    high, wide = (max(each.shape[side] for each in pictures) for side in (1, 2))
    found = torch.zeros(len(pictures), 3, high, wide, dtype=torch.uint8)
    for row, picture in enumerate(pictures):
        found[row, :, : picture.shape[1], : picture.shape[2]] = torch.from_numpy(picture)
    return Uploaded(found, tuple((each.shape[2], each.shape[1]) for each in pictures))
