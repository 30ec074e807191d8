"""The parts that Ray Data puts together for a large pool. Imported only where Ray is installed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import ray
from ray.data import Datasink
from ray.data.block import BlockAccessor
from ray.data.datasource import FileBasedDatasource

from fact_core.images.decode import EXTENSIONS
from fact_core.images.folder import NO_TEXT, as_text
from fact_core.storage.feature_shards import known, write_shard
from fact_core.work.pool_rows import UNREAD, RowMaker

#: Images, and bytes of them, that an archive's reader hands on at a time; files that are read at once.
AT_ONCE, BYTES_AT_ONCE, READERS = 64, 32_000_000, 16
IMAGES = pyarrow.schema([("image", pyarrow.string()), ("bytes", pyarrow.large_binary()), ("error", pyarrow.string())])


class Archives(FileBasedDatasource):  # type: ignore[misc]  # Ray is untyped here
    """WebDataset archives: each image file in a tar is an image, called ``before`` + the tar + "/" + its own name.

    Ray's own reader of them ends the whole work where one archive is cut off, and forgets what it had read of it. Here
    its images count up to there, and the archive is told among the failures.
    """

    _FILE_EXTENSIONS = ("tar",)

    def __init__(self, paths: list[str], before: str, **options: Any) -> None:
        super().__init__(paths, **options)
        self.before = before

    def _read_stream(self, stream: Any, path: str) -> Iterator[Any]:
        """Tables of ``IMAGES``."""
        waiting: list[tuple[str, bytes | None, str]] = []
        name = self.before + path
        try:
            raw = _Raw(stream)
            read = io.BufferedReader(raw, 1 << 20)
            with tarfile.open(fileobj=read, mode="r|") as archive:
                for member in archive:
                    if member.isreg() and Path(member.name).suffix.lower() in EXTENSIONS:
                        if (shown := as_text(member.name)) != member.name:  # no table of text can name it
                            waiting.append((f"{name}/{shown}", None, NO_TEXT))
                            continue
                        file = archive.extractfile(member)
                        content = file.read() if file else b""
                        if len(content) != member.size:
                            raise tarfile.ReadError("unexpected end of data")
                        waiting.append((f"{name}/{member.name}", content, ""))
                    if len(waiting) >= AT_ONCE or sum(len(each[1] or b"") for each in waiting) > BYTES_AT_ONCE:
                        yield _table(waiting)
                        waiting = []
            if any(iter(read.read())) or any(raw.end):  # where it stops in the midst, Python's reader says nothing
                raise tarfile.ReadError("no mark of its end")
        except (tarfile.TarError, EOFError, OSError) as error:
            waiting.append((name, None, f"The archive cannot be read to its end: {error}"))
        if waiting:
            yield _table(waiting)


class _Raw(io.RawIOBase):
    """pyarrow's stream as Python's. end: the last bytes that were read, which are zeros in an archive that is whole."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.end = stream, b"cut off"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.stream.read(len(buffer))
        buffer[: len(content)] = content
        self.end = (self.end + content)[-tarfile.BLOCKSIZE :] if content else self.end
        return len(content)


class Fresh:
    """Leaves out the images of the table that have a row already. marks: a reference to those that have."""

    def __init__(self, marks: Any) -> None:
        self.marks = marks

    def __call__(self, table: Any) -> Any:
        done = known(ray.get(self.marks), table.column("image").to_pylist())
        return table.filter(pyarrow.array(~done))


class Fetched:
    """Reads the files of a table of image and where, by what pyarrow opens; tables of ``IMAGES``.

    Not Ray's own ``download``: where its threads import a module at once, it loses files at random (136 of 764 here),
    and it never says why there are no bytes.
    """

    def __init__(self, files: Any) -> None:
        self.files = files

    def __call__(self, table: Any) -> Any:
        where = table.column("where").to_pylist()
        with ThreadPoolExecutor(READERS) as pool:
            read = list(pool.map(self._one, where))
        rows = zip(table.column("image").to_pylist(), read, strict=True)
        return _table([(image, *found) for image, found in rows])

    def _one(self, where: str) -> tuple[bytes | None, str]:
        """(its bytes or None, why there are none)."""
        try:
            with self.files.open_input_stream(where) as stream:
                return stream.read(), ""
        except FileNotFoundError:
            return None, "The file is gone"
        except (OSError, ValueError) as error:
            return None, f"{UNREAD} ({(str(error).splitlines() or [''])[0][:200]})"


class Worker:
    """A process with the network: tables of image and bytes in, rows out. model: a reference to it."""

    def __init__(self, model: Any, device: str, batch: int) -> None:
        self.make = RowMaker(ray.get(model), device, batch)

    def __call__(self, table: Any) -> dict[str, Any]:
        """image, digest, error (n,); x (n, D)."""
        rows = self.make(table.column("bytes").to_pylist(), table.column("error").to_pylist())
        images = np.array(table.column("image").to_pylist(), dtype=object)
        texts = (np.array(each, dtype=object) for each in (rows.digests, rows.errors))
        return {"image": images, **dict(zip(("digest", "error"), texts, strict=True)), "x": rows.x}


class Shards(Datasink):  # type: ignore[misc, type-arg]
    """Writes rows as shards of ``rows`` each, on the machine that was asked: no other one needs its disk."""

    def __init__(self, folder: Path, run: str, dim: int, rows: int) -> None:
        self.folder, self.run, self.dim, self.most = folder, run, dim, rows

    @property
    def supports_distributed_writes(self) -> bool:
        """No: features are small beside their images, and go over the network once."""
        return False

    @property
    def min_rows_per_write(self) -> int:
        """Rows of a shard."""
        return self.most

    def write(self, blocks: Iterable[Any], ctx: Any) -> tuple[int, int]:
        """A shard for each task; a task that Ray repeats writes the same one again. (rows, failures)."""
        parts = [BlockAccessor.for_block(block).to_numpy() for block in blocks]
        parts = [part for part in parts if len(part) and len(part["image"])]
        if not parts:
            return 0, 0
        image, digest, error = (np.concatenate([part[name] for part in parts]) for name in ("image", "digest", "error"))
        x = np.concatenate([np.asarray(part["x"], dtype=np.float32).reshape(-1, self.dim) for part in parts])
        good = np.array([not text for text in error], dtype=bool)
        about = [{"image": str(image[row]), "digest": str(digest[row])} for row in np.flatnonzero(good)]
        bad = [{"image": str(image[row]), "error": str(error[row])} for row in np.flatnonzero(~good)]
        write_shard(self.folder, f"{self.run}-{ctx.task_idx:06d}", about, x[good], bad)
        return len(about), len(bad)


def _table(rows: list[tuple[str, bytes | None, str]]) -> Any:
    return pyarrow.Table.from_arrays([list(each) for each in zip(*rows, strict=True)], schema=IMAGES)
