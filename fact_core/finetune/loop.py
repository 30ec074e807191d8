"""The one loop: every phase that trains on images goes through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.crew import Crew
from fact_core.compute.device import placed
from fact_core.compute.device_crops import Uploaded, uploaded
from fact_core.compute.group import Place
from fact_core.compute.image_batches import upload
from fact_core.compute.less_memory import LessMemory, out_of_memory
from fact_core.compute.training_images import ImageCache
from fact_core.errors import DeviceError, RunError, StorageError
from fact_core.events import Log, Progress, Saved
from fact_core.finetune.batches import Batches, Share
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.loop_state import LoopPlan, Net, Training, answers_of
from fact_core.finetune.meter import Meter
from fact_core.finetune.together import form_of, job_of, sitting
from fact_core.finetune.training_mode import training_mode
from fact_core.types import Step

CHECK_PIECE = 32  # images


@dataclass(frozen=True)
class Pictures:
    """Labelled images to train on."""

    images: ImageCache
    y: Tensor  # (N,) int64
    often: Tensor | None = None  # (N,) int64, how often each comes in an epoch; None: once

    @property
    def epoch(self) -> int:
        """How many pictures an epoch has."""
        return len(self.y) if self.often is None else int(self.often.sum())


@dataclass(frozen=True)
class Measured:
    """Held-out images at the size of the loop, those of one shape together: pictures [m,3,H,W] uint8 and y (m,)."""

    shapes: tuple[tuple[Tensor, Tensor], ...]

    def __len__(self) -> int:
        return sum(len(y) for _, y in self.shapes)

    def pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them, at most ``CHECK_PIECE`` images at a time."""
        for pictures, y in self.shapes:
            yield from zip(pictures.split(CHECK_PIECE), y.split(CHECK_PIECE), strict=True)


@dataclass(frozen=True)
class Looped:
    """What a finished loop took, over all its sittings."""

    steps: int
    epochs: float


def loop(
    net: Net,
    labelled: Pictures,
    plan: LoopPlan,
    *,
    device: torch.device,
    generator: torch.Generator,
    checkpoint: Checkpoint,
    part: str,
    check: Measured | None = None,
    keep_best: bool = False,
    less: LessMemory | None = None,
    crew: Crew | None = None,
) -> Step[Looped]:
    """Train ``net`` in place; it ends with the averaged weights, in eval mode. less: what is known of the memory.

    A part that lies under way in the checkpoint is continued, on a CPU to the bit. keep_best: it ends with
    the weights that did best on ``check``, the start included, as the published numbers of the field do:
    only to reproduce them, for ``check`` can then no longer say how good the result is.
    Where the device has no room for one image, or for the network, the CPU trains. DeviceError where memory runs out
    later: what is saved goes on from there. crew: processes that train together with this one, each on its device.
    """
    less, drawn = less or LessMemory(device), generator.get_state()
    y, interpolation = labelled.y, net.backbone.preprocess.interpolation

    def on(at: torch.device) -> Step[Looped]:
        generator.set_state(drawn)
        there = yield from uploaded(labelled.images, at, interpolation)
        helped = crew if crew is not None and crew.devices > 1 and at == device else None
        form = form_of(net) if helped is not None else net
        with training_mode(net, plan, at):
            run = Training(net, torch.unique(y), plan, at, less)
            best = Best() if keep_best and check is not None else None
            left = {"generator": generator.get_state(), "order": torch.empty(0, dtype=torch.int64)}
            left |= yield from _resume(run, checkpoint, part, best)
            if best is not None and check is not None and run.step == 0:
                best.offer(run, (yield from _measure(run, check))[1])
            while left:
                place = None
                if helped is not None:
                    job = job_of(run, form, labelled.images, y, labelled.often, left)
                    place = yield from helped.begin(min(plan.batch, labelled.epoch), job)
                with _batches(labelled, plan, interpolation, generator, there, place) as batches:
                    batches.restore(left)
                    learning = _learn(run, batches, y, check, checkpoint, part, best, labelled.epoch)
                    left = yield from sitting(run, batches, helped, place, learning)
            run.swap()  # the averaged weights stay
            if best is not None:
                best.put_back(run)
        return Looped(plan.steps, plan.steps * min(plan.batch, labelled.epoch) / labelled.epoch)

    return (yield from less.whole("training", on))


def _learn(
    run: Training,
    batches: Batches,
    y: Tensor,
    check: Measured | None,
    checkpoint: Checkpoint,
    part: str,
    best: Best | None,
    epoch: int,
) -> Step[None]:
    """The steps that are left. Where it is closed it saves the last whole one: who stops a run loses no step."""
    plan, at_once = run.plan, run.device.type == "cpu"  # else to read a loss is to wait for the device
    meter = Meter(plan, batches.batch, epoch, run.step, each_epoch=best is not None)
    first = asked = run.step
    try:
        while run.step < plan.steps:
            batch = batches.next()  # cropped anew each time
            if batches.full:
                yield from run.less.tell_cpu()
            yield from run.gradient(batch, y[batch.rows])  # forward and backward
            if at_once or meter.due(run.step + 1):
                meter.add(run.losses())
            run.update()  # learning rate, clipped step, averaged weights
            batches.done()
            if check is not None and meter.check_due(run.step):
                meter.checked = yield from _measure(run, check)
                if best is not None:
                    best.offer(run, meter.checked[1])
            asked = run.step
            if meter.due(run.step):
                meter.add(run.losses())
                yield meter.point(run.step)
            if checkpoint.due():
                _save(run, batches, checkpoint, part, best, meter, beside=True)
            yield from (Saved(plan.phase, step) for step in checkpoint.written())
        yield from (Saved(plan.phase, step) for step in checkpoint.written(wait=True))
    except GeneratorExit:
        if run.step > first and (best is None or asked == run.step):  # each step may be the best one
            # A full disk does not keep a run from stopping; the last save is still there. So it is for a loss that is
            # no number.
            with suppress(StorageError, RunError):
                _save(run, batches, checkpoint, part, best, meter)
        raise
    except (RuntimeError, MemoryError) as error:
        if run.step > first and out_of_memory(error):  # the CPU would begin anew with weights that have learned
            found, do = (
                f"{plan.phase}, step {run.step}",
                "Close other programs that use this memory, and resume the run.",
            )
            raise DeviceError("The memory is full", found, do) from error
        raise


def _save(
    run: Training,
    batches: Batches,
    checkpoint: Checkpoint,
    part: str,
    best: Best | None,
    meter: Meter,
    beside: bool = False,
) -> None:
    """Save the last whole step; ``beside`` the work. RunError where its loss is no number: it is not kept."""
    meter.add(run.losses())
    tensors, values = run.state()
    kept, score = best.state() if best is not None else ({}, {})
    save = checkpoint.save_beside if beside else checkpoint.save
    save(part, {**tensors, **batches.state(), **kept}, {**values, **score})


def _batches(
    labelled: Pictures,
    plan: LoopPlan,
    interpolation: str,
    generator: torch.Generator,
    there: Uploaded | None,
    place: Place | None,
) -> Batches:
    return Batches(
        labelled.images,
        plan.batch,
        plan.pixels,
        generator,
        crop_min=plan.crop_min,
        interpolation=interpolation,
        often=labelled.often,
        uploaded=there,
        share=Share(place.rank, place.world) if place is not None else None,
    )


def _resume(run: Training, checkpoint: Checkpoint, part: str, best: Best | None) -> Step[dict[str, Tensor]]:
    """Go on from the checkpoint where there is one: the state of its batches."""
    stored = checkpoint.load(part)
    if stored is None or stored.finished:
        return {}
    run.restore(stored.tensors, stored.values)
    if best is not None:
        best.restore(stored.tensors, stored.values)
    yield Log(f"Going on at step {run.step} of {run.plan.steps}.")
    return {name: stored.tensors[name] for name in ("generator", "order")}


def _measure(run: Training, check: Measured) -> Step[tuple[float, float]]:
    """Loss and accuracy of the averaged weights on held-out pictures."""
    net, plan = run.net, run.plan
    training = net.training
    total, right = 0.0, 0
    run.swap()
    net.eval()
    try:
        for pictures, classes in check.pieces():

            def said(
                rows: slice, where: torch.device, pictures: Tensor = pictures, classes: Tensor = classes
            ) -> Tensor:
                logits, y = answers_of(net, pictures[rows], where)[0], upload(classes[rows], where)
                with torch.inference_mode():
                    loss = functional.cross_entropy(logits, y, reduction="sum").double()
                    return torch.stack([loss, (logits.argmax(1) == y).sum().double()])

            for piece in (yield from run.less.pieces("live check", len(classes), len(classes), said)):
                loss, hits = piece.tolist()
                total, right = total + loss, right + int(hits)
            yield Progress(plan.phase, run.step, plan.steps, "steps")
    finally:
        placed(net, run.device)  # where the memory was full, the CPU has answered
        run.swap()
        net.train(training)
    return total / len(check), right / len(check)


class Best:
    """The averaged weights that did best on the check images so far; of equal ones the earlier."""

    def __init__(self) -> None:
        self.accuracy = -1.0
        self.step = 0
        self.weights: dict[str, Tensor] = {}

    def offer(self, run: Training, accuracy: float) -> None:
        """Remember the present averaged weights where they do better."""
        if accuracy > self.accuracy:
            self.accuracy, self.step = accuracy, run.step
            source = run.average or {name: p.detach() for name, p in run.named.items()}
            self.weights = {name: each.detach().clone() for name, each in source.items()}

    def put_back(self, run: Training) -> None:
        """Make them the network's own."""
        with torch.no_grad():
            for name, each in self.weights.items():
                run.named[name].copy_(each)

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """For a checkpoint."""
        tensors = {f"best:{name}": each for name, each in self.weights.items()}
        return tensors, {"best_accuracy": self.accuracy, "best_step": self.step}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Go on from a ``state``."""
        self.accuracy, self.step = float(values["best_accuracy"]), int(values["best_step"])
        self.weights = {key[5:]: each for key, each in tensors.items() if key.startswith("best:")}
