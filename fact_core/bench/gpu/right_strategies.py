"""Every strategy on the device: twice the same, and ActiveFT as good as on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from fact_core.bench.gpu.given import Bench, Checks
from fact_core.bench.rows import Row
from fact_core.bench.selection import mixture
from fact_core.choices import STRATEGIES
from fact_core.compute.less_memory import CPU
from fact_core.events import Event
from fact_core.generators import finish
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks

WITHIN = 5e-3  # of ActiveFT's loss on the CPU
CLASSES = 5


def run(bench: Bench) -> Row:
    """Twice on the device, once on the CPU. Other picks than the CPU's are told, and no fault."""
    checks, as_cpu = Checks(), list[str]()
    for name in STRATEGIES:
        one, two = (picked(bench, name, bench.at) for _ in range(2))
        checks.true(f"{name}, twice the same", bool((one.rows == two.rows).all()))
        wanted = one if bench.at == CPU else picked(bench, name, CPU)
        if set(one.rows.tolist()) == set(wanted.rows.tolist()):
            as_cpu.append(name)
        if name == "activeft":
            apart = abs(float(one.info["loss"]) / float(wanted.info["loss"]) - 1)
            checks.below("activeft, loss apart from the CPU's", apart, WITHIN)
    words = f"{len(as_cpu)} of {len(STRATEGIES)} strategies pick the same images as on the CPU."
    return checks.row(bench, words, figures={"as_on_the_cpu": as_cpu})


def picked(bench: Bench, name: str, at: torch.device, told: Callable[[Event], object] = lambda event: None) -> Picks:
    """The picks of a strategy in a small pool with some labels, always from the same chance."""
    x = mixture(bench.pick(6_000, 300), bench.pick(128, 16))
    rng, n = np.random.default_rng(0), len(x)
    labeled = rng.choice(n, bench.pick(50, 10), replace=False).astype(np.int64)
    answers = np.abs(x[:, :CLASSES]) / np.abs(x[:, :CLASSES]).sum(1, keepdims=True)
    y = (np.arange(len(labeled)) % CLASSES).astype(np.int64)
    budget = bench.pick(100, 12)
    choosing = choose_images(
        name,
        x,
        budget,
        labeled,
        y,
        np.random.default_rng(0),
        answers=answers,
        iterations=bench.pick(100, 10),
        device=at,
    )
    return finish(choosing, told)
