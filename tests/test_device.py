"""Memory that stays with the process while it trains on a CPU, and goes back afterwards."""

from __future__ import annotations

from contextlib import nullcontext

import psutil
import pytest
import torch
from finetune_help import CPU

from fact_core.device import _is_glibc, kept_memory

BLOCK = 16 * 2**20  # float32 values: 64 MB, as large as the activations of a layer

resource = pytest.importorskip("resource")  # not on Windows
pytestmark = pytest.mark.skipif(not _is_glibc(), reason="another C library than glibc")


def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def fetched(times: int = 20) -> int:
    """Pages that the system had to hand out for one block after the other."""
    before = faults()
    for _ in range(times):
        torch.empty(BLOCK).fill_(1.0)
    return faults() - before


def held() -> int:
    """Bytes of memory that the process has."""
    return int(psutil.Process().memory_info().rss)


def test_a_freed_block_is_used_again_within() -> None:
    anew = 20 * BLOCK * 4 / resource.getpagesize()  # what a C library hands out that gives each block back
    with kept_memory(CPU):
        fetched(1)
        assert fetched() < anew / 4


@pytest.mark.parametrize("error", [False, True])
def test_memory_goes_back_afterwards(error: bool) -> None:
    with pytest.raises(ValueError, match="stop") if error else nullcontext(), kept_memory(CPU):
        blocks = [torch.empty(BLOCK).fill_(1.0) for _ in range(4)]
        blocks.clear()
        within = held()
        if error:
            raise ValueError("stop")
    assert within - held() > 3 * BLOCK * 4  # they had stayed, and stay no longer
