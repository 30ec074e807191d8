"""Seconds of logistic regression and of attention pooling."""

from __future__ import annotations

import torch

from fact_core.bench.gpu.given import Bench
from fact_core.bench.gpu.right_solvers import CLASSES, mixture
from fact_core.bench.rows import Row
from fact_core.compute.less_memory import CPU
from fact_core.config import LmConfig
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.map_train import MapTraining, Memory, reduction, train_map

C = 10.0
#: Rows and width: one where the CPU solves, labels of CIFAR-10's 2 % with their views, and a whole pool.
SIZES = ((1_000, 384), (9_000, 768), (50_000, 384))


def lbfgs(bench: Bench) -> Row:
    """The regression as phase 1 solves it, on the device that the program chooses, and on the CPU beside it."""
    figures, words = {}, []
    for n, dim in bench.pick(SIZES, ((200, 32),)):
        x, y = mixture(n, dim)
        where = logistic.solver_device(n, dim, CLASSES, bench.at)
        finish(logistic.fit(x[:100], y[:100], CLASSES, C=C, device=bench.at))
        line, seconds = bench.took(lambda x=x, y=y: finish(logistic.fit(x, y, CLASSES, C=C, device=bench.at)))  # type: ignore[misc]
        _, on_cpu = bench.took(lambda x=x, y=y: finish(logistic.fit(x, y, CLASSES, C=C, device=CPU)))  # type: ignore[misc]
        told = {"seconds": round(seconds, 3), "cpu_seconds": round(on_cpu, 3), "iterations": len(line.losses)}
        figures[f"{n} x {dim}"] = {**told, "on": where.type}
        words.append(f"{n:,} x {dim}: {seconds:.2f} s on {where.type}, {on_cpu:.2f} on the CPU")
    return bench.row("; ".join(words) + ".", figures=figures)


def attention(bench: Bench) -> Row:
    """Steps of attention pooling on the tokens of 1,000 labelled images of 224 pixels, as phase 3 takes them."""
    n, side, width = bench.pick((1_000, 14, 384), (24, 3, 16))
    made = torch.Generator().manual_seed(0)
    tokens = torch.randn(n, side, side, width, generator=made).half()
    y = torch.arange(n) % CLASSES
    reduce = reduction(tokens[: bench.pick(100, 8)].reshape(-1, width).float(), width).to(bench.at)
    few, many = bench.pick((50, 550), (2, 6))
    bench.fresh()

    def trained(steps: int) -> float:
        start = torch.zeros(CLASSES, width, device=bench.at), torch.zeros(CLASSES, device=bench.at)
        training = MapTraining(tokens, y, CLASSES, reduce, start, LmConfig(steps=steps), steps, 0)
        return bench.took(lambda: finish(train_map(training, "map", Memory())))[1]

    trained(few)
    each = (trained(many) - trained(few)) / (many - few)
    words = f"{1000 * each:.2f} ms a step of 64 images; 1,000 steps: {1000 * each:.1f} s."
    figures = {"ms_a_step": round(1000 * each, 3), "images": n, "peak_memory_mb": bench.peak()}
    return bench.row(words, figures=figures)
