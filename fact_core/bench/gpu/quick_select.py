"""Seconds of ActiveFT and of UMAP."""

from __future__ import annotations

from fact_core.bench import selection
from fact_core.bench.gpu.given import Bench, installed, skipped
from fact_core.bench.rows import Row
from fact_core.compute.device import describe
from fact_core.features.umap_map import on_gpu, umap_map
from fact_core.generators import finish

WIDTH, MAPPED = 384, 50_000


def run(bench: Bench, n: int, k: int) -> Row:
    """ActiveFT beside the plain autograd version of ``bench selection``, which has no room for ImageNet's size."""
    beside = n < selection.IMAGENET[0]
    if bench.short:
        n, k, beside = 2_000, max(2, k * 2_000 // n), True
    width = bench.pick(WIDTH, 16)
    found = finish(selection.measure(n, width, k, bench.at, with_yardstick=beside))
    words = f"{n:,} / {k:,}: {found['seconds']:.2f} s, loss {found['loss']:.4f}"
    if found["yardstick_seconds"] is not None:
        words += f"; plain autograd {found['yardstick_seconds']:.2f} s, loss {found['yardstick_loss']:.4f}"
    memory = found["peak_memory_mb"]
    words += "." if memory is None else f"; {memory:,.0f} MB."
    figures = {name: value for name, value in found.items() if name not in ("device", "torch", "strategy")}
    return bench.row(words, figures=figures)


def umap(bench: Bench) -> Row:
    """The map as the program draws it: by cuML where that is there, else by the processor."""
    if not installed("umap") and not on_gpu():
        return skipped("umap-learn is not installed.")
    n = bench.pick(MAPPED, 200)
    x = selection.mixture(n, bench.pick(WIDTH, 16))
    by = f"cuML on {describe(bench.at)}" if on_gpu() else "umap-learn on the processor"
    picture, seconds = bench.took(lambda: finish(umap_map(x)))
    figures = {"seconds": round(seconds, 2), "images": n, "by": by, "rows": len(picture)}
    return bench.row(f"{n:,} images in {seconds:.1f} s by {by}, compiling included.", figures=figures)
