"""One loop on several devices: distributed data parallel training (Li et al. 2020, "PyTorch Distributed").

Each device holds the whole network and learns from its part of the very batch that one alone would draw (``Share``);
PyTorch's ``DistributedDataParallel`` averages the gradients while they are computed, and every device takes the same
step with them. The loss of a device is the sum over its part by the number of images of the whole batch, times the
number of devices: so the mean of the gradients is the gradient of the mean over the whole batch, however uneven the
parts. Batch norm keeps its pretrained statistics, as in every loop here, so that there is nothing to be exchanged for
it. What a network draws itself (drop path) is drawn for the whole
batch, too, of which each device takes its part.

The first step is tried by each device alone before all take it together: so its memory is known to hold it, in pieces
where it is small, and which weights no gradient reaches.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from fact_core.compute.crew import Crew
from fact_core.compute.device import repeatable
from fact_core.compute.device_crops import uploaded
from fact_core.compute.group import Parted, Place, broken_off, grouped
from fact_core.compute.less_memory import out_of_memory
from fact_core.compute.training_images import ImageCache
from fact_core.events import Event, Log
from fact_core.finetune.batches import Batch, Batches, Share
from fact_core.finetune.loop_state import LoopPlan, Net, Training
from fact_core.finetune.losses import Learned
from fact_core.finetune.training_mode import PartOfDropPath, training_mode
from fact_core.generators import finish
from fact_core.images.decode import Ranges
from fact_core.types import Source, Step

FOLLOW = f"{__name__}:follow"


@dataclass(frozen=True)
class Job:
    """What a mate needs to go on with a loop. net: without numbers (``form_of``); values: as in a checkpoint.

    numbers: all tensors as safetensors; those of a checkpoint, of the network, y, and often.
    """

    net: Net
    plan: LoopPlan
    files: Sequence[Source]
    max_bytes: int
    ranges: Ranges
    values: Mapping[str, Any]
    numbers: bytes
    threads: int
    deterministic: bool


def form_of(net: Net) -> Net:
    """The network without its numbers. Before its norms are folded, which hangs functions into it."""
    return copy.deepcopy(net).to("meta")


def _filled(net: Net, numbers: Mapping[str, Tensor]) -> Net:
    """The form with numbers, on the CPU: weights, and all that is kept beside them."""
    net.to_empty(device="cpu")
    with torch.no_grad():
        for name, each in _own(net):
            each.copy_(numbers[f"net:{name}"])
    return net


def _own(net: Net) -> Iterator[tuple[str, Tensor]]:
    yield from net.named_parameters()
    yield from net.named_buffers()


class Together:
    """What a loop's ``Training`` does with the other devices. world: how many there are."""

    def __init__(self, run: Training, world: int) -> None:
        self.world = world
        self._wrapped: DistributedDataParallel | None = None
        self._drops = [each for each in run.net.modules() if isinstance(each, PartOfDropPath)]

    def gradient(self, run: Training, batch: Batch, target: Tensor) -> Step[None]:
        """Forward and backward for this device's part of a batch, and the mean of all. ``Parted`` where one is lost."""
        unused = run.call is run.net and (yield from self._tried(run, batch, target))
        try:
            if run.call is run.net:
                run.call = self._wrapped = _wrapped(run.net, unused)
            learned = yield from run.pieces(batch, target, self)
            run.unread.append(self._of_all(learned))
            return
        except (RuntimeError, MemoryError) as error:
            full = out_of_memory(error)
            if not (full or broken_off(error)):
                raise
            first = (str(error).splitlines() or [""])[0]
        # Outside of the handler: the error holds the frames, these the group, and the others wait until that is gone.
        raise Parted("the memory is full" if full else first, own=full)

    @contextmanager
    def part(self, batch: Batch, start: int, last: bool) -> Iterator[None]:
        """Within it a piece of the batch, from that image of this device's on, goes through. last: of the batch."""
        for each in self._drops:
            each.part = (batch.start + start, batch.whole)
        with nullcontext() if last or self._wrapped is None else self._wrapped.no_sync():
            yield

    def leave(self) -> None:
        """Let each device draw for itself again. The group is held no longer."""
        self._wrapped = None
        for each in self._drops:
            each.part = None

    def _tried(self, run: Training, batch: Batch, target: Tensor) -> Step[bool]:
        """The step by this device alone, of which nothing is kept. Whether some weights have no gradient."""
        run.together = None
        try:
            yield from run.gradient(batch, target)
        finally:
            run.together = self
        run.unread.pop()
        unused = any(each.grad is None for each in run.named.values())
        run.optimiser.zero_grad(set_to_none=True)
        return unused

    def _of_all(self, learned: Learned) -> Learned:
        """Loss and hits of the whole batch."""
        told = torch.stack([torch.stack(learned.losses).sum() / self.world, torch.stack(learned.hits).sum().float()])
        distributed.all_reduce(told)
        return Learned(learned.n, [told[0]], [told[1]])


def _wrapped(net: nn.Module, unused: bool) -> DistributedDataParallel:
    """The network with gradients that are averaged. Its buffers stay as they are: norms are frozen."""
    known = inspect.signature(DistributedDataParallel).parameters
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    return DistributedDataParallel(net, find_unused_parameters=unused, **{buffers: False})  # type: ignore[arg-type]


def parted_over(run: Training) -> None:
    """Make a training one of this device alone again, at the last whole step."""
    if run.together is not None:
        run.together.leave()
    run.call, run.together = run.net, None
    run.optimiser.zero_grad(set_to_none=True)


@contextmanager
def joined(run: Training, place: Place | None) -> Iterator[None]:
    """Within it the training is one of the place's group; None: of this device alone."""
    if place is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(_threads(run.device, place.world))
    try:
        with warnings.catch_warnings(), grouped(place):
            warnings.filterwarnings("ignore", "Grad strides do not match")  # of a class token: a copy of a few numbers
            run.together = Together(run, place.world)
            yield
    finally:
        parted_over(run)
        torch.set_num_threads(threads)


def _threads(device: torch.device, world: int) -> int:
    """Of each process: the CPU's cores are shared out among those that compute on it."""
    return max(1, torch.get_num_threads() // (world if device.type == "cpu" else 1))


def job_of(
    run: Training, form: Net, images: ImageCache, y: Tensor, often: Tensor | None, batches: Mapping[str, Tensor]
) -> Callable[[int], Job]:
    """A job that goes on where the training is, for so many devices. form: ``form_of`` its network."""

    def made(world: int) -> Job:
        tensors, values = run.state()
        told = {**tensors, **batches, "y": y, **({} if often is None else {"often": often})}
        told |= {f"net:{name}": each for name, each in _own(run.net)}
        plain = {name: each.detach().cpu().clone(memory_format=torch.contiguous_format) for name, each in told.items()}
        threads, deterministic = _threads(run.device, world), torch.are_deterministic_algorithms_enabled()
        about = images.files, images.max_bytes, images.ranges
        return Job(form, run.plan, *about, values, save(plain), threads, deterministic)

    return made


def follow(job: Job, place: Place, ready: Callable[[], bool]) -> str:
    """A mate's part of a loop: every step that the first process takes. The digest of the weights at its end."""
    numbers = load(job.numbers)
    net, y = _filled(job.net, numbers), numbers["y"]
    device, plan = torch.device(place.device), job.plan
    if device.type == "cpu":
        torch.set_num_threads(job.threads)
    images = ImageCache(job.files, plan.pixels, job.max_bytes, job.ranges)
    interpolation = net.backbone.preprocess.interpolation
    there = finish(uploaded(images, device, interpolation))
    with repeatable(job.deterministic), training_mode(net, plan, device):
        run = Training(net, torch.unique(y), plan, device)
        run.restore(numbers, job.values)
        batches = Batches(
            images,
            plan.batch,
            plan.pixels,
            torch.Generator(),
            crop_min=plan.crop_min,
            interpolation=interpolation,
            often=numbers.get("often"),
            uploaded=there,
            share=Share(place.rank, place.world),
        )
        with batches:
            batches.restore(numbers)
            if not ready():
                return ""
            with joined(run, place):
                while run.step < plan.steps:
                    batch = batches.next()
                    finish(run.gradient(batch, y[batch.rows]), _printed)
                    run.unread.clear()  # the first process reads it
                    run.update()
            return digest(run)


def sitting(
    run: Training, batches: Batches, crew: Crew | None, place: Place | None, learning: Step[None]
) -> Step[dict[str, Tensor]]:
    """The steps that are left, with the place's group. Where one of it is lost: from which batches to go on; else {}.

    It says so where the others end with other weights than this device.
    """
    try:
        with joined(run, place):
            yield from learning
    except Parted as error:
        parted = error
    else:
        if place is not None and crew is not None:
            own = digest(run)
            if any(each != own for each in (yield from crew.ended())):
                yield Log("The devices do not end with the same weights: those of the first one count.", "warning")
        return {}
    assert crew is not None
    yield from crew.settle(str(parted), parted.own)
    return batches.state()


def digest(run: Training) -> str:
    """Of the weights that learn."""
    found = hashlib.blake2b(digest_size=16)
    for each in run.named.values():
        found.update(each.detach().cpu().numpy().tobytes())
    return found.hexdigest()


def _printed(event: Event) -> None:
    if isinstance(event, Log):
        print(event.text, flush=True)
