"""A group of processes that exchange numbers (``torch.distributed``: NCCL between GPUs, gloo between CPUs).

Also what a mate of ``crew`` does. Its wire is a pipe: it says "here" once it has imported what it needs; it is given a
job, says "ready", and is told to "go" or to "drop" it; then it says "done", "broken" (the group has fallen apart: it
waits for the next job) or "failed" (its own fault: it is gone). It ends with the process that has started it, whatever
happens to that one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import distributed

from fact_core.choices import resolve
from fact_core.compute.less_memory import out_of_memory
from fact_core.errors import FactError

#: Seconds for which the first process waits for the others in one operation: it never hangs for ever.
LIMIT = {"gloo": 600.0, "nccl": 180.0}
#: What gloo and NCCL say of one that does not answer, or whose operation another one has given up.
BROKEN = ("gloo", "nccl", "pair closure", "closed by peer", "reset by peer", "timed out")
PATIENT = 86_400.0  # seconds for the others, which wait while the first one measures and saves
Said = dict[str, Any]
#: A job: (what is given, the place, ``ready``) -> a digest of what it made. ready: True to go on, False to drop it.
Work = Callable[[Any, "Place", Callable[[], bool]], str]


class Parted(Exception):
    """The group has fallen apart in the midst of a step, of which nothing is learned. own: by this process's fault."""

    def __init__(self, text: str, own: bool = False) -> None:
        super().__init__(text)
        self.own = own


@dataclass(frozen=True)
class Place:
    """One of the processes of a group. meets: the file by which they find each other."""

    rank: int
    world: int
    device: str
    meets: str

    @property
    def backend(self) -> str:
        return "nccl" if self.device.startswith("cuda") and distributed.is_nccl_available() else "gloo"


@contextmanager
def grouped(place: Place) -> Iterator[None]:
    """Within it the processes of this place's group can exchange numbers. ``Parted`` where one does not come."""
    limit = timedelta(seconds=PATIENT if place.rank else LIMIT[place.backend])
    _stay_at_home()
    device = torch.device(place.device) if place.backend == "nccl" else None
    store = distributed.FileStore(place.meets, place.world)  # type: ignore[attr-defined]
    try:
        distributed.init_process_group(
            place.backend, store=store, rank=place.rank, world_size=place.world, timeout=limit, device_id=device
        )
    except RuntimeError as error:
        raise Parted(str(error)) from error
    try:
        yield
    except Parted:
        if place.backend == "nccl":  # else to end the group is to wait for who is gone
            distributed.distributed_c10d._abort_process_group()
        raise
    finally:
        with suppress(RuntimeError, ValueError):
            if distributed.is_initialized():
                distributed.destroy_process_group()


def broken_off(error: BaseException) -> bool:
    """Whether an operation of the group has failed because one of its processes does not answer."""
    if isinstance(error, distributed.DistError):
        return True
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in BROKEN)


def _stay_at_home() -> None:
    """The processes talk over this machine's own interface, which no other machine reaches."""
    own = next((name for _, name in _interfaces() if name in ("lo", "lo0")), None)
    if own is not None:
        for backend in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{backend}_SOCKET_IFNAME", own)
    # An operation of NCCL that fails, or takes too long, is an error here, and not the end of the process.
    os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")


def _interfaces() -> list[tuple[int, str]]:
    with suppress(OSError, AttributeError):
        return socket.if_nameindex()
    return []


def serve(pipe: Connection, work: str, device: str) -> None:
    """A mate: one job after the other, until the pipe or the process that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C belongs to the front process
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    do: Work = resolve(work)
    _say(pipe, "here")
    with suppress(EOFError, OSError):
        while True:
            told = json.loads(pipe.recv_bytes())
            if told["what"] != "job":
                continue
            place = Place(told["rank"], told["world"], device, told["meets"])
            if not _done(pipe, do, pipe.recv(), place):
                return


def _done(pipe: Connection, do: Work, job: Any, place: Place) -> bool:
    """Do a job and say how it went. False where this process is of no more use."""

    def ready() -> bool:
        _say(pipe, "ready")
        return bool(json.loads(pipe.recv_bytes())["what"] == "go")

    try:
        _say(pipe, "done", digest=do(job, place, ready))
        return True
    except Parted as error:
        _say(pipe, "broken", text=str(error))
        return True
    except FactError as error:
        _say(pipe, "failed", text=str(error), kind=type(error).__name__, error=[error.what, error.found, error.do])
    except (EOFError, OSError):
        pass
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        first = (str(error).splitlines() or [""])[0]
        text = "its memory is full" if out_of_memory(error) else f"{type(error).__name__}: {first}"
        _say(pipe, "failed", text=text)
    return False


def _say(pipe: Connection, what: str, **more: Any) -> None:
    pipe.send_bytes(json.dumps({"what": what, **more}).encode())


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
