"""What the device is, how much of its memory is free, and that it computes."""

from __future__ import annotations

import torch

from fact_core import processor
from fact_core.bench.gpu.given import Bench, Checks, apart
from fact_core.bench.rows import Row
from fact_core.compute.device import answer_dtype, describe, has_fast_bf16, passed_over

ENOUGH = 3e9  # bytes that the smallest sections need
SIDE = 2048


def run(bench: Bench) -> Row:
    """Its figures; a product of two matrices must be that of the CPU."""
    checks, at = Checks(), bench.at
    figures = {"kind": at.type, "bf16": has_fast_bf16(at), "answers_in": str(answer_dtype(at)).removeprefix("torch.")}
    figures |= {"cores": processor.cores(), "threads": torch.get_num_threads()}
    words = f"{describe(at, passed_over('auto') if at.type == 'cpu' else '')}."
    side = bench.pick(SIDE, 256)
    made = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=made) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    checks.below("product of two matrices", apart(a.to(at) @ b.to(at), a @ b), 1e-4)
    checks.true("TF32 is off for products", not before)
    if at.type == "cuda":
        free, total = torch.cuda.mem_get_info(at)
        capability = ".".join(map(str, torch.cuda.get_device_capability(at)))
        figures |= {"capability": capability, "free_gb": round(free / 1e9, 2), "total_gb": round(total / 1e9, 2)}
        figures |= {"cuda": str(torch.version.cuda), "cudnn": torch.backends.cudnn.version()}
        checks.least("free memory, bytes", free, ENOUGH)
        checks.true("cuDNN is there and on", torch.backends.cudnn.is_available() and torch.backends.cudnn.enabled)
        words += f" Capability {capability}, {free / 1e9:.1f} GB free."
    return checks.row(bench, words, figures=figures)
