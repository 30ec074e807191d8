"""Rows of a large pool in many files, which are read as one.

    meta.json               D, and what the rows were made with
    shards/NAME.npy         rows (n, D) float32, as numpy saves them
    shards/NAME.jsonl       one line a row: {"image": its name or address, "digest": of its bytes}
    shards/NAME.bad.jsonl   one line a file that gave no row: {"image": ..., "error": why, in words}

A shard is there once its NAME.jsonl is, which is written last. It never changes, and nothing of it but its number of
rows is held in memory. The rows are numbered by the names of their shards, so that a number stays while no shard comes.
``FeatureStore`` finds them by their digests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fact_core.errors import InputError, RunError, StorageError, storage_error
from fact_core.files import array_bytes, write_file, write_text
from fact_core.types import FloatArray, IntArray

META, FOLDER = "meta.json", "shards"
BLOCK = 4096  # rows read at a time
Marks = npt.NDArray[np.uint64]


class FeatureShards:
    """The shards of a folder as one array (N, D), as they are when it is opened. Reading only; files are mapped."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.meta = _meta(self.folder)
        self.dim = int(self.meta.get("dim", 0))
        self.names: list[str] = []
        counts = []
        for name in shard_names(self.folder):
            shape = self._opened(name).shape
            if len(shape) == 2 and shape[1] == self.dim:  # else of features of another width, made anew since
                self.names.append(name)
                counts.append(shape[0])
        self.ends = np.cumsum(np.array(counts, dtype=np.int64))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return len(self), self.dim

    def rows(self, rows: IntArray) -> FloatArray:
        """x (M, D) of the given row numbers (M,), in any order. IndexError beyond the end."""
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)}")
        out = np.empty((len(rows), self.dim), dtype=np.float32)
        order = np.argsort(rows, kind="stable")  # a disk reads forwards
        for number, places in self._by_shard(rows, order):
            begin = self._begin(number)
            out[places] = self._opened(self.names[number])[rows[places] - begin]
        return out

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[int, FloatArray]]:
        """(number of its first row, rows (b, D)) for all rows in order, ``size`` at a time."""
        for number, name in enumerate(self.names):
            mapped, begin = self._opened(name), self._begin(number)
            for start in range(0, len(mapped), size):
                yield begin + start, np.array(mapped[start : start + size], dtype=np.float32)

    def about(self, rows: IntArray) -> list[dict[str, str]]:
        """{"image", "digest"} of each of the given rows (M,), in their order. Only their shards are read."""
        rows = np.asarray(rows, dtype=np.int64)
        found: list[dict[str, str]] = [{}] * len(rows)
        for number, places in self._by_shard(rows, np.argsort(rows, kind="stable")):
            lines = _lines(self.folder / FOLDER / f"{self.names[number]}.jsonl")
            for place in places.tolist():
                found[place] = lines[int(rows[place]) - self._begin(number)]
        return found

    def each(self) -> Iterator[dict[str, str]]:
        """{"image", "digest"} of all rows in order, a shard at a time."""
        for _, lines in self.by_shard():
            yield from lines

    def by_shard(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """(name of a shard, {"image", "digest"} of its rows), in order."""
        for number, name in enumerate(self.names):
            lines = _lines(self.folder / FOLDER / f"{name}.jsonl")
            yield name, lines[: int(self.ends[number]) - self._begin(number)]

    def marks(self) -> Marks:
        """``mark_of`` the images that have a row, ascending: 8 bytes an image, whatever the length of its name."""
        found = np.fromiter((mark_of(line["image"]) for line in self.each()), dtype=np.uint64, count=len(self))
        found.sort()
        return found

    def failed(self) -> dict[str, str]:
        """Image -> why it has no row, for those that have none in any shard."""
        told: dict[str, str] = {}
        for name in self.names:
            file = self.folder / FOLDER / f"{name}.bad.jsonl"
            told |= {line["image"]: line["error"] for line in (_lines(file) if file.exists() else [])}
        if told:
            for line in self.each():
                told.pop(line["image"], None)
        return dict(sorted(told.items()))

    def _begin(self, number: int) -> int:
        return int(self.ends[number - 1]) if number else 0

    def _by_shard(self, rows: IntArray, order: IntArray) -> Iterator[tuple[int, IntArray]]:
        """(number of a shard, places in ``rows`` that lie in it), for each shard that has one."""
        shards = np.searchsorted(self.ends, rows[order], side="right")
        for number in np.unique(shards).tolist():
            low, high = np.searchsorted(shards, [number, number + 1])
            yield number, order[low:high]

    def _opened(self, name: str) -> FloatArray:
        """The rows of a shard, mapped. Not held: a system lets a process map some 65,000 files."""
        try:
            found: FloatArray = np.load(self.folder / FOLDER / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            do = f"Remove the files that begin with {name}, and give the same command again."
            raise StorageError("A file of rows is damaged or gone", f"{self.folder / FOLDER / name}.npy", do) from error
        return found


def mark_of(image: str) -> int:
    """A number of 64 bits for the name of an image. Two of a thousand million are the same with a chance of 3 %."""
    return int.from_bytes(blake2b(image.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def known(marks: Marks, images: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(M,) whether each image is among the ascending marks."""
    asked = np.array([mark_of(image) for image in images], dtype=np.uint64)
    if not len(marks):
        return np.zeros(len(asked), dtype=bool)
    return np.asarray(marks[np.minimum(np.searchsorted(marks, asked), len(marks) - 1)] == asked)


def shard_names(folder: Path) -> list[str]:
    """The names of the shards that are whole, ascending."""
    try:
        there = set(os.listdir(Path(folder) / FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return []
    lists = (name.removesuffix(".jsonl") for name in there if name.endswith(".jsonl"))
    return sorted(name for name in lists if f"{name}.npy" in there)


def begin(folder: Path, about: Mapping[str, Any]) -> None:
    """Make the folder ready to take shards of what ``about`` says; half shards of a kill go. about: with "dim".

    InputError when it holds rows of something else. One writer at a time.
    """
    kept, meta = _meta(folder), dict(about)
    if kept and shard_names(folder) and any(kept.get(name) != value for name, value in meta.items()):
        other = ", ".join(f"{name} {kept.get(name)!r}" for name, value in meta.items() if kept.get(name) != value)
        raise InputError("The folder holds rows of something else", f"{folder}: {other}", "Give another folder.")
    try:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        for name in shard_names(folder):  # nothing but failures: they are tried again
            if (folder / FOLDER / f"{name}.jsonl").stat().st_size == 0:
                (folder / FOLDER / f"{name}.jsonl").unlink()
        whole = set(shard_names(folder))
        for file in (folder / FOLDER).iterdir():
            if file.name.partition(".")[0] not in whole:
                file.unlink()
    except OSError as error:
        raise storage_error(error, "opening the features") from error
    if {**kept, **meta} != kept:
        write_text(folder / META, json.dumps({**kept, **meta}, indent=1) + "\n", "opening the features")


def drop(folder: Path, names: Sequence[str]) -> None:
    """Take shards away, whole: their images have no row then. One writer at a time."""
    try:
        for name in names:
            (folder / FOLDER / f"{name}.jsonl").unlink(missing_ok=True)  # first: without it none of the rest counts
            for end in (".npy", ".bad.jsonl"):
                (folder / FOLDER / f"{name}{end}").unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, "opening the features") from error


def write_shard(
    folder: Path, name: str, about: Sequence[Mapping[str, str]], x: FloatArray, bad: Sequence[Mapping[str, str]] = ()
) -> None:
    """Write a shard, whole or not at all: rows x (n, D), what each is about, and the files that gave none.

    The same name again replaces it. RunError when a number is not finite; StorageError when the disk is full.
    """
    if not np.isfinite(x).all():
        raise RunError("The network gave numbers that are none", do="Try another device or other weights.")
    if len(x) != len(about):
        raise ValueError(f"{len(about)} images need as many rows, not {len(x)}")
    place = folder / FOLDER / name
    write_file(
        place.with_name(f"{name}.npy"), array_bytes(np.ascontiguousarray(x, dtype="<f4")), "writing the features"
    )
    if bad:
        write_file(place.with_name(f"{name}.bad.jsonl"), _jsonl(bad), "writing the features")
    write_file(place.with_name(f"{name}.jsonl"), _jsonl(about), "writing the features")


def _jsonl(lines: Sequence[Mapping[str, str]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _lines(file: Path) -> list[dict[str, str]]:
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise StorageError("A list of images is damaged or gone", str(file), "Remove its shard.") from error


def _meta(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((Path(folder) / META).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
