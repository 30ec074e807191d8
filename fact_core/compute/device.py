"""Where the network runs: device, number format, memory."""

from __future__ import annotations

import copy
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from fact_core import processor
from fact_core.compute.onnx_inference import compiled
from fact_core.errors import DeviceError

#: Features in a short number format must point where the float32 features point.
MIN_COSINE = 0.999
#: Two ways to compute the same float32 features differ by rounding only.
SAME_COSINE = 0.99999
#: On a CPU bf16 must be that much quicker than float32, or exactness wins.
CLEARLY = 1.25
#: mallopt's names for what glibc does with memory (malloc.h), and where its own adjusting ends at most.
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
LARGEST_THRESHOLD = 32 * 2**20
#: Images from which preparing the network for ONNX Runtime (some seconds) pays.
WORTH_COMPILING = 256


@dataclass(frozen=True)
class Ready:
    """A network ready for inference. ``cosine``: of its features to the float32 ones (1.0 when it is float32)."""

    net: Callable[[Tensor], Any]
    device: torch.device
    dtype: torch.dtype
    cosine: float = 1.0
    runtime: str = "torch"  # or onnxruntime

    def __call__(self, x: Tensor) -> Any:
        """The network's output for normalised images x [B,3,H,W] of any float type, on the device."""
        with torch.inference_mode(), exact_float32(self.device, self.dtype):
            x = x.to(self.device, self.dtype, non_blocking=True).contiguous(memory_format=torch.channels_last)
            return self.net(x)


def exact_float32(device: torch.device, dtype: torch.dtype = torch.float32) -> AbstractContextManager[Any]:
    """Within it a GPU's float32 convolutions are float32: by default cuDNN rounds them to TF32.

    All else of cuDNN stays as it is: ``flags`` would switch it off, and its timing of algorithms with it. A shorter
    ``dtype`` needs nothing.
    """
    if device.type != "cuda" or dtype != torch.float32:
        return nullcontext()
    now = torch.backends.cudnn
    kept = {name: getattr(now, name) for name in ("enabled", "benchmark", "benchmark_limit", "deterministic")}
    found: AbstractContextManager[Any] = now.flags(**kept, allow_tf32=False)
    return found


def choose(name: str) -> torch.device:
    """The device behind "auto", "cpu" or "cuda". DeviceError in words when a GPU is asked for and none is usable."""
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"There is no device called {name!r}", do="Known: auto, cpu, cuda.")
    reason = "" if name == "cpu" else _no_gpu()
    if name == "cuda" and reason:
        raise DeviceError("No GPU can be used", reason, "Choose the device auto or cpu, or mend the driver.")
    return torch.device("cpu" if name == "cpu" or reason else "cuda")


def passed_over(name: str) -> str:
    """Why "auto" leaves this computer's NVIDIA GPU alone: full, too old, its driver too old. "" where it does not."""
    reason = _no_gpu() if name == "auto" else ""
    return reason if reason and processor.gpu_name() else ""


def describe(device: torch.device, passed: str = "") -> str:
    """For the person: "NVIDIA H100, 80 GB" or "CPU (AMD EPYC), 2 threads". passed: as ``passed_over`` says it."""
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        return f"{found.name}, {found.total_memory / 1e9:.0f} GB"
    threads, name = torch.get_num_threads(), processor.name()
    cpu = f"CPU{f' ({name})' if name else ''}, {threads} thread{'' if threads == 1 else 's'}"
    return f"{cpu}; GPU not used: {passed}" if passed else cpu


def amp_dtype(device: torch.device) -> torch.dtype | None:
    """Number format of mixed-precision training; None: stay in float32 (always on a CPU, where bf16 trains slower)."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def inference(net: nn.Module, device: torch.device, sample_batch: Tensor, images: int = 0) -> Ready:
    """A copy of the network, as fast as its device allows, in eval mode; the given one is left alone.

    sample_batch [B,3,H,W]: normalised float32 images, of which some are used. bf16 is taken
    where the device computes it in hardware and the features of these images keep a cosine of
    ``MIN_COSINE`` to the float32 ones; else float32. A CPU takes whichever way answers this sample
    sooner: float32 by torch or by ONNX Runtime, or bf16 where that is clearly quicker.
    images: how many are to come; below ``WORTH_COMPILING`` preparing costs more than it saves.
    """
    sample_batch = sample_batch[:16]
    full = copy.deepcopy(net).to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    for each in full.parameters():
        each.requires_grad_(False)
    exact = Ready(full, device, torch.float32)
    short = _short(exact, full, sample_batch) if has_fast_bf16(device) else None
    if device.type != "cpu":
        return short or exact
    best = _quicker(exact, full, sample_batch) if images >= WORTH_COMPILING else exact
    if short is not None and _seconds(short, sample_batch) * CLEARLY < _seconds(best, sample_batch):
        return short
    return best


def _short(exact: Ready, net: nn.Module, sample: Tensor) -> Ready | None:
    """The network in bf16; None when its features point elsewhere."""
    short = Ready(copy.deepcopy(net).to(torch.bfloat16), exact.device, torch.bfloat16)
    full, half = exact(sample), short(sample)
    cosine = min(_cosine(_pooled(full), _pooled(half)), _cosine(_patches(full), _patches(half)))
    return Ready(short.net, exact.device, torch.bfloat16, cosine) if cosine >= MIN_COSINE else None


def _quicker(exact: Ready, net: nn.Module, sample: Tensor) -> Ready:
    """PyTorch or ONNX Runtime, whichever answers this sample sooner; they must agree."""
    other = compiled(net, sample.contiguous())
    if other is None:
        return exact
    ready = Ready(other, exact.device, torch.float32, runtime="onnxruntime")
    if _cosine(_pooled(exact(sample)), _pooled(ready(sample))) < SAME_COSINE:
        return exact
    return ready if _seconds(ready, sample) < _seconds(exact, sample) else exact


def _seconds(ready: Ready, sample: Tensor) -> float:
    """The shorter of two rounds: the first one of a network may have to lay things out."""
    rounds = []
    for _ in range(2):
        start = time.perf_counter()
        ready(sample)
        rounds.append(time.perf_counter() - start)
    return min(rounds)


def has_fast_bf16(device: torch.device) -> bool:
    """True where bf16 convolutions and products are quicker than float32.

    On a CPU that means AMX tiles (measured: 4 times faster). Without them bf16 is
    emulated and was 3 to 14 times slower than float32 (AVX2).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    asks = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(asks and asks())


def out_of_memory(error: BaseException) -> bool:
    """True when the error says that the device's memory is full."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


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


def reset_peak_memory(device: torch.device) -> None:
    """Start a new measurement of ``peak_memory_mb``."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_mb(device: torch.device) -> float | None:
    """Largest GPU memory held since the last reset, in MB (10^6 bytes); None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None


def _no_gpu() -> str:
    """Why no GPU can be used; empty when one can."""
    if not torch.backends.cuda.is_built():
        return "this PyTorch was built without CUDA"
    try:
        if not torch.cuda.is_available():
            torch.cuda.init()  # fails, and says why: no driver, too old a driver, no device
            return "PyTorch sees no CUDA device"
        # A GPU that is too old for this build is "available" and fails at the first kernel.
        torch.zeros(8, device="cuda").add_(1).sum().item()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().partition("\n")[0] or "PyTorch sees no CUDA device"
    return ""


def _pooled(out: Any) -> Tensor:
    return cast(Tensor, getattr(out, "pooled", out)).float()


def _patches(out: Any) -> Tensor:
    """[B, h w C]: the tokens that the light model reads; the output itself where there are none."""
    return cast(Tensor, getattr(out, "patches", out)).float().flatten(1)


def _cosine(a: Tensor, b: Tensor) -> float:
    """Smallest cosine between the rows of a and b, 0 where one is not finite."""
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1)
    return float(torch.nan_to_num(cosine, nan=0.0).min())
