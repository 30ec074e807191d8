"""TF32, to which a GPU rounds float32 in convolutions and products unless it is told not to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock

import torch


class WithoutTf32:
    """The switches are the whole process's: the first of its threads to come sets them, the last to go sets them back.

    Else two GPUs, each answering in a thread, would switch rounding on beneath each other, or leave it off for good.
    """

    def __init__(self) -> None:
        self._lock, self._within, self._end = Lock(), 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._within:
                self._end.enter_context(_switched_off())
            self._within += 1
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if not self._within:
                    self._end.close()


@cache
def without_tf32() -> WithoutTf32:
    """One for the process, as the switches are."""
    return WithoutTf32()


@contextmanager
def _switched_off() -> Iterator[None]:
    now, products = torch.backends.cudnn, torch.backends.cuda.matmul
    kept = {name: getattr(now, name) for name in ("enabled", "benchmark", "benchmark_limit", "deterministic")}
    before, products.allow_tf32 = products.allow_tf32, False
    try:
        with now.flags(**kept, allow_tf32=False):
            yield
    finally:
        products.allow_tf32 = before
