"""How much quicker ActiveFT is than a plain autograd version of the same objective, from the same start.

The data are synthetic: a seeded mixture of 100 clusters on the sphere. Both are timed in this process, one after
the other, and both final losses are computed by one float32 function over all rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from fact_core.compute import device
from fact_core.events import Log, Progress
from fact_core.generators import finish
from fact_core.select import activeft, objective
from fact_core.select.nearest import nearest_free
from fact_core.select.picks import spare
from fact_core.types import Step

#: (N, C, K): CIFAR-10's 0.5 and 2 per cent, and ImageNet's 1 per cent, which the yardstick cannot do.
SIZES = ((50_000, 384, 250), (50_000, 384, 1_000))
IMAGENET = (1_281_167, 384, 12_811)
CLUSTERS = 100
ITERATIONS, TAU, LR = 300, 0.07, 1e-3
MB = 1_000_000


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the two sizes of CIFAR-10; ``full`` adds ImageNet's, without the yardstick."""
    where = device.device_named("auto")
    rows = []
    for n, c, k in (*SIZES, *((IMAGENET,) if full else ())):
        rows.append((yield from measure(n, c, k, where, with_yardstick=(n, c, k) != IMAGENET)))
        yield Log(_sentence(rows[-1]))
    return {"text": table(rows), "json": rows}


def measure(n: int, c: int, k: int, where: torch.device, *, with_yardstick: bool = True) -> Step[dict[str, Any]]:
    """One row: seconds, loss and memory of ours and of the yardstick on the same rows from the same start."""
    finish(_ours(mixture(500, c), 5, where))  # libraries that are loaded on first use count for neither side
    x = mixture(n, c)
    memory = _memory(where)
    began = time.perf_counter()
    pool, u = yield from _ours(x, k, where)
    seconds = time.perf_counter() - began
    row = {"strategy": "activeft", "n": n, "c": c, "k": k, "seconds": round(seconds, 4)}
    row["peak_memory_mb"] = memory()
    row["memory_limit_mb"] = round((n * c + 5 * k * c) * 4 / MB + 256)
    row["loss"] = round(exact_loss(pool, u), 5)
    slow, slow_loss = None, None
    if with_yardstick:
        start = pool[torch.from_numpy(np.random.default_rng(0).choice(n, k, replace=False)).to(where)].clone()
        began = time.perf_counter()
        theta = yield from yardstick(pool, start)
        slow, slow_loss = time.perf_counter() - began, exact_loss(pool, normalize(theta, dim=1))
    row["yardstick_seconds"] = slow if slow is None else round(slow, 4)
    row["yardstick_loss"] = slow_loss if slow_loss is None else round(slow_loss, 5)
    row["ratio"] = slow if slow is None else round(slow / seconds, 2)
    about = {"device": device.describe(where), "bf16": device.has_fast_bf16(where), "torch": str(torch.__version__)}
    return {**row, **about}


def _ours(x: np.ndarray[Any, np.dtype[np.float32]], k: int, where: torch.device) -> Step[tuple[Tensor, Tensor]]:
    """(pool, unit centroids): what ``activeft.select`` does end to end, with the centroids kept for the loss."""
    pool = normalize(torch.from_numpy(x).to(where), dim=1)
    free, rng = np.arange(len(x)), np.random.default_rng(0)
    u, found, _ = yield from activeft.centroids(pool, free, pool[:0], k, rng, activeft.Settings(ITERATIONS, TAU, lr=LR))
    yield from nearest_free(pool, u, found.weight.cpu().numpy(), free, spare(k, len(free)))
    return pool, u


def yardstick(pool: Tensor, start: Tensor) -> Step[Tensor]:
    """Centroids [K,C] after the same steps done plainly: the whole N x K matrix, ``exp`` and autograd."""
    theta = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([theta], lr=LR)
    began = time.monotonic()
    for step in range(ITERATIONS):
        adam.zero_grad()
        u = normalize(theta, dim=1)
        near, cluster = torch.exp(pool @ u.T / TAU).max(dim=1)
        apart = torch.exp(u.detach() @ u.T / TAU).sum(0)
        loss = -torch.log(near / (near + apart[cluster])).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        rate = (step + 1) / (time.monotonic() - began)
        yield Progress("yardstick", step + 1, ITERATIONS, "steps", rate, (ITERATIONS - step - 1) / rate)
    return theta.detach()


def exact_loss(pool: Tensor, u: Tensor) -> float:
    """The objective over all rows in float32."""
    return objective.pull(pool, u, TAU, 1.0).loss


def mixture(n: int, c: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit rows [n,c] around ``CLUSTERS`` random directions, always the same. Made in parts: n may be large."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLUSTERS, c), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    out = np.empty((n, c), dtype=np.float32)
    for start in range(0, n, 50_000):
        part = out[start : start + 50_000]
        part[:] = centres[rng.integers(CLUSTERS, size=len(part))]
        part += rng.standard_normal(part.shape, dtype=np.float32) / np.sqrt(c, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return out


def _memory(where: torch.device) -> Callable[[], float | None]:
    """A function that says by how many MB (10^6 bytes) memory has grown since now at its largest; None: unknown."""
    if where.type == "cuda":
        device.reset_peak_memory(where)
        before = torch.cuda.memory_allocated(where) / MB
        return lambda: round((device.peak_memory_mb(where) or 0.0) - before)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on (Linux)
        base = _kilobytes("VmRSS")
        return lambda: round((_kilobytes("VmHWM") - base) * 1024 / MB)
    except (OSError, StopIteration):
        return lambda: None


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| images | width | budget | seconds | plain autograd | ratio | loss | its loss | memory | device |"]
    lines.append("|" + "---|" * 10)
    for row in rows:
        cells = [f"{row['n']:,}", row["c"], f"{row['k']:,}", f"{row['seconds']:.1f}", _or(row["yardstick_seconds"], 1)]
        cells += [f"{row['ratio']:.1f} x" if row["ratio"] else "–", f"{row['loss']:.4f}", _or(row["yardstick_loss"], 4)]
        short = ", with bf16" if row.get("bf16") else ""
        cells += [f"{_or(row['peak_memory_mb'], 0)} MB", row["device"] + short]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _or(value: float | None, digits: int) -> str:
    return "not run" if value is None else f"{value:,.{digits}f}"


def _sentence(row: dict[str, Any]) -> str:
    told = f"{row['n']:,} x {row['c']}, {row['k']:,} images: {row['seconds']:.1f} s, loss {row['loss']:.4f}"
    return told + (f", {row['ratio']:.1f} x as quick as the plain version" if row["ratio"] else "")
