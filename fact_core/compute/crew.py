"""Processes that train together, one a device: this one, and a mate for each further device.

They are PyTorch's own processes (``torch.multiprocessing``'s way: a fresh Python each) in PyTorch's own group
(``group``), as ``torchrun`` would start them, but that this process is the first of them: so the run stays where its
events, its wish to stop and its checkpoint are. Mates hold nothing that is not here as well.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from fact_core import errors
from fact_core.compute.group import Place, Said, serve
from fact_core.events import Log, Progress
from fact_core.types import Step

SETTLE = 15.0  # seconds after which who has said nothing about a broken group is ended
STARTING, READING = 600.0, 3600.0  # seconds after which who has not started, or does not have its pictures, is
SILENT = "it did not answer any more"
ASK_SECONDS, STARTS = 0.2, "crew"  # STARTS: the progress of starting


class Mate:
    """A further process and its device."""

    def __init__(self, device: torch.device, work: str) -> None:
        self.device = device
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, work, str(device)), name=f"mate {device}")
        self.process.daemon = True
        self.process.start()
        theirs.close()
        self.last: Said = {"what": "starts"}

    def heard(self) -> Said:
        """The last that it has said; {"what": "gone"} where it is no more."""
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                self.last = json.loads(self.pipe.recv_bytes())
        if self.last["what"] != "failed" and not self.process.is_alive():
            self.last = {"what": "gone", "text": f"its process has ended ({_ended(self.process.exitcode)})"}
        return self.last

    def say(self, what: str, **more: Any) -> None:
        """Tell it something; one that is gone is found out later."""
        with suppress(OSError):
            self.pipe.send_bytes(json.dumps({"what": what, **more}).encode())

    def end(self) -> None:
        """End the process. It holds nothing that is needed."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Crew:
    """The processes of one training run; they are started when the first job comes. A context manager.

    devices: the first one is this process's. work: names the function that does a mate's part of a job.
    """

    def __init__(self, devices: Sequence[torch.device], work: str) -> None:
        self.device, self.work = devices[0], work
        self._left = list(devices[1:])  # without a process so far
        self.mates: list[Mate] = []
        self._folder: Path | None = None
        self._active: list[Mate] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    @property
    def devices(self) -> int:
        """How many there are, those included whose process is not started yet."""
        return 1 + len(self.mates) + len(self._left)

    def begin(self, most: int, job: Callable[[int], Any]) -> Step[Place | None]:
        """Give a job to at most so many processes, this one included, and wait until all are ready for it.

        job(world): what each is given. This process's place in the group; None: it is alone. A FactError of a mate is
        raised.
        """
        while True:
            missing = max(0, min(most, self.devices) - 1 - len(self.mates))
            self.mates += [Mate(each, self.work) for each in self._left[:missing]]
            del self._left[:missing]
            self._active = self.mates[: max(0, most - 1)]
            if not self._active:
                return None
            busy = any(each.heard()["what"] == "ready" for each in self._active)  # with a job that nobody does any more
            if not (yield from self._all(SETTLE if busy else STARTING, "here", "done", "broken")):
                continue
            self._drop_folder()
            self._folder = Path(tempfile.mkdtemp(prefix="fact-crew-"))  # nobody else may read or write there
            world, meets = 1 + len(self._active), str(self._folder / "meets")
            given = job(world)
            for rank, mate in enumerate(self._active, 1):
                mate.say("job", rank=rank, world=world, meets=meets)
                with suppress(OSError):
                    mate.pipe.send(given)
            able = yield from self._all(READING, "ready")
            for mate in self._active:
                mate.say("go" if able else "drop")
            if able:
                return Place(0, world, str(self.device), meets)

    def ended(self) -> Step[list[str]]:
        """Wait until all have done the job; the digests of what they made."""
        yield from self._all(STARTING, "done")
        return [str(each.heard()["digest"]) for each in self._active]

    def settle(self, parted: str, own: bool) -> Step[None]:
        """Find out who is lost after ``Parted``, and say so; where nobody is, or it was our ``own`` fault, end all.

        To be called once this process has left the group. A FactError of a mate is raised.
        """
        until, lost = time.monotonic() + SETTLE, dict[torch.device, str]()
        while any(each.heard()["what"] == "ready" for each in self._active) and time.monotonic() < until:
            yield Progress(STARTS, 0, len(self._active), "processes")
            time.sleep(ASK_SECONDS)
        for mate in list(self._active):
            if mate.heard()["what"] == "ready":
                mate.last = {"what": "gone", "text": SILENT}
            if mate.last["what"] in ("gone", "failed"):
                lost[mate.device] = str(mate.last["text"])
                self._lose(mate)
        if own or not lost:
            self.end()
            yield Log(f"The devices cannot work together: {parted}. Going on with {self.device} alone.", "warning")
        else:
            yield from self._tell(lost)

    def end(self) -> None:
        """End all mates: this process goes on alone."""
        for mate in self.mates:
            mate.end()
        self.mates, self._left, self._active = [], [], []
        self._drop_folder()

    def _all(self, limit: float, *wanted: str) -> Step[bool]:
        """Wait so many seconds until each has said one of these; False where one is lost instead, which is told."""
        lost, until = dict[torch.device, str](), time.monotonic() + limit
        while not lost:
            said = [(each, each.heard()) for each in self._active]
            ready = sum(each["what"] in wanted for _, each in said)
            for mate, each in said:
                if each["what"] not in wanted and time.monotonic() > until:
                    each = mate.last = {"what": "gone", "text": SILENT}
                if each["what"] in ("gone", "failed"):
                    lost[mate.device] = str(each["text"])
                    self._lose(mate)
            if ready == len(said):
                return True
            yield Progress(STARTS, ready, len(said), "processes")
            if not lost:
                connection.wait([each.pipe for each in self._active], ASK_SECONDS)
        yield from self._tell(lost)
        return False

    def _lose(self, mate: Mate) -> None:
        last = mate.last
        mate.end()
        self.mates.remove(mate)
        self._active = [each for each in self._active if each is not mate]
        kind = getattr(errors, str(last.get("kind", "")), None)
        if kind is not None:
            raise kind(*last["error"])

    def _tell(self, lost: dict[torch.device, str]) -> Step[None]:
        for device, text in lost.items():
            left = f"{self.devices} devices" if self.devices > 1 else "one device"
            yield Log(f"A process of {device} is lost: {text}. Going on with {left}, from the same step.", "warning")

    def _drop_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
