"""Memory that stays with the process while it trains on a CPU; float32 on a GPU; why a GPU is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fact_core.compute import device as devices
from fact_core.compute.device import answering, describe, device_named, exact_float32, passed_over, repeatable
from fact_core.compute.kept_memory import _is_glibc
from fact_core.errors import DeviceError

with_glibc = pytest.mark.skipif(not _is_glibc(), reason="another C library than glibc")

#: In a process of its own: what other tests have left in the heap would have a say.
START = """
import resource, psutil, torch
from fact_core.compute.kept_memory import kept_memory
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


@with_glibc
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


@with_glibc
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


CUDNN = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")


@pytest.mark.parametrize("benchmark", [False, True])
def test_float32_on_a_gpu_changes_nothing_of_cudnn_but_tf32(benchmark: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", benchmark)
    gpu = torch.device("cuda")

    def flags() -> dict[str, object]:
        return {name: getattr(torch.backends.cudnn, name) for name in CUDNN}

    before = flags()
    assert before["enabled"] and before["benchmark"] is benchmark and before["allow_tf32"]
    with exact_float32(gpu):
        assert flags() == {**before, "allow_tf32": False}
    assert flags() == before
    for device, dtype in ((gpu, torch.bfloat16), (gpu, torch.float16), (torch.device("cpu"), torch.float32)):
        with exact_float32(device, dtype):
            assert flags() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that can be used")
def test_a_gpu_that_cannot_be_used_is_told_with_the_reason(fake_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile input 15: an unsupported GPU. The driver names it, torch cannot use it: auto says why."""
    reason = passed_over("auto")
    assert "NVIDIA" in reason or "CUDA" in reason
    assert passed_over("cpu") == passed_over("cuda") == ""
    assert describe(torch.device("cpu"), reason).endswith(f"; GPU not used: {reason}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the person hid it
    assert passed_over("auto") == ""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (fake_gpu / "nvidia-smi").unlink()
    assert passed_over("auto") == ""


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that can be used")
@pytest.mark.parametrize(
    ("fails", "error"),
    [
        ("init", RuntimeError("The NVIDIA driver on your system is too old (found version 11040).\nPlease update.")),
        ("zeros", torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.\nGPU 0 has ...")),
        ("zeros", RuntimeError("CUDA error: no kernel image is available for execution on the device\nCUDA ...")),
    ],
)
def test_what_is_wrong_with_a_gpu_is_told_in_its_own_words(
    fails: str, error: Exception, fake_gpu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its driver too old, full, too old itself: what CUDA says there, in the one line that says it."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: fails == "zeros")
    monkeypatch.setattr(*((torch.cuda, "init") if fails == "init" else (torch, "zeros")), fail)
    said = str(error).splitlines()[0]
    assert passed_over("auto") == said and device_named("auto").type == "cpu"
    assert describe(torch.device("cpu"), passed_over("auto")).endswith(f"GPU not used: {said}")
    with pytest.raises(DeviceError, match="No GPU can be used"):
        device_named("cuda")


def test_a_further_gpu_and_apples_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def reason(number: int = 0) -> str:
        asked.append(number)
        return "" if number < 2 else "there are 2: cuda:0 to cuda:1"

    monkeypatch.setattr(devices, "unusable", reason)
    assert device_named("cuda:1") == torch.device("cuda", 1) and device_named("cuda") == device_named(
        "auto"
    ) == torch.device("cuda")
    with pytest.raises(DeviceError, match="cuda:0 to cuda:1"):
        device_named("cuda:2")
    assert asked == [1, 0, 0, 2]
    for name in ("cuda:x", "cuda:-1", "cpu:1", "tpu", "auto:0"):
        with pytest.raises(DeviceError, match=r"auto, all, cpu, cuda, mps, cuda:1"):
            device_named(name)


def test_apples_gpu_is_taken_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "unusable", lambda number=0: "PyTorch sees no CUDA device")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device_named("mps") == torch.device("mps") and "untried" in describe(torch.device("mps"))
    assert device_named("auto") == torch.device("cpu")  # nobody has tried it
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no GPU of Apple's"):
        device_named("mps")


def test_deterministic_kernels_only_while_they_are_asked_for() -> None:
    def flags() -> tuple[bool, ...]:
        cudnn = torch.backends.cudnn
        return torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark

    before = flags()
    with repeatable(False):
        assert flags() == before
    with repeatable(True):
        assert flags() == (True, True, False)
    assert flags() == before


def test_answers_on_a_cpu_are_float32_without_gradients() -> None:
    with answering(torch.device("cpu")):
        assert torch.is_inference_mode_enabled() and not torch.is_autocast_enabled("cpu")
    with answering(torch.device("cpu"), torch.bfloat16):
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_inference_mode_enabled() and not torch.is_autocast_enabled("cpu")


def test_of_several_gpus_the_one_that_is_shown_is_named(fake_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fact_core import processor

    (fake_gpu / "nvidia-smi").write_text('#!/bin/sh\necho "GPU $*"\n')
    assert "--id" not in processor.gpu_name()
    for shown in ("1", "1,0", "GPU-01234567-89ab-cdef-0123-456789abcdef"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert f"--id={shown.partition(',')[0]}" in processor.gpu_name()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1; rm -rf")
    assert "--id" not in processor.gpu_name()
