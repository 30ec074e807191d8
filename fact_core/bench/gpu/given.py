"""What a section is given: the device, pictures and weights; and how it waits for a device, counts and answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from fact_core.backbones import Backbone, load
from fact_core.backbones.loading import preprocessing
from fact_core.bench.gpu.pictures import Pictures, weights_file
from fact_core.bench.rows import Row
from fact_core.choices import backbone_choice
from fact_core.compute.device import device_named
from fact_core.compute.less_memory import CPU, release
from fact_core.events import Event, Progress
from fact_core.finetune.loop_state import Net
from fact_core.finetune.training_run import linear
from fact_core.generators import finish
from fact_core.pretrained.weights import status
from fact_core.types import FloatArray, Step

T = TypeVar("T")

MB = 1_000_000
LITE, SMALL, BASE = "tf_efficientnet_lite0", "vit_small_patch16_224.dino", "vit_base_patch16_224.dino"
VIL = "vil2_small16"


@dataclass
class Bench:
    """short: a form for the CPU and for tests, which says that a section works and no more. folder: see ``pictures``.

    weights: backbone -> what weights it was given, for the row.
    """

    at: torch.device
    short: bool
    folder: Path
    weights: dict[str, str] = field(default_factory=dict)

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures of the folder."""
        return Pictures.read(self.folder)

    def pick(self, full: T, short: T) -> T:
        """The one of the form that is measured."""
        return short if self.short else full

    def pixels(self, name: str) -> int:
        """The side of a backbone's pictures: its own, and where it is short two patches."""
        return 2 * backbone_choice(name).patch if self.short else preprocessing(name).pixels

    def backbone(self, name: str, pixels: int = 0) -> Backbone:
        """The backbone on the CPU, with the weights that are here, else carried ones, else random ones."""
        file = weights_file(self.folder, name)
        carried, ready = file.is_file(), status(name).ready
        self.weights[name] = "real" if ready else "real, carried in 16 bits" if carried else "random"
        given = file if carried and not ready else None
        return load(name, given, pixels or self.pixels(name), random=not (ready or carried))

    def wait(self) -> None:
        """Until the device has done all that was asked of it."""
        if self.at.type == "cuda":
            torch.cuda.synchronize(self.at)

    def rate(self, work: Callable[[], object], units: int, seconds: float) -> float:
        """Units a second of work that does so many, after one round to warm up."""
        work()
        self.wait()
        rounds, began = 0, time.perf_counter()
        while True:
            work()
            self.wait()
            rounds += 1
            spent = time.perf_counter() - began
            if spent >= seconds:
                return rounds * units / spent

    def took(self, work: Callable[[], T]) -> tuple[T, float]:
        """(what the work gives, its seconds)."""
        self.wait()
        began = time.perf_counter()
        found = work()
        self.wait()
        return found, time.perf_counter() - began

    def peak(self) -> float | None:
        """Largest memory of the device held since ``fresh``, in MB; None on a CPU."""
        return round(torch.cuda.max_memory_allocated(self.at) / MB, 1) if self.at.type == "cuda" else None

    def fresh(self) -> None:
        """Give memory back, and begin to measure it anew."""
        release(self.at)
        if self.at.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.at)

    def row(self, words: str, **values: Any) -> Row:
        """A row that has measured something."""
        about = {"weights": self.weights} if self.weights else {}
        return {"status": "measured", "words": words, **about, **values}


def opened(device: str, short: bool, folder: Path) -> Bench:
    """What a section is given. DeviceError where the device cannot be used."""
    return Bench(device_named(device), short, folder)


def skipped(why: str) -> Row:
    """The row of a section that cannot be measured here."""
    return {"status": "skipped", "words": why}


class Checks:
    """What a section checks, and whether all of it is so."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def below(self, name: str, found: float, limit: float) -> None:
        """found must not be above the limit, and a number."""
        self.found[name] = {"found": float(f"{found:.3g}"), "limit": limit, "ok": bool(found <= limit)}

    def least(self, name: str, found: float, limit: float) -> None:
        """found must not be below the limit, and a number."""
        self.found[name] = {"found": float(f"{found:.6g}"), "least": limit, "ok": bool(found >= limit)}

    def true(self, name: str, ok: bool, found: object = "") -> None:
        """It must be so."""
        self.found[name] = {"found": str(found) or ("yes" if ok else "no"), "ok": bool(ok)}

    def row(self, bench: Bench, words: str = "", **values: Any) -> Row:
        """The section's row. words: beside what is wrong."""
        wrong = [f"{name}: {each['found']}" for name, each in self.found.items() if not each["ok"]]
        told = f"Wrong: {'; '.join(wrong)}." if wrong else f"{len(self.found)} of {len(self.found)} checks hold."
        row = bench.row(f"{told} {words}".strip(), checks=self.found, **values)
        return {**row, "status": "failed" if wrong else "passed"}


class Rows:
    """A store of features in memory, as ``features.extract`` asks for one."""

    def __init__(self) -> None:
        self.x: dict[str, FloatArray] = {}

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that have no row yet."""
        return [each for each in digests if each not in self.x]

    def append(self, digests: Sequence[str], x: FloatArray) -> None:
        """Add rows [b,D]."""
        self.x |= dict(zip(digests, x, strict=True))

    def of(self, digests: Sequence[str]) -> FloatArray:
        """[n,D] of these."""
        return np.stack([self.x[each] for each in digests])


def steady(step: Step[Any], name: str, seconds: float, warm: int) -> tuple[float, int]:
    """(units a second, units counted) of a step that tells its progress, which is closed after so many seconds.

    It is counted from the moment on at which ``warm`` units are done: compiling and first looks are over then.
    """
    began, first, done, ended = 0.0, 0, 0, 0.0
    try:
        for event in step:
            if isinstance(event, Progress) and event.step == name and event.done >= warm:
                now = time.perf_counter()
                if not began:
                    began, first = now, event.done
                    continue
                done, ended = event.done, now
                if now - began >= seconds:
                    break
    finally:
        step.close()
    return ((done - first) / (ended - began), done - first) if done > first else (0.0, 0)


def headed(backbone: Backbone, classes: int) -> Net:
    """The backbone with a head that knows nothing, ready for ``loop_state.Training``."""
    return Net(backbone.freeze_norm(), linear(torch.zeros(classes, backbone.dim), torch.zeros(classes)))


def apart(found: Tensor | FloatArray, wanted: Tensor | FloatArray) -> float:
    """The largest difference, as a share of the largest value that is wanted. Infinite where one is no number."""
    a, b = (torch.as_tensor(each).detach().to(CPU).double() for each in (found, wanted))
    share = float((a - b).abs().max() / b.abs().max().clamp_min(1e-30))
    return share if share == share else float("inf")


def cosine(found: Tensor | FloatArray, wanted: Tensor | FloatArray) -> float:
    """The smallest cosine between rows; 0 where one is no number."""
    a, b = (torch.as_tensor(each).detach().to(CPU).double().flatten(1) for each in (found, wanted))
    return float(torch.nan_to_num(torch.nn.functional.cosine_similarity(a, b, dim=1), nan=0.0).min())


def between(found: Mapping[str, FloatArray], wanted: Mapping[str, FloatArray]) -> float:
    """The largest difference between probabilities of the same phases; infinite where the phases differ."""
    if found.keys() != wanted.keys():
        return float("inf")
    return max(float(np.abs(found[name] - wanted[name]).max()) for name in wanted)


def installed(module: str) -> bool:
    """Whether a library can be imported."""
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def told(step: Step[T]) -> tuple[T, list[Event]]:
    """(the result of a step, all that it told)."""
    events: list[Event] = []
    return finish(step, events.append), events
