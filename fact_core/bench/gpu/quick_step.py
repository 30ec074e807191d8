"""A training step on the device, and how long the device waits in it; the same in the loop, from files."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import Bench, headed
from fact_core.bench.rows import Row
from fact_core.compute.image_batches import load_eval
from fact_core.compute.training_images import ImageCache
from fact_core.config import train_config
from fact_core.finetune.batches import Batch
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.finetune import plan_of
from fact_core.finetune.loop import Pictures, loop
from fact_core.finetune.loop_state import LoopPlan, Training
from fact_core.finetune.training_mode import set_drop_path
from fact_core.generators import finish

SECONDS, SHORT = 4.0, 0.2
BATCH, PROFILED = 64, 5


def run(bench: Bench, name: str) -> Row:
    """Steps of full finetuning as phase 2 takes them: alone, and in the loop with its crops."""
    classes, n = len(bench.pictures.classes), bench.pick(BATCH, 4)
    backbone = bench.backbone(name)
    plan = plan_of("ff", train_config("standard", backbone=name, **{"ff.batch": n}).ff, 1000, backbone, amp=True)
    net = headed(backbone, classes).to(bench.at)
    net = net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    files = bench.pictures.files("small", n)
    pictures = torch.from_numpy(np.stack([load_eval(file, backbone.preprocess) for file in files])).to(bench.at)
    y = torch.from_numpy(np.resize(bench.pictures.train_y, n))
    set_drop_path(backbone.network, plan.drop_path)
    training = Training(net, torch.unique(y), plan, bench.at)
    bench.fresh()

    def step() -> None:
        finish(training.gradient(Batch(torch.arange(n), pictures, training.step), y))
        training.update()
        training.step = 0  # the schedule goes on and on
        training.unread.clear()

    rate = bench.rate(step, n, bench.pick(SECONDS, SHORT))
    peak, busy = bench.peak(), _busy(bench, step)
    idle = None if busy is None else round(max(0.0, 1 - busy * rate / n), 3)
    in_loop = _looped(bench, backbone, plan)
    words = f"{1000 * n / rate:,.1f} ms a step of {n} images, {rate:,.0f} images/s; in the loop {in_loop:,.0f}; "
    words += "nobody says how long a GPU idles." if idle is None else f"the GPU idles {idle:.0%}."
    figures: dict[str, Any] = {"images_per_s": round(rate, 1), "ms_a_step": round(1000 * n / rate, 2), "idle": idle}
    figures |= {"loop_images_per_s": round(in_loop, 1), "batch": n, "pixels": plan.pixels, "peak_memory_mb": peak}
    figures["dtype"] = str(training.dtype).removeprefix("torch.")
    return bench.row(words, figures=figures, backbone=name)


def _busy(bench: Bench, step: Any) -> float | None:
    """Seconds of a step in which a kernel runs, as the profiler says; None where it says nothing."""
    if bench.at.type != "cuda":
        return None
    from torch.profiler import ProfilerActivity, profile

    try:
        with profile(activities=[ProfilerActivity.CUDA]) as found:
            for _ in range(PROFILED):
                step()
            bench.wait()
    except RuntimeError:  # a machine may not let anybody look
        return None
    # An annotation spans the kernels of its part and what lies between them.
    kernels = [
        event.time_range
        for event in found.events() or ()
        if event.device_type.name == "CUDA" and not getattr(event, "is_user_annotation", False)
    ]
    return union([(each.start, each.end) for each in kernels]) / 1e6 / PROFILED if kernels else None


def union(spans: list[tuple[float, float]]) -> float:
    """The length of the union of intervals: kernels of several streams may run together."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _looped(bench: Bench, backbone: Backbone, plan: LoopPlan) -> float:
    """Images a second of the one loop, crops included, once its pictures are decoded and uploaded."""
    files = bench.pictures.files("small", bench.pick(512, 8))
    y = torch.from_numpy(np.resize(bench.pictures.train_y, len(files)))
    pictures = Pictures(ImageCache(files, plan.pixels), y)
    few, many = bench.pick((5, 45), (1, 3))
    took = []
    for steps in (few, few, many):  # the first one warms up
        kept, made = Checkpoint(None, ""), torch.Generator().manual_seed(0)
        asked = LoopPlan(**{**vars(plan), "steps": steps})
        net = headed(backbone, len(bench.pictures.classes))
        looping = loop(net, pictures, asked, device=bench.at, generator=made, checkpoint=kept, part="ff")
        took.append(bench.took(lambda looping=looping: finish(looping))[1])  # type: ignore[misc]
    return (many - few) * plan.batch / max(took[2] - took[1], 1e-9)
