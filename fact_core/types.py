"""The central types. Plain frozen dataclasses of numpy arrays; no storage, no torch."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from fact_core.events import Event

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

T = TypeVar("T")

#: A long step yields events and returns its result; stopping it is ``close()``.
Step = Generator[Event, None, T]

#: ``pick``: chosen by the strategy, trained on. ``audit``: a check image, drawn at
#: random, labeled after the picks and never trained on.
Role = Literal["pick", "audit"]


@dataclass(frozen=True)
class Item:
    """One image file. ``path`` is relative to the image folder, with ``/``; ``digest`` is of its bytes."""

    id: int
    path: str
    digest: str
    width: int
    height: int
    deep: str = ""  # the kind of pixels with more than 8 bits; see ``images.pixels``


@dataclass(frozen=True)
class ImageFile:
    """An image file as a scan has seen it: with the digest of its bytes (``images.source``)."""

    path: Path
    digest: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.name

    def __str__(self) -> str:
        return str(self.path)


#: A file whose bytes are known, or any file as it lies there.
Source = Path | ImageFile


def path_of(source: Source) -> Path:
    """Where the file lies."""
    return source.path if isinstance(source, ImageFile) else source


@dataclass(frozen=True)
class Pool:
    """The images in one fixed order: row i is the same image everywhere."""

    root: Path
    ids: IntArray  # (N,)
    paths: tuple[str, ...]  # N, relative to root
    digests: tuple[str, ...]  # N

    def __len__(self) -> int:
        return len(self.paths)

    def file(self, row: int) -> Path:
        """The absolute path of one row."""
        return self.root / self.paths[row]

    def source(self, row: int) -> ImageFile:
        """The file of one row, to be read only with the bytes that were scanned."""
        return ImageFile(self.file(row), self.digests[row])

    def sources(self, rows: IntArray | range | None = None) -> list[ImageFile]:
        """The files of these rows, else of all."""
        return [self.source(int(row)) for row in (range(len(self)) if rows is None else rows)]

    def rows(self, ids: IntArray) -> IntArray:
        """Row numbers of the given ids (M,). KeyError when one is not in the pool."""
        where = {int(i): row for row, i in enumerate(self.ids)}
        return np.array([where[int(i)] for i in ids], dtype=np.int64)


@dataclass(frozen=True)
class PoolFacts:
    """What is known of the pool's images beside their pixels, row by row; groups are found from it.

    taken: seconds since 1970 by the camera's clock, 0 where unknown. given: the group that a file of labels names.
    x: features, None where there are none yet. classes: the project's class names.
    """

    paths: tuple[str, ...]  # N
    taken: npt.NDArray[np.float64]  # (N,)
    cameras: tuple[str, ...]  # N
    given: tuple[str, ...]  # N, "" is none
    classes: tuple[str, ...] = ()
    x: FloatArray | None = None  # (N, D)

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True)
class Labels:
    """A snapshot of the labels. ``y`` indexes ``classes``; classes without a label may be listed."""

    ids: IntArray  # (M,)
    y: IntArray  # (M,)
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """The chosen images in labeling order, and the candidates that replace rejected ones."""

    ids: IntArray  # (K,)
    roles: tuple[Role, ...]  # K
    next_best: IntArray  # (R,)
    strategy: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassReport:
    """One class on held-out labels. ``found`` of ``n`` images of it (recall), and of ``named`` answers (precision).

    recall, precision: their 95 % intervals.
    """

    name: str
    n: int
    found: int
    named: int
    recall: tuple[float, float] = (0.0, 1.0)
    precision: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies from low to high: how many, how sure on average, and which share is right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Covered:
    """The surest answers: which share of all, how sure the least of them is, and which share of them is right."""

    share: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class About:
    """What is known of held-out images beside their classes, row by row; None where nothing is.

    groups (n,): images of one number belong together; strata (n,): images of one number were drawn for themselves;
    leaks (n,): whether it belongs together with a training image, or looks nearly the same; scaled (n,): the
    confidence after a temperature.
    """

    groups: IntArray | None = None
    strata: IntArray | None = None
    leaks: npt.NDArray[np.bool_] | None = None
    temperature: float = math.nan
    scaled: npt.NDArray[np.floating] | None = None


@dataclass(frozen=True)
class Report:
    """How good a classifier is, and what that rests on.

    accuracy in 0..1; interval is its 95 % interval (``analysis.intervals``); confusion (K, K) has true classes in rows
    and answers in columns; macro_f1 is the mean over the classes that have an image; ece is the expected calibration
    error over ``bins``. groups: how many groups the images lie in, 0 where each stands alone. leaks: images that belong
    together with a training image or look nearly the same; clean: (right, n) of the others, where there are leaks.
    temperature: what the logits are divided by to make confidences honest, with ece_scaled and bins_scaled after it.
    """

    basis: str  # e.g. "40 check images", "cross-validation on 50 labels"
    n: int
    accuracy: float
    interval: tuple[float, float]
    per_class: tuple[ClassReport, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece: float
    macro_f1: float = math.nan
    bins: tuple[Bin, ...] = ()
    coverage: tuple[Covered, ...] = ()
    groups: int = 0
    leaks: int = 0
    clean: tuple[int, int] | None = None
    temperature: float = math.nan
    ece_scaled: float = math.nan
    bins_scaled: tuple[Bin, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What a promise about a model's answers rests on (``analysis.promise``).

    ids, y, confidence (N,): the open images that may be accepted: answered by the model, nothing said of them by a
    person, not unlike every class; y: places in ``classes``, whose numbers are ``class_ids``. strange: how many open
    images may not be, -1 where the answers do not say. check_confidence, check_right (n,): of the check images that may
    be counted; check_y (n,): their answers, as y; check_groups (n,): images of one number belong together; leaks: how
    many others belong together with a training image or look nearly the same; unlike: how many others look unlike every
    class, or are answered by one that is gone; imported: how many others nobody has drawn, but an import made them
    check images; refused: how many of those counted have no class from the person, and are wrong for it; left_out:
    how many were drawn and lie in no pool any more, since the person has left them out. gone (g,): confidences of
    images that a person took out since the check images were drawn. basis: what the check images say, in short: the
    same for the same answers to the same images.
    """

    ids: IntArray
    y: IntArray
    confidence: FloatArray
    classes: tuple[str, ...]
    class_ids: tuple[int, ...]
    check_confidence: FloatArray
    check_right: npt.NDArray[np.bool_]
    check_groups: IntArray | None = None
    strange: int = 0
    leaks: int = 0
    unlike: int = 0
    imported: int = 0
    refused: int = 0
    left_out: int = 0
    gone: FloatArray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    basis: str = ""
    check_y: IntArray | None = None

    @property
    def open(self) -> int:
        """How many images are open in all."""
        return len(self.ids) + max(0, self.strange)
