"""Features on disk: one raw file of rows per backbone, appended as they are computed.

    x.f32         rows of D little-endian float32
    digests.txt   one line a row: which image bytes it belongs to
    meta.json     D, and what the features were made with
    pca.npz       mean (D,) and basis (D, P) of a PCA fitted on M rows; P is at most 128
    pca-M.f32     rows of P float32: the projection of the first rows of x.f32 on that basis
    shards/       rows that other machines computed, where they did: ``feature_shards``. Read only; those of the
                  digests in forgotten.txt count no more

The rows are on disk before their digests, and a half-written end is cut off when the file
is opened for writing, so a kill at any moment loses at most one batch. One writer at a
time; any number of readers beside it. Everything here can be made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fact_core.errors import RunError, StorageError, storage_error
from fact_core.files import write_arrays, write_text
from fact_core.storage.feature_shards import FeatureShards, shard_names
from fact_core.types import FloatArray, IntArray

PCA_DIM = 128
PCA_ROWS = 20_000  # rows that the basis is fitted on, spread evenly
CHUNK = 4096  # rows handled at a time
FLOAT = np.dtype("<f4")


class FeatureStore:
    """The features of one backbone. ``FeatureStore(folder)`` reads; ``FeatureStore.open`` also writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.writable = False
        self.meta: dict[str, Any] = {}
        self.dim = 0
        self._rows: dict[str, int] = {}
        self._shards: FeatureShards | None = None
        self._apart: dict[str, int] = {}  # the rows of the shards, each as -1 minus its number there
        self._seen = -1  # size of digests.txt when it was read last
        self._load_meta()
        self._load_rows()
        self._load_shards()

    @classmethod
    def open(cls, folder: Path, dim: int, meta: Mapping[str, Any] | None = None) -> FeatureStore:
        """Open for writing; made if it is not there. One of another width is damaged and starts anew."""
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            store = cls(folder)
            if store.dim != dim:
                for leftover in (each for each in store.folder.iterdir() if each.is_file()):
                    leftover.unlink()
                about = json.dumps({**(meta or {}), "dim": dim}, indent=1)
                write_text(store._path("meta.json"), about, "opening the features")
                store = cls(folder)
            store.writable = True
            store._cut()
        except OSError as error:
            raise storage_error(error, "opening the features") from error
        return store

    def __len__(self) -> int:
        return len(self._rows) + len(self._apart)

    def append(self, digests: Sequence[str], x: npt.NDArray[np.floating[Any]]) -> None:
        """Add rows x (b, D) for images that have none yet; safe on disk when it returns.

        Errors: RunError when a number is not finite; StorageError, and nothing is added, when the disk is full.
        """
        if not self.writable:
            raise StorageError("These features are open for reading only", str(self.folder))
        if x.shape != (len(digests), self.dim):
            raise ValueError(f"{len(digests)} digests need rows of {self.dim} numbers, not {x.shape}")
        fresh = {digest: row for row, digest in enumerate(digests) if self._row(digest) is None}
        block = np.ascontiguousarray(x[list(fresh.values())], dtype=FLOAT)
        if not np.isfinite(block).all():
            raise RunError("The backbone gave features that are not numbers", do="Try another device or other weights.")
        try:
            _append(self._path("x.f32"), block.tobytes())
            _append(self._path("digests.txt"), "".join(f"{digest}\n" for digest in fresh).encode())
        except OSError as error:
            self._cut()
            raise storage_error(error, "writing the features") from error
        self._rows.update({digest: len(self._rows) + place for place, digest in enumerate(fresh)})
        self._seen = self._size("digests.txt")

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Those that have no row yet, each once, in order."""
        self._load_rows()
        self._load_shards()
        return [digest for digest in dict.fromkeys(digests) if self._row(digest) is None]

    def forget(self, digests: Iterable[str]) -> int:
        """Take away the rows of images that are decoded in another way now; how many. Their room is not used again."""
        digests = list(digests)
        gone = {row for digest in digests if (row := self._rows.get(digest)) is not None}
        apart = [digest for digest in digests if self._apart.pop(digest, None) is not None]
        if apart:  # a shard never changes
            told = "".join(f"{digest}\n" for digest in [*self._forgotten(), *apart])
            write_text(self._path("forgotten.txt"), told, "writing the features")
        if gone:
            names = [f"-{row}" if row in gone else digest for digest, row in self._rows.items()]
            write_text(self._path("digests.txt"), "".join(f"{name}\n" for name in names), "writing the features")
            self._seen = -1
            self._load_rows()
        return len(gone) + len(apart)

    def gather(self, digests: Sequence[str]) -> FloatArray:
        """x (N, D): the rows of the given images. KeyError when one has none."""
        return self._read("x.f32", self.dim, self._where(digests))

    def projected(self, digests: Sequence[str]) -> FloatArray:
        """(N, min(128, D)): the features seen along their main directions. KeyError when one has no row.

        The basis is fitted at the first call, and again when there are twice as many rows. A reader
        computes what the writer has not stored yet.
        """
        rows = self._where(digests)
        mean, basis, name = self._basis()
        width = basis.shape[1]
        if self.writable:
            self._project_new(mean, basis, name)
        stored = self._size(name) // (FLOAT.itemsize * width)
        out = np.empty((len(rows), width), dtype=np.float32)
        known = (rows >= 0) & (rows < stored)
        out[known] = self._read(name, width, rows[known])
        others = np.flatnonzero(~known)
        for start in range(0, len(others), CHUNK):
            part = others[start : start + CHUNK]
            out[part] = (self._read("x.f32", self.dim, rows[part]) - mean) @ basis
        return out

    def _where(self, digests: Sequence[str]) -> IntArray:
        if any(self._row(digest) is None for digest in digests):
            self._load_rows()
            self._load_shards()
        found = [(digest, self._row(digest)) for digest in digests]
        return np.array([self._rows[digest] if row is None else row for digest, row in found], dtype=np.int64)

    def _row(self, digest: str) -> int | None:
        row = self._rows.get(digest)
        return self._apart.get(digest) if row is None else row

    def _read(self, name: str, width: int, rows: IntArray) -> FloatArray:
        if not len(rows):
            return np.zeros((0, width), dtype=np.float32)
        if self._shards is not None and (apart := rows < 0).any():
            out = np.empty((len(rows), width), dtype=np.float32)
            out[apart] = self._shards.rows(-1 - rows[apart])
            out[~apart] = self._read(name, width, rows[~apart])
            return out
        try:
            mapped = np.memmap(self._path(name), dtype=FLOAT, mode="r")
            return np.asarray(mapped[: len(mapped) // width * width].reshape(-1, width)[rows], dtype=np.float32)
        except OSError as error:
            raise storage_error(error, "reading the features") from error

    def _basis(self) -> tuple[FloatArray, FloatArray, str]:
        """Mean (D,), basis (D, P) and the name of the file of projections; stored, or fitted now."""
        try:
            with open(self._path("pca.npz"), "rb") as file, np.load(file, allow_pickle=False) as kept:
                mean, basis, fitted = kept["mean"], kept["basis"], int(kept["rows"])
            if basis.shape[0] == self.dim and not (self.writable and len(self) >= 2 * fitted):
                return mean, basis, f"pca-{fitted}.f32"
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # not there or damaged: it can be made again
        mean, basis = self._fit()
        if not self.writable:
            return mean, basis, "pca-none.f32"
        try:
            for old in self.folder.glob("pca-*.f32"):
                old.unlink()
        except OSError as error:
            raise storage_error(error, "writing the features") from error
        about: dict[str, npt.ArrayLike] = {"mean": mean, "basis": basis, "rows": np.int64(len(self))}
        write_arrays(self._path("pca.npz"), about, "writing the features")
        return mean, basis, f"pca-{len(self)}.f32"

    def _fit(self) -> tuple[FloatArray, FloatArray]:
        """PCA; the largest entry of each direction is positive, so it is reproducible."""
        if not len(self):
            raise StorageError("There are no features yet", str(self.folder))
        some = np.unique(np.linspace(0, len(self) - 1, min(len(self), PCA_ROWS)).astype(np.int64))
        every = np.fromiter((*self._rows.values(), *self._apart.values()), dtype=np.int64, count=len(self))
        x = self._read("x.f32", self.dim, every[some])
        mean, width = x.mean(axis=0, dtype=np.float64), min(PCA_DIM, self.dim)
        vectors = _of_few(x - mean, width) if 4 * len(x) <= self.dim else _of_many(x, mean, width)
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
        return mean.astype(np.float32), (vectors * signs).astype(np.float32)

    def _project_new(self, mean: FloatArray, basis: FloatArray, name: str) -> None:
        """Append the projections of the rows that have none, chunk by chunk."""
        file, bytes_a_row = self._path(name), FLOAT.itemsize * basis.shape[1]
        try:
            done = self._size(name) // bytes_a_row
            _cut_to(file, done * bytes_a_row)
            for start in range(done, len(self._rows), CHUNK):
                rows = np.arange(start, min(start + CHUNK, len(self._rows)))
                block = (self._read("x.f32", self.dim, rows) - mean) @ basis
                _append(file, np.ascontiguousarray(block, dtype=FLOAT).tobytes())
        except OSError as error:
            raise storage_error(error, "writing the features") from error

    def _load_meta(self) -> None:
        try:
            self.meta = dict(json.loads(self._path("meta.json").read_text(encoding="utf-8")))
            self.dim = int(self.meta["dim"])
        except (OSError, ValueError, KeyError, TypeError):
            self.meta, self.dim = {}, 0

    def _load_rows(self) -> None:
        """Read the digests again when there are new ones. Only whole lines with a whole row count."""
        if self.dim == 0 or self._size("digests.txt") == self._seen:
            return
        try:
            content = self._path("digests.txt").read_bytes()
        except OSError:
            content = b""
        self._seen = len(content)
        lines = content[: content.rfind(b"\n") + 1].decode("utf-8", "replace").splitlines()
        whole = self._size("x.f32") // (FLOAT.itemsize * self.dim)
        self._rows = {digest: row for row, digest in enumerate(lines[:whole])}

    def _load_shards(self) -> None:
        """Look for rows of other machines again when there are new ones."""
        names = shard_names(self.folder) if self.dim else []
        if names == (self._shards.names if self._shards is not None else []):
            return
        self._shards = FeatureShards(self.folder)
        self._apart = {line["digest"]: -1 - row for row, line in enumerate(self._shards.each())}
        for digest in (*self._rows, *self._forgotten()):
            self._apart.pop(digest, None)

    def _forgotten(self) -> list[str]:
        """Digests whose rows in the shards count no more."""
        file = self._path("forgotten.txt")
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def _cut(self) -> None:
        """Cut both files to the rows that are whole in both."""
        rows = len(self._rows)
        lines = self._path("digests.txt").read_bytes().splitlines(keepends=True) if self._seen > 0 else []
        _cut_to(self._path("x.f32"), rows * self.dim * FLOAT.itemsize)
        _cut_to(self._path("digests.txt"), sum(len(line) for line in lines[:rows]))
        self._seen = self._size("digests.txt")

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except OSError:
            return 0


def _of_many(x: FloatArray, mean: FloatArray, width: int) -> FloatArray:
    """(D, width): directions of rows x (N, D) about their mean, by the eigenvectors of the covariance."""
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), CHUNK):
        centred = x[start : start + CHUNK] - mean
        covariance += centred.T @ centred
    found: FloatArray = np.linalg.eigh(covariance)[1][:, ::-1][:, :width]
    return found


def _of_few(centred: FloatArray, width: int) -> FloatArray:
    """The same for rows (N, D) fewer than D, which span N directions: those of a covariance would take a second.

    Behind them any others at right angles, which show what rows of later have beside.
    """
    spanned = np.linalg.svd(centred, full_matrices=False)[2].T
    found: FloatArray = np.linalg.qr(np.hstack([spanned, np.eye(len(spanned), width)]))[0][:, :width]
    return found


def _append(file: Path, content: bytes) -> None:
    with open(file, "ab") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _cut_to(file: Path, size: int) -> None:
    if file.exists() and file.stat().st_size > size:
        os.truncate(file, size)
