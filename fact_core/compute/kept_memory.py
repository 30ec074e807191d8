"""Memory that a process keeps while it trains on a CPU."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: mallopt's names for what glibc does with memory (malloc.h), and where its own adjusting ends at most.
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
LARGEST_THRESHOLD = 32 * 2**20


@contextmanager
def kept_memory(device: torch.device) -> Iterator[None]:
    """Within it memory that is freed stays with the process, on a CPU with glibc; elsewhere nothing changes.

    glibc gives a large block back to the system at once, and every step of training would fetch the same blocks
    again, page by page: a quarter of its time. What is free afterwards goes back.
    """
    libc = ctypes.CDLL(None) if device.type == "cpu" and _is_glibc() else None
    if libc is None:
        yield
        return
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        # mallopt ends glibc's own adjusting of the thresholds: as it would have left them after such large blocks.
        libc.mallopt(MMAP_MAX, 65536)
        libc.mallopt(MMAP_THRESHOLD, LARGEST_THRESHOLD)
        libc.mallopt(TRIM_THRESHOLD, 2 * LARGEST_THRESHOLD)
        libc.malloc_trim(0)


def _is_glibc() -> bool:
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):  # Windows, macOS, musl
        return False
