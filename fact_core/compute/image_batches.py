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
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from fact_core import processor
from fact_core.choices import VIEWS, named, resolve
from fact_core.compute.views import Cut
from fact_core.errors import ImageError
from fact_core.images.decode import Ranges, decoding
from fact_core.images.gate import Gate
from fact_core.types import Source

Picture = npt.NDArray[np.uint8]  # [3,H,W]

AHEAD = 4  # batches that are decoded before they are asked for
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocess:
    """What a backbone wants to see.

    ranges: how pixels of more than 8 bits are scaled; see ``images.pixels``.
    view: which part of the picture, by ``choices.VIEWS``. step: sides of a ``whole`` picture are multiples of it.
    """

    pixels: int
    crop_pct: float = 1.0
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    ranges: Ranges = ()
    view: str = "crop"
    step: int = 1

    @property
    def resize(self) -> int:
        """Short side of the whole picture before anything is cut out."""
        return math.floor(self.pixels / self.crop_pct) if self.view == "crop" else self.pixels

    @property
    def square(self) -> bool:
        """Whether all pictures have one shape, the square of ``pixels``. ONNX Runtime is made for one shape."""
        return self.view != "whole"

    def cut(self, size: tuple[int, int]) -> Cut:
        """What is seen of a picture of (width, height). ConfigError when the view is unknown."""
        found: Cut = resolve(named(VIEWS, self.view, "view").target)(*size, self.pixels, self.crop_pct, self.step)
        return found

    def at(self, pixels: int) -> Preprocess:
        """The same with another side."""
        return replace(self, pixels=pixels)

    def to_dict(self) -> dict[str, Any]:
        """JSON form. Cropped and without deep pixels as it always was: it names features and networks that are kept."""
        plain = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        seen = {name: plain.pop(name) for name in ("view", "step")}
        ranges = [list(each) for each in plain.pop("ranges")]
        return {**plain, **({"ranges": ranges} if ranges else {}), **({} if self.view == "crop" else seen)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Preprocess:
        """Back from ``to_dict``."""
        lists = {name: tuple(values[name]) for name in ("mean", "std")}
        ranges = tuple((kind, low, high) for kind, low, high in values.get("ranges", ()))
        return Preprocess(**{**values, **lists, "ranges": ranges})


def load_eval(source: Source | str | Image.Image, pre: Preprocess) -> Picture:
    """One picture [3,H,W] for inference, as the view says. ImageError when it cannot be decoded.

    A large JPEG is decoded at a fraction of its size (draft), never below twice the wanted short side.
    """
    if isinstance(source, Image.Image):
        return _seen(source, pre)
    with decoding(Path(source) if isinstance(source, str) else source, 0, 2 * pre.resize, pre.ranges) as image:
        return _seen(image, pre)


def _seen(image: Image.Image, pre: Preprocess) -> Picture:
    size, box = pre.cut(image.size)
    if size == (box[2] - box[0], box[3] - box[1]) and all(float(side).is_integer() for side in box):
        left, top, right, bottom = (int(side) for side in box)
        return planes(image.crop((left, top, right, bottom)))
    return planes(image.resize(size, RESAMPLING[pre.interpolation], box=box))


Read = tuple[list[int], list[Picture]]


def batches(
    files: Sequence[Source | bytes],
    pre: Preprocess,
    batch: int = 64,
    workers: int = 0,
    *,
    on_image: Callable[[int, Image.Image], None] | None = None,
    on_bad: Callable[[int, ImageError], None] | None = None,
    pinned: bool = False,
) -> Iterator[tuple[npt.NDArray[np.int64], Picture]]:
    """(rows [b], pictures [b,3,H,W]), decoded ahead by threads (0: one a core, at most 16). They free the GIL.

    files: or their bytes, where they come from elsewhere.
    Square views come in the order of the files. ``whole`` pictures come with others of their shape, so that their
    rows are in order within a batch only, and a batch has no more pixels than ``batch`` squares.
    A file that cannot be decoded is left out of its batch and told to ``on_bad(row, error)``;
    without ``on_bad`` its ImageError is raised. ``on_image(row, image)`` gets each decoded
    image before it is resized, in the thread that decoded it: it must be thread-safe.
    Pictures take a bounded memory together, whatever the number of threads. pinned: the batches lie in memory from
    which a GPU fetches them by itself.
    """
    workers, gate = workers or decoding_threads(), Gate()

    def read(row: int) -> Picture | ImageError:
        try:
            with decoding(files[row], 0, 2 * pre.resize, pre.ranges, gate) as image:
                if on_image is not None:
                    on_image(row, image)
                return _seen(image, pre)
        except ImageError as error:
            return error

    def good() -> Iterator[Read]:
        for rows, found in _ahead(read, len(files), batch, workers):
            for row, each in zip(rows, found, strict=True):
                if isinstance(each, ImageError):
                    if on_bad is None:
                        raise each
                    on_bad(row, each)
            kept = [(row, each) for row, each in zip(rows, found, strict=True) if not isinstance(each, ImageError)]
            if kept:
                yield [row for row, _ in kept], [each for _, each in kept]

    for rows, pictures in good() if pre.square else _by_shape(good(), batch * pre.pixels**2):
        yield np.array(rows, dtype=np.int64), _stacked(pictures, pinned)


def decoding_threads() -> int:
    """One a core, whatever the number of threads that compute (``OMP_NUM_THREADS``); at most 16."""
    return min(16, processor.cores())


def _stacked(pictures: Sequence[Picture], pinned: bool) -> Picture:
    if not pinned:
        return np.stack(pictures)
    out = torch.empty(len(pictures), *pictures[0].shape, dtype=torch.uint8).pin_memory()
    found: Picture = np.stack(pictures, out=out.numpy())
    return found


def _by_shape(read: Iterator[Read], most: int) -> Iterator[Read]:
    """The same pictures, those of one shape together: at most ``most`` pixels (or one picture) a batch.

    At most four times ``most`` wait for others of their shape, whatever the number of shapes.
    """
    waiting: dict[tuple[int, ...], Read] = {}
    held = 0
    for found in read:
        for row, picture in zip(*found, strict=True):
            area = picture.shape[1] * picture.shape[2]
            rows, pictures = waiting.setdefault(picture.shape, ([], []))
            rows.append(row)
            pictures.append(picture)
            held += area
            full = (len(rows) + 1) * area > most
            if full or held > 4 * most:
                shape = picture.shape if full else max(waiting, key=lambda s: len(waiting[s][0]) * s[1] * s[2])
                held -= len(waiting[shape][0]) * shape[1] * shape[2]
                yield waiting.pop(shape)
    yield from waiting.values()


def normalise(
    pictures: Tensor | Picture, pre: Preprocess, device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """[B,3,H,W] uint8 -> (x / 255 - mean) / std in ``dtype`` on ``device``, channels last."""
    x = torch.from_numpy(pictures) if isinstance(pictures, np.ndarray) else pictures
    x = x.to(device, non_blocking=True).to(torch.float32).contiguous(memory_format=torch.channels_last)
    return x.sub_(_channels(pre.mean, device)).div_(_channels(pre.std, device)).to(dtype)


@lru_cache(maxsize=16)
def _channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Mean or deviation of 0..255 as [1,3,1,1]: uploaded once, as each upload waits for a GPU."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device).view(1, 3, 1, 1) * 255.0


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device. On a GPU nothing waits for the copy: it goes through pinned memory."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def planes(image: Image.Image) -> Picture:
    """The picture [3,H,W] of an RGB image."""
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))


def _ahead(
    read: Callable[[int], Picture | ImageError], n: int, batch: int, workers: int
) -> Iterator[tuple[range, list[Picture | ImageError]]]:
    """Results of read(0..n-1) in batches, at most ``AHEAD`` batches ahead of the consumer."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        starts = iter(range(0, n, batch))
        waiting: deque[tuple[range, list[Future[Picture | ImageError]]]] = deque()
        while True:
            while len(waiting) < AHEAD and (start := next(starts, None)) is not None:
                rows = range(start, min(n, start + batch))
                waiting.append((rows, [pool.submit(read, row) for row in rows]))
            if not waiting:
                return
            rows, results = waiting.popleft()
            yield rows, [each.result() for each in results]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
