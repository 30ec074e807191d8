"""Images a second of full finetuning: as plain PyTorch does it, and with what the loop does on this device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from fact_core import backbones
from fact_core.backbones.folding import folded_norms
from fact_core.choices import DEFAULT_BACKBONE
from fact_core.compute import device
from fact_core.compute.kept_memory import kept_memory
from fact_core.config import train_config
from fact_core.events import Log, Progress
from fact_core.finetune.batches import Batch
from fact_core.finetune.finetune import plan_of
from fact_core.finetune.loop_state import LoopPlan, Net, Training
from fact_core.finetune.training_mode import set_drop_path
from fact_core.finetune.training_run import linear
from fact_core.generators import finish
from fact_core.pretrained.weights import status
from fact_core.types import Step

PIXELS, CLASSES = 96, 10  # as in the tables of CIFAR-10
ROUNDS = {False: 4, True: 12}  # by ``full``; in each all ways take their turn
TIMED = 2  # steps a turn, behind one that warms up

#: name -> (mixed precision, what the loop puts around the steps)
Way = tuple[bool, tuple[Callable[[], AbstractContextManager[Any]], ...]]


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the default backbone; random weights where the real ones are not here."""
    where = device.device_named("auto")
    backbone = backbones.load(DEFAULT_BACKBONE, pixels=PIXELS, random=not status(DEFAULT_BACKBONE).ready)
    net = Net(backbone.freeze_norm(), linear(torch.zeros(CLASSES, backbone.dim), torch.zeros(CLASSES)))
    net = net.to(where).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    plan = plan_of("ff", train_config("standard").ff, 1000, backbone, amp=True)
    set_drop_path(backbone.network, plan.drop_path)
    batch, y = _drawn(plan.batch)
    took: dict[str, list[float]] = {}
    for done in range(ROUNDS[full]):
        yield Progress("bench", done, ROUNDS[full], "rounds")
        for name, way in ways(net, where).items():
            took.setdefault(name, []).append(_seconds(net, plan, where, batch, y, way))
    rows = _rows({name: plan.batch / statistics.median(each) for name, each in took.items()})
    for row in rows:
        yield Log("{way}: {images_per_s} images/s ({ratio} x)".format(**row))
    share = None if where.type == "cuda" else convolutions(net, plan, where, batch, y)
    if share is not None:
        yield Log(f"the convolutions, which are PyTorch's own in each way, take {share:.0%} of a step as in training")
    about = {
        "bench": "training",
        "convolutions": share,
        "device": device.describe(where),
        "torch": str(torch.__version__),
    }
    size = {"backbone": DEFAULT_BACKBONE, "pixels": PIXELS, "batch": plan.batch, "rounds": ROUNDS[full]}
    return {**about, **size, "rows": rows}


def _drawn(n: int) -> tuple[Batch, Tensor]:
    """Pictures and classes (n,): what they show does not change the speed."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (n, 3, PIXELS, PIXELS), generator=generator, dtype=torch.uint8)
    return Batch(torch.arange(n), pictures, 0), torch.randint(CLASSES, (n,), generator=generator)


def _rows(rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """name -> images a second, the plain way first, as rows with the ratio to it."""
    plain = next(iter(rates.values()))
    return [
        {"way": name, "images_per_s": round(each, 1), "ratio": round(each / plain, 2)} for name, each in rates.items()
    ]


def ways(net: Net, where: torch.device) -> dict[str, Way]:
    """The plain way first. A CPU stays in float32; folding and keeping memory change nothing on a GPU."""
    if where.type == "cuda":
        return {"float32": (False, ()), "mixed precision": (True, ())}

    def folded() -> AbstractContextManager[Any]:
        return folded_norms(net.backbone.network)

    def kept() -> AbstractContextManager[Any]:
        return kept_memory(where)

    return {
        "plain": (False, ()),
        "norms folded": (False, (folded,)),
        "memory kept": (False, (kept,)),
        "both, as in training": (False, (folded, kept)),
    }


def convolutions(net: Net, plan: LoopPlan, where: torch.device, batch: Batch, y: Tensor) -> float:
    """Share of the processor's time of a step, as in training, that convolutions take, forward and backward.

    They are PyTorch's own in every way: the rest is all that the loop can do better.
    """
    amp, around = list(ways(net, where).values())[-1]
    with ExitStack() as stack:
        for each in around:
            stack.enter_context(each())
        training = Training(net, torch.arange(CLASSES), replace(plan, amp=amp), where)
        for step in range(1 + TIMED):
            if step == 1:
                profiler = stack.enter_context(profile(activities=[ProfilerActivity.CPU]))
            finish(training.gradient(batch, y))
            training.update()
    parts = [(each.key, each.self_cpu_time_total) for each in profiler.key_averages()]
    taken = sum(time for name, time in parts if name.startswith("aten::") and "convolution" in name)
    return round(float(taken / sum(time for _, time in parts)), 3)


def _seconds(net: Net, plan: LoopPlan, where: torch.device, batch: Batch, y: Tensor, way: Way) -> float:
    """Median of some steps, of forward, backward and update together."""
    amp, around = way
    took = []
    with ExitStack() as stack:
        for each in around:
            stack.enter_context(each())
        training = Training(net, torch.arange(CLASSES), replace(plan, amp=amp), where)
        for _ in range(1 + TIMED):
            started = time.perf_counter()
            finish(training.gradient(batch, y))
            training.update()
            if where.type == "cuda":
                torch.cuda.synchronize()
            took.append(time.perf_counter() - started)
    return statistics.median(took[1:])
