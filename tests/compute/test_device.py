"""Memory that stays with the process while it trains on a CPU, and goes back afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fact_core.compute.device import _is_glibc

pytestmark = pytest.mark.skipif(not _is_glibc(), reason="another C library than glibc")

#: In a process of its own: what other tests have left in the heap would have a say.
START = """
import resource, psutil, torch
from fact_core.compute.device import kept_memory
BLOCK = 16 * 2**20  # float32 values: 64 MB, as large as the activations of a layer

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def fetched(size=BLOCK):  # pages that the system had to hand out for a block: the least of ten, as it moves pages too
    least = []
    for _ in range(10):
        before = faults()
        torch.empty(size).fill_(1.0)
        least.append(faults() - before)
    return min(least)

def held():
    return psutil.Process().memory_info().rss
"""


def told(script: str) -> list[int]:
    """The numbers that a script prints."""
    ended = subprocess.run([sys.executable, "-c", START + script], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return [int(each) for each in ended.stdout.split()]


@pytest.mark.slow
def test_a_freed_block_is_used_again_within() -> None:
    """Afterwards a larger one is asked for: a block as used within may have left a hole for the next of its size."""
    large, outside, inside, after = told(
        "print(fetched(4 * BLOCK), fetched())\n"
        "with kept_memory(torch.device('cpu')):\n"
        "    print(fetched())\n"
        "print(fetched(4 * BLOCK))\n"
    )
    assert inside < outside / 4
    assert after > large / 2  # the C library works as before


@pytest.mark.slow
@pytest.mark.parametrize("end", ["pass", "raise ValueError('stop')"])
def test_memory_goes_back_afterwards(end: str) -> None:
    block, within, after = told(
        "try:\n"
        "    with kept_memory(torch.device('cpu')):\n"
        "        blocks = [torch.empty(BLOCK).fill_(1.0) for _ in range(4)]\n"
        "        blocks.clear()\n"
        "        print(4 * BLOCK, held())\n"
        f"        {end}\n"
        "except ValueError:\n"
        "    pass\n"
        "print(held())\n"
    )
    assert within - after > 3 * block  # they had stayed, and stay no longer
