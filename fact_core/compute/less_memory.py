"""When the memory of a device is full: smaller pieces, remembered and told once, at last the CPU.

Whatever works on a device does so through ``in_pieces``, ``LessMemory.pieces`` or ``LessMemory.whole``. The result is
the same as with memory enough, but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from fact_core.errors import DeviceError
from fact_core.events import Log
from fact_core.types import Step, T

CPU = torch.device("cpu")
#: What CUDA's libraries say when they cannot get memory. cuDNN says "not supported", or that it finds no engine, where
#: no algorithm can have the memory that it works in.
FULL = (
    "out of memory",
    "can't allocate memory",
    "status_alloc_failed",
    "cudaerrormemoryallocation",
    "cudnn_status_not_supported",
    "unable to find an engine",
)
DO = "Close other programs that use this memory, choose a smaller backbone, or the device cpu."


def out_of_memory(error: BaseException) -> bool:
    """True when the error says that the device's memory is full."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in FULL)


def release(device: torch.device) -> None:
    """Give what is free of the device's memory back to the other programs that use it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def on_cpu() -> int:
    """How many pictures a CPU looks at best at a time: what a network makes of them has to stay in its caches.

    Of 64 at once each takes up to twice as long, most in networks of convolutions.
    """
    return max(8, 4 * torch.get_num_threads())


def in_pieces(
    n: int, size: int, work: Callable[[slice], T], device: torch.device, least: int = 1
) -> tuple[list[T], int]:
    """([work(rows), ...] for consecutive pieces of n rows, rows a piece): ``size``, halved until a piece fits.

    The error of the full memory where not even ``least`` rows fit.
    """
    parts: list[T] = []
    done = 0
    while done < n:
        try:
            parts.append(work(slice(done, min(done + size, n))))
            done += size
            continue
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or size <= least:
                raise
        # Outside of the handler: the error holds the frames, and these the tensors, that are to go.
        release(device)
        size = max(least, math.ceil(min(size, n - done) / 2))
    return parts, size


@dataclass
class LessMemory:
    """What one run has learned of the memory of its device. sizes: part of the run -> rows that fit; 0: none does."""

    device: torch.device
    sizes: dict[str, int] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def at(self, part: str) -> torch.device:
        """Where the part works: the device, or the CPU once not even one row has fitted."""
        return CPU if self.sizes.get(part) == 0 else self.device

    def pieces(
        self, part: str, n: int, most: int, work: Callable[[slice, torch.device], T], *, compiled: bool = False
    ) -> Step[list[T]]:
        """[work(rows, device), ...] for n rows in pieces of at most ``most``; fewer where memory is full.

        compiled: it is no network of torch, whose pieces on a CPU are best small (``on_cpu``): ONNX Runtime's are not.
        DeviceError where the CPU's memory, too, is full with one row.
        """
        while True:
            where = self.at(part)
            best = on_cpu() if where.type == "cpu" and not compiled else most
            size = min(most, self.sizes.get(part) or most, best)
            try:
                parts, fits = in_pieces(n, size, partial(_on, work, where), where)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                if where.type == "cpu":
                    raise DeviceError("Not even one image fits into memory", _said(error), DO) from error
                parts, fits = [], 0
            if fits == 0 and n:
                release(self.device)
                self.sizes[part] = 0
                yield from self.tell_cpu()
                continue
            if fits < size:
                self.sizes[part] = fits
                yield from self.tell(fits)
            return parts

    def whole(self, part: str, work: Callable[[torch.device], Step[T]]) -> Step[T]:
        """``work(device)``, and where memory is full once more on the CPU: for what cannot be done in pieces."""
        where = self.at(part)
        try:
            return (yield from work(where))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or where.type == "cpu":
                raise
        release(self.device)
        self.sizes[part] = 0
        yield from self.tell_cpu()
        return (yield from work(CPU))

    def once(self, part: str, work: Callable[[torch.device], T]) -> Step[T]:
        """``whole`` for a plain function."""

        def step(device: torch.device) -> Step[T]:
            yield from ()
            return work(device)

        return (yield from self.whole(part, step))

    def tell(self, rows: int) -> Step[None]:
        """Say, once, that it goes on with fewer at a time."""
        if "pieces" not in self.told:
            self.told.add("pieces")
            text = f"Out of memory: going on with {rows} images at a time. The result is the same but for rounding."
            yield Log(text, "warning")

    def tell_cpu(self) -> Step[None]:
        """Say, once, that the CPU does what does not fit."""
        if "cpu" not in self.told and self.device.type != "cpu":
            self.told.add("cpu")
            yield Log("Out of memory: the CPU does what does not fit onto the GPU. The result is the same.", "warning")


def _on(work: Callable[[slice, torch.device], T], device: torch.device, rows: slice) -> T:
    return work(rows, device)


def _said(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
