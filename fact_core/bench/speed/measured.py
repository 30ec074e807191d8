"""What a part of the bench tells; two ways measured in turns; what the device could do at best."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from fact_core.bench.gpu.given import Bench

TURNS = 3
SIDE, BYTES = 2048, 1 << 28  # of the products and of the copy that tell the device's rates


@dataclass(frozen=True)
class Found:
    """unit: what a second or a count is of, "images/s" or "s"; ours, plain: in it, plain None where there is none.

    floor: what this device could do at best, in the same unit; None where arithmetic says nothing. words: the rest.
    """

    unit: str
    ours: float
    plain: float | None
    floor: float | None
    words: str = ""

    @property
    def ratio(self) -> float | None:
        """Times as quick as the plain way."""
        if self.plain is None:
            return None
        return self.ours / self.plain if self.unit.endswith("/s") else self.plain / self.ours


@dataclass(frozen=True)
class Rates:
    """Of the device. flops: operations a second of large products; copied: bytes a second that are read and written."""

    flops: float
    copied: float

    def floor(self, flops: float, moved: float = 0.0) -> float:
        """Seconds that so many operations and bytes take at least."""
        return max(flops / self.flops, moved / self.copied)


def rates(bench: Bench) -> Rates:
    """What the device does at best in the number format that trains here."""
    side = bench.pick(SIDE, 128)
    dtype = torch.bfloat16 if bench.at.type == "cuda" else torch.float32
    a = torch.randn(side, side, device=bench.at, dtype=dtype)
    products = bench.rate(lambda: a @ a, 1, bench.pick(1.0, 0.02)) * 2 * side**3
    x = torch.zeros(bench.pick(BYTES, 1 << 16), dtype=torch.uint8, device=bench.at)
    return Rates(products, bench.rate(x.clone, 2 * len(x), bench.pick(0.5, 0.02)))


def in_turns(bench: Bench, ours: Callable[[], float], plain: Callable[[], float]) -> tuple[float, float]:
    """The medians of what both return, each asked in its turn. A first turn of each warms up and is not counted."""
    ours(), plain()
    took = [(ours(), plain()) for _ in range(bench.pick(TURNS, 1))]
    return statistics.median(each[0] for each in took), statistics.median(each[1] for each in took)


def seconds(work: Callable[[], Any]) -> Callable[[], float]:
    """A function that does the work and returns its seconds."""

    def timed() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return timed


def rate(work: Callable[[], int]) -> Callable[[], float]:
    """A function that does the work, which returns how many it did, and returns how many a second."""

    def timed() -> float:
        began = time.perf_counter()
        done = work()
        return done / (time.perf_counter() - began)

    return timed
