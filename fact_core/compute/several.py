"""Several devices of one machine: which ones are meant, and batches that are answered by all of them.

Each device has its own copy of the network, and the batches go to whichever is free, as in ``torch.nn.DataParallel``
but that whole batches are handed out: they are those of one device, and so are the answers, in the same order. Training
on several devices is ``crew``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import torch

from fact_core.choices.devices import ALL_GPUS
from fact_core.compute.device import Prepared, describe, device_named, unusable
from fact_core.compute.less_memory import LessMemory
from fact_core.events import Event
from fact_core.generators import finish
from fact_core.types import Step, T

B = TypeVar("B")


def devices_named(name: str) -> tuple[torch.device, ...]:
    """The devices behind "all" (every GPU that can be used, else the CPU), "cuda:0,cuda:1", or one name.

    "cpu,cpu" is the CPU twice: two processes train then, which is how this is tried without a GPU. DeviceError in words
    when one cannot be used.
    """
    if name == ALL_GPUS:
        shown = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
        able = tuple(torch.device("cuda", number) for number in shown if not unusable(number))
        return able if len(able) > 1 else (device_named(ALL_GPUS),)
    return tuple(device_named(each) for each in name.split(","))


def left_out(name: str) -> list[str]:
    """Which GPUs "all" does not take, and why; nothing where there are not several."""
    if name != ALL_GPUS or not torch.cuda.is_available() or torch.cuda.device_count() < 2:
        return []
    reasons = ((number, unusable(number)) for number in range(torch.cuda.device_count()))
    return [f"cuda:{number}: {reason}" for number, reason in reasons if reason]


def describe_all(devices: Sequence[torch.device], passed: str = "") -> str:
    """``describe`` for several: "NVIDIA H100, 80 GB x 2"."""
    counted = Counter(describe(each, passed) for each in devices)
    return " and ".join(f"{each} x {times}" if times > 1 else each for each, times in counted.items())


def copies(
    network: Prepared, device: torch.device, others: Sequence[torch.device]
) -> list[tuple[Prepared, LessMemory]]:
    """The network for each device, with what is known of its memory; one device twice shares it."""
    made, told = {device: network}, set[str]()
    for each in others:
        made.setdefault(each, Prepared(network.net, network.images))
    return [(made[each], LessMemory(each, told=told)) for each in (device, *others)]


def answered(batches: Iterable[B], asks: Sequence[Callable[[B], Step[T]]]) -> Generator[tuple[B, Step[T]], None, None]:
    """Each batch and the step that answers it, in the order of the batches.

    asks: how each of the devices answers. One alone works when its step is pulled; of several each works in a thread of
    its own, and at most one batch more than there are devices is under way. To be closed by who does not pull it to
    its end.
    """
    if len(asks) == 1:
        for batch in batches:
            yield batch, asks[0](batch)
        return
    free: SimpleQueue[Callable[[B], Step[T]]] = SimpleQueue()
    for ask in asks:
        free.put(ask)

    def work(batch: B) -> tuple[list[Event], T]:
        ask, told = free.get(), list[Event]()
        try:
            return told, finish(ask(batch), told.append)
        finally:
            free.put(ask)

    pool = ThreadPoolExecutor(len(asks), thread_name_prefix="device")
    waiting: deque[tuple[B, Future[tuple[list[Event], T]]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(work, batch)))
            if len(waiting) > len(asks):
                first, future = waiting.popleft()
                yield first, _told(future)
        while waiting:
            first, future = waiting.popleft()
            yield first, _told(future)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _told(future: Future[tuple[list[Event], T]]) -> Step[T]:
    events, answer = future.result()
    yield from events
    return answer
