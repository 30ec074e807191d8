"""Checkpoints: what a resumed training run starts from.

A run consists of named parts ("lp", "ff", "ff.fold0", ..., "lm"). Each part is one
safetensors file that holds its tensors and, as metadata, its plain values; so one
``os.replace`` makes both appear together. A part is either finished or under way.
``checkpoint.json`` beside them says in plain words how far the run is, and how long each phase has taken.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fact_core.errors import ImageError
from fact_core.files import write_file
from fact_core.images.source import content_of
from fact_core.types import Source

VERSION = 1


@dataclass(frozen=True)
class Part:
    """One stored part. ``finished`` parts are skipped by a resumed run, others go on from here."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]
    finished: bool


class Checkpoint:
    """The parts of one run. ``folder`` None: nothing is written. ``every``: seconds between two saves.

    A checkpoint of other labels, options or another backbone has another fingerprint: it
    is not used, and the first save replaces it.
    """

    def __init__(self, folder: Path | None, fingerprint: str, every: float = 30.0) -> None:
        self.folder, self.fingerprint, self.every = folder, fingerprint, every
        self._last = time.monotonic()
        self._spent = self._earlier()  # seconds of a phase in earlier sittings
        self._phase, self._began = "", self._last
        self._writing: _Writing | None = None
        self._written: list[int] = []  # steps whose save has ended and is not told yet

    def begin(self, phase: str) -> None:
        """Start the clock of a phase; it goes on from what earlier sittings have kept of it."""
        self._phase, self._began = phase, time.monotonic()

    def seconds(self) -> float:
        """Seconds of the phase under way: of this sitting, and of earlier ones up to their last save."""
        return self._spent.get(self._phase, 0.0) + time.monotonic() - self._began

    def went_on(self) -> bool:
        """Whether the phase under way was begun in an earlier sitting."""
        return self._phase in self._spent

    def load(self, name: str) -> Part | None:
        """The stored part of that name; None when there is none, or a damaged or foreign one."""
        if self.folder is None:
            return None
        self.wait()
        try:
            with safe_open(self._file(name), framework="pt") as file:  # type: ignore[no-untyped-call]
                note = json.loads(file.metadata()["part"])
                if note["fingerprint"] != self.fingerprint or note["version"] != VERSION:
                    return None
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None
        return Part(tensors, note["values"], note["finished"])

    def finished(self, name: str) -> Part | None:
        """The part, when it ran to its end."""
        part = self.load(name)
        return part if part is not None and part.finished else None

    def due(self) -> bool:
        """Whether the last save is long enough ago for the next one."""
        return self.folder is not None and time.monotonic() - self._last >= self.every

    def save(self, name: str, tensors: Mapping[str, Tensor], values: Mapping[str, Any], finished: bool = False) -> None:
        """Put a part on disk, at once and as a whole. StorageError when the disk is full."""
        self.save_beside(name, tensors, values, finished)
        self.wait()
        self._written.clear()  # the caller knows

    def save_beside(
        self, name: str, tensors: Mapping[str, Tensor], values: Mapping[str, Any], finished: bool = False
    ) -> None:
        """The same, where the caller goes on while it is written: ``written`` tells when it lies there.

        The tensors are copied first, so that they may change. StorageError of the save before.
        """
        if self.folder is None:
            return
        self.wait()
        plain = {
            key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for key, tensor in tensors.items()
        }
        note = {
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "part": name,
            "finished": finished,
            "values": dict(values),
        }
        step = values.get("step")
        brief = {"part": name, "step": step, "finished": finished, "fingerprint": self.fingerprint, "at": time.time()}
        brief["seconds"] = {**self._spent, self._phase: self.seconds()}
        self._writing = _Writing(self.folder, self._file(name), plain, note, brief)
        self._last = time.monotonic()

    def written(self, wait: bool = False) -> list[int]:
        """The steps whose ``save_beside`` has ended since this was asked last. StorageError where one has failed.

        wait: for the save that is under way.
        """
        if self._writing is not None and (wait or not self._writing.thread.is_alive()):
            self.wait()
        steps, self._written = self._written, []
        return steps

    def wait(self) -> None:
        """Return when nothing is being written any more. StorageError where that has failed."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        writing.thread.join()
        if writing.error is not None:
            raise writing.error
        self._written.append(int(writing.brief["step"] or 0))

    def drop(self, name: str) -> None:
        """Remove a part that is no longer needed."""
        if self.folder is not None:
            self.wait()
            self._file(name).unlink(missing_ok=True)

    def _earlier(self) -> dict[str, float]:
        """Seconds by phase of the run that lies there; none where it is another run, or the note is damaged."""
        if self.folder is None:
            return {}
        try:
            brief = json.loads((self.folder / "checkpoint.json").read_text("utf-8"))
            if brief["fingerprint"] != self.fingerprint:
                return {}
            return {str(phase): max(0.0, float(spent)) for phase, spent in brief["seconds"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}.safetensors"


class _Writing:
    """A part on its way to the disk, in a thread of its own: each of the two files appears whole or not at all."""

    def __init__(
        self, folder: Path, file: Path, tensors: dict[str, Tensor], note: dict[str, Any], brief: dict[str, Any]
    ) -> None:
        self.folder, self.file, self.tensors, self.note, self.brief = folder, file, tensors, note, brief
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._write, name="checkpoint")
        self.thread.start()

    def _write(self) -> None:
        try:
            write_file(self.file, save(self.tensors, {"part": json.dumps(self.note)}), "saving a checkpoint")
            write_file(self.folder / "checkpoint.json", json.dumps(self.brief).encode(), "saving a checkpoint")
        except BaseException as error:  # told by whoever waits
            self.error = error


def last_saved(folder: Path) -> tuple[str, int] | None:
    """(part, step) of the latest save of a run that is not over; None where there is none, or its note is damaged."""
    try:
        brief = json.loads((folder / "checkpoint.json").read_text("utf-8"))
        return str(brief["part"]), int(brief["step"] or 0)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def clear(folder: Path) -> None:
    """Remove the checkpoint of a run whose model is safely stored."""
    for file in [*folder.glob("*.safetensors"), *folder.glob(".*.new"), folder / "checkpoint.json"]:
        file.unlink(missing_ok=True)


def fingerprint(files: Sequence[Source], y: Sequence[int], classes: Sequence[str], *rest: Any) -> str:
    """Digest of all that a training run depends on: labelled images, labels, classes and the rest (JSON).

    Images count by their bytes, in their order; one that cannot be read by its name: whoever needs it will say so.
    """
    images = []
    for file in files:
        try:
            images.append(image_digest(file))
        except ImageError:
            images.append(f"unread {file.name}")
    text = json.dumps([images, [int(c) for c in y], list(classes), *rest], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def image_digest(file: Source) -> str:
    """Digest of an image's bytes. ImageError when it is gone, cannot be read, or is not what was scanned."""
    try:
        with content_of(file) as content:
            return hashlib.blake2b(content).hexdigest()
    except OSError as error:
        raise ImageError("An image cannot be read", f"{file}: {error.strerror or error}") from error
