"""Training batches: drawn from a generator, so that a resumed run sees what an unbroken one would."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType

import torch
from torch import Tensor

from fact_core.compute.device_crops import Uploaded
from fact_core.compute.image_batches import decoding_threads
from fact_core.compute.less_memory import out_of_memory, release
from fact_core.compute.training_images import Drawn, ImageCache, cut, draw_crop, training_batch


@dataclass(frozen=True)
class Batch:
    """One batch, or the part of it that one of several devices learns from.

    ``noise`` seeds what the network itself draws (drop path). all: how many images the whole batch has, 0: these;
    start: which of them is the first here.
    """

    rows: Tensor  # (B,) int64, into the labelled images
    pictures: Tensor  # (B, 3, S, S) uint8
    noise: int
    drawn: tuple[Drawn, ...] = ()  # the crops that are still to be cut, by the GPU
    all: int = 0
    start: int = 0

    @property
    def whole(self) -> int:
        """Images of the whole batch."""
        return self.all or len(self.rows)


@dataclass(frozen=True)
class Share:
    """Which of the devices this is, from 0, and how many there are.

    Each has one of consecutive parts of a batch, as equal as can be: together they learn from the very batches that
    one alone would draw.
    """

    rank: int = 0
    world: int = 1

    def of(self, n: int) -> slice:
        """Its part of n images."""
        return slice(n * self.rank // self.world, n * (self.rank + 1) // self.world)


class Batches:
    """An endless row of batches; a background thread crops the next one while this one trains.

    uploaded: the pictures on the GPU, where they are cropped then. In each epoch every image comes once, or as often as
    ``often`` (N,) says. Each picture is a random crop that keeps at least ``crop_min`` of the area, mirrored half of
    the time. share: the part of each batch that is wanted. A context manager.
    """

    def __init__(
        self,
        images: ImageCache,
        batch: int,
        pixels: int,
        generator: torch.Generator,
        *,
        crop_min: float = 0.5,
        interpolation: str = "bicubic",
        often: Tensor | None = None,
        uploaded: Uploaded | None = None,
        share: Share | None = None,
    ) -> None:
        every = torch.arange(len(images))
        self.epoch = every if often is None else every.repeat_interleave(often)  # rows
        self.images, self.batch, self.pixels = images, min(batch, len(self.epoch)), pixels
        self.share = share or Share()
        self.generator, self.crop_min, self.interpolation = generator, crop_min, interpolation
        self.order = torch.empty(0, dtype=torch.int64)  # rows of this epoch that are still to come
        self._ahead = ThreadPoolExecutor(1, "ahead")
        self._threads = ThreadPoolExecutor(decoding_threads(), "crops")
        self.uploaded, self.full = uploaded, False  # full: the memory for crops on the GPU has run out
        self._next: Future[Batch] | None = None
        self._learned = self._after = self._now()

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ahead.shutdown(wait=True, cancel_futures=True)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def next(self) -> Batch:
        """The next batch; the one after it is begun."""
        ready = self._next.result() if self._next is not None else self._draw()
        if ready.drawn:
            ready = replace(ready, pictures=self._cropped(ready), drawn=())
        self._after = self._now()
        self._next = self._ahead.submit(self._draw)
        return ready

    def done(self) -> None:
        """The batch that ``next`` gave last has been learned from."""
        self._learned = self._after

    def state(self) -> dict[str, Tensor]:
        """What ``restore`` needs to go on after the last batch that is ``done``."""
        return dict(self._learned)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a ``state``. To be called before the first ``next``."""
        self.generator.set_state(state["generator"].clone())
        self.order = state["order"].clone()
        self._learned = self._after = self._now()

    def _now(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state(), "order": self.order.clone()}

    def _draw(self) -> Batch:
        while len(self.order) < self.batch:
            again = self.epoch[torch.randperm(len(self.epoch), generator=self.generator)]
            self.order = torch.cat([self.order, again])
        rows, self.order = self.order[: self.batch], self.order[self.batch :]
        noise, own = int(torch.randint(2**31, (1,), generator=self.generator)), self.share.of(len(rows))
        if self.uploaded is not None:
            sizes = [self.uploaded.sizes[row] for row in rows.tolist()]
            drawn = tuple(draw_crop(size, self.generator, self.crop_min) for size in sizes)
            return Batch(rows[own], torch.empty(0), noise, drawn[own], len(rows), own.start)
        pictures = training_batch(
            self.images,
            rows.tolist(),
            self.pixels,
            self.generator,
            crop_min=self.crop_min,
            interpolation=self.interpolation,
            pool=self._threads,
            part=own,
        )
        return Batch(rows[own], pictures, noise, all=len(rows), start=own.start)

    def _cropped(self, batch: Batch) -> Tensor:
        """The crops of a batch, by the GPU, or by the threads once its memory was full."""
        try:
            if self.uploaded is not None:
                return self.uploaded.crops(batch.drawn, batch.rows, self.pixels, self.interpolation)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        if self.uploaded is not None:
            device, self.uploaded, self.full = self.uploaded.pictures.device, None, True
            release(device)
        images = [self.images[row] for row in batch.rows.tolist()]
        return cut(images, batch.drawn, self.pixels, self.interpolation, self._threads)
