"""``fact`` as in the paper's tables, from files to answers, phase by phase; with little memory, too."""

from __future__ import annotations

import torch

from fact_core.bench.gpu.given import SMALL, Bench, skipped
from fact_core.bench.gpu.way import task_of, walk
from fact_core.bench.rows import Row
from fact_core.config import train_config

POOL, BUDGET, TEST, PIXELS = 50_000, 1_000, 1_000, 224  # CIFAR-10, 2 %


def run(bench: Bench, preset: str = "paper", most: float = 0.0) -> Row:
    """Features of the pool, ActiveFT, the three phases, predictions. most: bytes of memory that it may take; 0: all."""
    if most and bench.at.type != "cuda":
        return skipped("A CPU's memory is not capped.")
    if most:
        total = torch.cuda.get_device_properties(bench.at).total_memory
        if total < most:
            return skipped(f"The GPU has {total / 1e9:.1f} GB.")
        torch.cuda.set_per_process_memory_fraction(most / total, bench.at)
    task = task_of(bench.pictures, *bench.pick((POOL, TEST, BUDGET), (24, 10, 12)))
    small = {"ff.epochs": 1, "lp.epochs": 1, "ff.steps": 2, "lm.steps": 6, "ff.batch": 8, "lm.choose": "none"}
    config = train_config(preset, recipe="fact", backbone=SMALL, **bench.pick({}, small))
    bench.fresh()
    walked = walk(bench, task, bench.backbone(SMALL, bench.pick(PIXELS, 32)), config, bench.at)
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in walked.seconds.items())
    words = f"{walked.total:.1f} s ({parts}); {walked.accuracy:.1%} of {len(task.test)} right"
    words += f"; at most {max(walked.memory.values()):,.0f} MB." if walked.memory else "."
    figures = {
        "seconds": round(walked.total, 2),
        "parts": walked.seconds,
        "peak_memory_mb": walked.memory,
        "accuracy": walked.accuracy,
        "notices": walked.notices,
        "preset": preset,
        "pool": len(task.pool),
        "distinct": len(set(task.of.tolist())),
        "labels": task.budget,
    }
    return bench.row(words, figures=figures, backbone=SMALL, pictures=bench.pictures.said("small"))
