"""Images a second of a backbone: float32 against the fastest way that this device has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fact_core import backbones
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE
from fact_core.compute import device
from fact_core.events import Log, Progress
from fact_core.pretrained.weights import status
from fact_core.types import Step

SECONDS = {False: 4.0, True: 20.0}  # of measuring, by ``full``


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the default backbone, or all of them; random weights where the real ones are not here."""
    where = device.device_named("auto")
    names = list(BACKBONES) if full else [DEFAULT_BACKBONE]
    rows = []
    for done, name in enumerate(names):
        yield Progress("bench", done, len(names), "backbones")
        rows.append(_one(name, where, SECONDS[full]))
        words = (
            "{backbone}: {fp32:.0f} images/s in float32 by torch, {fast:.0f} in {dtype} by {runtime} ({ratio:.1f} x)"
        )
        yield Log(words.format(**rows[-1]))
    return {"bench": "features", "device": device.describe(where), "torch": str(torch.__version__), "rows": rows}


def _one(name: str, where: torch.device, seconds: float) -> dict[str, Any]:
    ready = status(name).ready
    pixels = backbones.pixels_for(name, where)
    backbone = backbones.load(name, pixels=pixels, random=not ready)
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(64 if where.type == "cuda" else 16, 3, pixels, pixels, generator=generator)
    plain = backbone.to(where)
    fast = device.inference(backbone, where, batch.to(where), device.WORTH_COMPILING)
    batch = batch.to(where)

    def exact(x: Tensor) -> Any:
        with torch.inference_mode():
            return plain(x)

    slow_rate, fast_rate = _rate(exact, batch, seconds), _rate(fast, batch, seconds)
    return {
        "backbone": name,
        "weights": "real" if ready else "random",
        "pixels": pixels,
        "batch": len(batch),
        "fp32": slow_rate,
        "fast": fast_rate,
        "dtype": str(fast.dtype).removeprefix("torch."),
        "runtime": fast.runtime,
        "ratio": fast_rate / slow_rate,
        "cosine": fast.cosine,
    }


def _rate(net: Callable[[Tensor], Any], batch: Tensor, seconds: float) -> float:
    """Images a second, after one round to warm up."""
    _pass(net, batch)
    rounds, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        _pass(net, batch)
        rounds += 1
    return rounds * len(batch) / spent


def _pass(net: Callable[[Tensor], Any], batch: Tensor) -> None:
    net(batch)
    if batch.device.type == "cuda":
        torch.cuda.synchronize()
