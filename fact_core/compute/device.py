"""Where the network runs: device, number format, memory."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from fact_core import processor
from fact_core.choices.devices import ALL_GPUS, FREE
from fact_core.compute.onnx_inference import compiled
from fact_core.compute.tf32 import without_tf32
from fact_core.errors import DeviceError

#: Features in a short number format must point where the float32 features point.
MIN_COSINE = 0.999
#: Two ways to compute the same float32 features differ by rounding only.
SAME_COSINE = 0.99999
#: On a CPU bf16 must be that much quicker than float32, or exactness wins.
CLEARLY = 1.25
#: What a person may ask for; a further GPU as cuda:1, several as cuda:0,cuda:1.
KINDS = ("auto", ALL_GPUS, "cpu", "cuda", "mps")
#: Images from which preparing the network for ONNX Runtime (some seconds) pays.
WORTH_COMPILING = 256

Net = TypeVar("Net", bound=nn.Module)


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
        with answering(self.device, self.dtype, converted=True):
            x = x.to(self.device, self.dtype, non_blocking=True).contiguous(memory_format=torch.channels_last)
            return self.net(x)


@contextmanager
def answering(device: torch.device, dtype: torch.dtype | None = None, *, converted: bool = False) -> Iterator[None]:
    """The one way in which networks answer: features, tokens, predictions, the gate, naming, live checks.

    Within it there are no gradients, and the number format is ``dtype`` (None: ``answer_dtype``): a shorter one by
    autocast, unless the weights are ``converted`` to it; float32 without a GPU's rounding to TF32. Never yield in it.
    """
    dtype = dtype or answer_dtype(device)
    short = dtype != torch.float32 and not converted
    mixed = torch.autocast(device.type, dtype) if short else nullcontext()
    with torch.inference_mode(), exact_float32(device, dtype), mixed:
        yield


def answer_dtype(device: torch.device) -> torch.dtype:
    """Number format in which a network with float32 weights answers: bf16 where a GPU has it in hardware."""
    return torch.bfloat16 if device.type == "cuda" and has_fast_bf16(device) else torch.float32


def placed(net: Net, device: torch.device) -> Net:
    """The network on the device, in the layout in which a GPU's convolutions are quickest."""
    if not all(_lies_on(each, device) for each in (*net.parameters(), *net.buffers())):
        net.to(device)
        if device.type != "cpu":
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def _lies_on(tensor: Tensor, device: torch.device) -> bool:
    return tensor.device.type == device.type and device.index in (None, tensor.device.index)


def exact_float32(device: torch.device, dtype: torch.dtype = torch.float32) -> AbstractContextManager[Any]:
    """Within it a GPU's float32 convolutions and products are float32: by default cuDNN rounds the former to TF32.

    All else of cuDNN stays as it is: ``flags`` would switch it off, and its timing of algorithms with it. A shorter
    ``dtype`` needs nothing.
    """
    if device.type != "cuda" or dtype != torch.float32:
        return nullcontext()
    return without_tf32()()


def device_named(name: str) -> torch.device:
    """The device behind "auto", "cpu", "cuda", "cuda:1" or "mps"; of "all" and of "cuda:0,cuda:1" the first.

    DeviceError in words when a GPU is asked for and none is usable. Which GPUs there are says CUDA_VISIBLE_DEVICES;
    auto leaves Apple's alone, on which nobody has tried this.
    """
    name = name.partition(",")[0]
    kind, _, number = name.partition(":")
    if kind not in KINDS or (number and not (kind == "cuda" and number.isdecimal())):
        raise DeviceError(f"There is no device called {name!r}", do=f"Known: {', '.join(KINDS)}, cuda:1.")
    if kind == "cpu":
        return torch.device("cpu")
    reason = _no_apple_gpu() if kind == "mps" else unusable(int(number)) if number else unusable()
    if reason and kind not in FREE:
        raise DeviceError("No GPU can be used", reason, "Choose the device auto or cpu, or mend the driver.")
    return torch.device("cpu" if reason else "cuda" if kind in FREE else name)


def passed_over(name: str) -> str:
    """Why "auto" leaves this computer's NVIDIA GPU alone: full, too old, its driver too old. "" where it does not."""
    reason = unusable() if name in FREE else ""
    return reason if reason and processor.gpu_name() else ""


def describe(device: torch.device, passed: str = "") -> str:
    """For the person: "NVIDIA H100, 80 GB" or "CPU (AMD EPYC), 2 threads". passed: as ``passed_over`` says it."""
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        return f"{found.name}, {found.total_memory / 1e9:.0f} GB"
    if device.type == "mps":
        return f"Apple GPU ({processor.name()}), untried"
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


class Prepared:
    """A network as ``inference`` makes it ready on each device where it is asked for; kept for the next question.

    images: how many are to come. Threads may share it, where they work on one device.
    """

    def __init__(self, net: nn.Module, images: int = 0) -> None:
        self.net, self.images = net, images
        self.dtype = torch.float32  # in which it answered last
        self._ready: dict[str, Ready] = {}
        self._lock = Lock()

    def on(self, device: torch.device, sample: Tensor) -> Ready:
        """The network on that device. sample [B,3,H,W]: normalised images on it."""
        with self._lock:
            if device.type not in self._ready:
                self._ready.clear()  # of another device: its memory is full
                self._ready[device.type] = inference(self.net, device, sample, self.images)
            self.dtype = self._ready[device.type].dtype
            return self._ready[device.type]

    def compiled_on(self, device: torch.device) -> bool:
        """Whether ONNX Runtime answers on that device, or nobody has asked there yet."""
        ready = self._ready.get(device.type)
        return ready is None or ready.runtime == "onnxruntime"


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


def reset_peak_memory(device: torch.device) -> None:
    """Start a new measurement of ``peak_memory_mb``."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_mb(device: torch.device) -> float | None:
    """Largest GPU memory held since the last reset, in MB (10^6 bytes); None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None


def unusable(number: int = 0) -> str:
    """Why no GPU, or not the one of that number, can be used; empty when it can."""
    if not torch.backends.cuda.is_built():
        return "this PyTorch was built without CUDA"
    try:
        if not torch.cuda.is_available():
            torch.cuda.init()  # fails, and says why: no driver, too old a driver, no device
            return "PyTorch sees no CUDA device"
        if number and number >= torch.cuda.device_count():
            return f"there are {torch.cuda.device_count()}: cuda:0 to cuda:{torch.cuda.device_count() - 1}"
        # A GPU that is too old for this build is "available" and fails at the first kernel.
        torch.zeros(8, device=f"cuda:{number}" if number else "cuda").add_(1).sum().item()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().partition("\n")[0] or "PyTorch sees no CUDA device"
    return ""


def _no_apple_gpu() -> str:
    """Why Apple's GPU cannot be used; empty when it can."""
    return "" if torch.backends.mps.is_available() else "PyTorch sees no GPU of Apple's here"


@contextmanager
def repeatable(on: bool) -> Iterator[None]:
    """Where ``on``, a GPU sums in the same order each time. An operation without such a kernel works as usual."""
    if not on:
        yield
        return
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    flags = cudnn.deterministic, cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark = flags


def _pooled(out: Any) -> Tensor:
    return cast(Tensor, getattr(out, "pooled", out)).float()


def _patches(out: Any) -> Tensor:
    """[B, h w C]: the tokens that the light model reads; the output itself where there are none."""
    return cast(Tensor, getattr(out, "patches", out)).float().flatten(1)


def _cosine(a: Tensor, b: Tensor) -> float:
    """Smallest cosine between the rows of a and b, 0 where one is not finite."""
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1)
    return float(torch.nan_to_num(cosine, nan=0.0).min())
