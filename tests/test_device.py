"""Memory that stays with the process while it trains on a CPU, and goes back afterwards."""

from __future__ import annotations

import psutil
import pytest
import torch
from finetune_help import CPU

from fact_core.device import _is_glibc, kept_memory

BLOCK = 16 * 2**20  # float32 values: 64 MB, as large as the activations of a layer

pytestmark = pytest.mark.skipif(not _is_glibc(), reason="another C library than glibc")


def faults() -> int:
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def fetched(times: int = 20) -> int:
    """Pages that the system had to hand out for one block after the other."""
    before = faults()
    for _ in range(times):
        torch.empty(BLOCK).fill_(1.0)
    return faults() - before


def test_a_freed_block_is_used_again_within() -> None:
    outside = fetched()
    with kept_memory(CPU):
        fetched(1)
        inside = fetched()
    assert inside < outside / 4
    assert fetched() > outside / 2  # the C library works as before


def test_memory_goes_back_afterwards() -> None:
    process = psutil.Process()
    with kept_memory(CPU):
        blocks = [torch.empty(BLOCK).fill_(1.0) for _ in range(4)]
        blocks.clear()
        within = process.memory_info().rss
    assert within - process.memory_info().rss > 3 * BLOCK * 4  # they had stayed, and stay no longer


def test_it_goes_back_after_an_error_too() -> None:
    outside = fetched()
    with pytest.raises(ValueError, match="stop"), kept_memory(CPU):
        raise ValueError("stop")
    assert fetched() > outside / 2
