"""Rows of features, or of a classifier's answers, for pools of millions of images, by Ray Data on one machine or many.

Ray reads (``pool_sources``), shares the images out among workers that each hold the network (``pool_rows``), and starts
a worker anew that dies. Rows are written as shards (``storage.feature_shards``). The same order again computes what has
no row yet: files that failed are tried again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import posixpath
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fact_core import processor
from fact_core.errors import ConfigError, FactError, InputError, RunError, storage_error
from fact_core.events import Log, Progress
from fact_core.files import Lock, take_lock
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import FOLDER, FeatureShards, Marks, known, shard_names
from fact_core.types import IntArray, Step
from fact_core.work import pool_rows
from fact_core.work.pool_changed import changed
from fact_core.work.pool_rows import Model
from fact_core.work.pool_sources import Source, entry

WANTED = "ray[data]>=2.60,<2.61"  # as in pyproject.toml
GIVEN, TURNS = 256, 4  # images that a worker is given at a time; fewer where it would have less than so many turns
ASK_SECONDS, READING = 1.0, 0.25
SHOWN = 5  # images that are named
PROGRAM = Path(__file__).resolve().parents[1]  # goes to the machines of a cluster, which need its packages alone


@dataclass(frozen=True)
class Order:
    """Rows of which images go where. rows: of a shard. column: of a Parquet table that holds the paths."""

    sources: tuple[Source, ...]
    to: Path
    rows: int = 10_000
    column: str = "path"
    device: str = "auto"
    batch: int = 64


@dataclass(frozen=True)
class Cluster:
    """Ray, connected: so many processes with a network each, and so many GPUs (0 or 1) for each."""

    ray: Any
    workers: int
    gpus: int


@dataclass(frozen=True)
class Job:
    """The shards of one source: how their names begin, D, images (0: not known), how many a worker is given."""

    name: str
    dim: int
    total: int
    given: int


def needed() -> Any:
    """Ray, which is an extra. ConfigError that says how to install it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    try:
        import ray.data
    except ImportError as error:
        do = f"Install it: {sys.executable} -m pip install '{WANTED}' (or the extra: fact-studio[ray])."
        raise ConfigError("This needs Ray Data, which is not installed", str(error), do) from error
    return ray


def run(order: Order, model: Model, cluster: Cluster) -> Step[dict[str, Any]]:
    """Compute the rows that are missing. Figures: rows in all, new ones, files that failed, seconds, images a second.

    InputError when the folder holds rows of something else, or another process writes there; RunError as Ray says.
    """
    began, ray, workers = time.monotonic(), cluster.ray, cluster.workers
    about = pool_rows.about(model)
    with _only_writer(order.to):
        feature_shards.begin(order.to, about)
        yield from _without_changed(order)
        before = FeatureShards(order.to)
        marks = before.marks()
        if len(before):
            yield Log(f"{len(before):,} images have a row already.")
        yield Log(f"Ray {ray.__version__}, {workers} with a network{' and a GPU each' if cluster.gpus else ''}.")
        marks_ref, model_ref = ray.put(marks), ray.put(model)
        for number, source in enumerate(order.sources):
            sink = f"{time.time_ns() // 1000:015d}-{number:03d}"
            left = _left(source, marks)
            if left is None or len(left):
                given = GIVEN if left is None else max(1, min(GIVEN, len(left) // (TURNS * workers)))
                data = _images(ray, source, order.column, (left, given), marks_ref if len(marks) else None)
                total = 0 if left is None else len(left)
                yield from _written(cluster, order, data, model_ref, Job(sink, about["dim"], total, given))
    after = FeatureShards(order.to)
    seconds, new = time.monotonic() - began, len(after) - len(before)
    failed = after.failed()
    figures = {"rows": len(after), "new": new, "failed": len(failed), "seconds": seconds, "workers": workers}
    return {**figures, "images_per_s": new / seconds, "first_failed": dict(list(failed.items())[:20])}


def _without_changed(order: Order) -> Step[None]:
    """Take the shards away that hold rows of images which have other bytes now, so that they are made anew."""
    stored = FeatureShards(order.to)
    if len(stored) and any(source.kind == "parquet" for source in order.sources):
        yield Log(
            "Images that a table names are not looked at again: who has other bytes now keeps the row of the old."
        )
    if others := changed(order.sources, stored):
        images = [image for listed in others.values() for image in listed]
        files = f"{len(images):,} images have" if len(images) != 1 else "1 image has"
        shards = f"{len(others):,} shards that hold" if len(others) != 1 else "The shard that holds"
        yield Log(
            f"{files} other bytes than when the rows were made: {', '.join(images[:SHOWN])}"
            f"{', ...' if len(images) > SHOWN else ''}. {shards} them {'are' if len(others) != 1 else 'is'} made anew.",
            "warning",
        )
        feature_shards.drop(order.to, list(others))


def _only_writer(folder: Path) -> Lock:
    """Hold the folder. InputError when another process writes there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, "opening the features") from error
    held = take_lock(folder / "writer.lock")
    if held is None:
        raise InputError("Another process writes rows into this folder", str(folder), "Wait for it to end.")
    return held


@contextlib.contextmanager
def connected(address: str = "", workers: int = 0, device: str = "auto") -> Iterator[Cluster]:
    """The Ray cluster of that address, which this machine is part of, or one that starts here and ends with the block.

    workers: processes with a network, 0: one a GPU, else one a core but one here, but two on a cluster. device: theirs.
    ConfigError when it has not so many; RunError when there is none.
    """
    if address.startswith("ray://"):  # then the shards would be written by another machine, which has another disk
        do = "Start the command on a machine of the cluster, with --address auto."
        raise ConfigError("A Ray client cannot write shards on this machine", address, do)
    ray = needed()
    wanted = workers or max(1, processor.cores() - 1)
    # One core is for reading and one for writing: with none left a stage would wait for ever.
    # "local": else it would join a cluster that somebody has started here.
    own = {"address": "local", "num_cpus": max(wanted + 2, processor.cores()), "include_dashboard": False}
    given = {"address": address, "runtime_env": {"py_modules": [str(PROGRAM)]}} if address else own
    try:
        ray.init(**given, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # a node that is not up in time is a plain one
        raise RunError("Ray cannot be started", str(error), "Check the address and Ray's version there.") from error
    try:
        _quiet(ray)
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0)) if device != "cpu" else 0
        if device.startswith("cuda") and not gpus:
            raise ConfigError("The Ray cluster has no GPU", f"device {device}", "Choose the device cpu.")
        most = gpus or int(found.get("CPU", 1)) - 2
        workers = workers or gpus or (most if address else wanted)
        if not 1 <= workers <= most:
            raise ConfigError("There are not so many workers on the cluster", str(workers), f"At most {most}.")
        yield Cluster(ray, workers, int(bool(gpus)))
    finally:
        ray.shutdown()


def _quiet(ray: Any) -> None:
    """Our own lines tell how far it is."""
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _left(source: Source, marks: Marks) -> IntArray | None:
    """Which of the files of a source have no row yet; None where nobody knows before they are read."""
    if source.kind != "images":
        return None
    return np.flatnonzero(~known(marks, [source.before + path for path in source.paths])).astype(np.int64)


def _images(ray: Any, source: Source, column: str, left: tuple[IntArray | None, int], marks: Any) -> Any:
    """A dataset of image and bytes, without the images that have a row.

    left: (which files, how many are read together). marks: a reference to those that have a row, None for none.
    """
    from pyarrow import fs

    from fact_core.work.ray_parts import AT_ONCE, Archives, Fetched, Fresh

    files = source.files or fs.LocalFileSystem()
    fresh = Fresh(marks) if marks is not None else None
    if source.kind == "webdataset":
        archives = Archives(list(source.paths), source.before, filesystem=files)
        data = ray.data.read_datasource(archives, override_num_blocks=len(source.paths))
        return data.map_batches(fresh, batch_format="pyarrow") if fresh else data
    if source.kind == "parquet":
        data, files = _table(ray, source, files, column)
        data = data.map_batches(fresh, batch_format="pyarrow") if fresh else data
    else:
        paths = [source.paths[row] for row in left[0]] if left[0] is not None else list(source.paths)
        data = ray.data.from_arrow(_blocks(source.before, paths, left[1]))
    # Less than a core: reading waits. Another share than a worker has, too, so that it is no part of its work.
    return data.map_batches(Fetched(files), batch_size=AT_ONCE, batch_format="pyarrow", num_cpus=READING)


def _blocks(before: str, paths: Sequence[str], count: int) -> list[Any]:
    """Tables of image and where, ``count`` paths each."""
    import pyarrow

    parts = [list(paths[start : start + count]) for start in range(0, len(paths), count)]
    return [pyarrow.table({"image": [before + path for path in part], "where": part}) for part in parts]


def _table(ray: Any, source: Source, files: Any, column: str) -> tuple[Any, Any]:
    """(dataset of image and where, the file system) of Parquet tables that hold addresses, or paths from the table."""
    import pyarrow
    from pyarrow import parquet

    folder = posixpath.dirname(source.paths[0])
    with files.open_input_file(source.paths[0]) as opened:
        table = parquet.ParquetFile(opened)
        if column not in (names := table.schema_arrow.names):
            raise InputError("The table has no such column", f"{column}; it has {', '.join(names)}", "Give --column.")
        first = next((each for each in table.iter_batches(1, columns=[column])), None)
    found, _ = entry(str(first[column][0]), folder) if first else (None, "")
    data = ray.data.read_parquet(list(source.paths), filesystem=files).select_columns([column])

    def where(table: Any) -> Any:
        entries = [str(each) for each in table.column(column).to_pylist()]
        return pyarrow.table({"image": entries, "where": [entry(each, folder)[1] for each in entries]})

    return data.map_batches(where, batch_format="pyarrow"), found or files


def _written(cluster: Cluster, order: Order, data: Any, model: Any, job: Job) -> Step[None]:
    """Pull the dataset through the workers into shards; progress by what is written."""
    from fact_core.work.ray_parts import Shards, Worker

    rows = data.map_batches(
        Worker,
        fn_constructor_args=(model, order.device, order.batch),
        batch_size=job.given,
        batch_format="pyarrow",
        compute=cluster.ray.data.ActorPoolStrategy(size=cluster.workers),
        num_cpus=0 if cluster.gpus else 1,
        num_gpus=cluster.gpus,
    )
    failure: list[BaseException] = []

    def write() -> None:
        try:
            rows.write_datasink(Shards(order.to, job.name, job.dim, order.rows))
        except BaseException as error:  # told in the thread that asked
            failure.append(error)

    thread, began, seen, done = threading.Thread(target=write, daemon=True), time.monotonic(), set[str](), 0
    thread.start()
    while thread.is_alive():
        thread.join(ASK_SECONDS)
        for name in {each for each in shard_names(order.to) if each.startswith(job.name)} - seen:
            seen.add(name)
            done += _lines(order.to / FOLDER / f"{name}.jsonl")
        rate = done / max(time.monotonic() - began, 1e-9)
        seconds = (job.total - done) / rate if rate and job.total > done else None
        yield Progress("rows", done, job.total, "images", rate, seconds)
    if failure:
        raise _told(failure[0]) from failure[0]


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def _told(error: BaseException) -> BaseException:
    """Our own error where that is what Ray met; else Ray's in words."""
    inner: BaseException | None = error
    while inner is not None:
        cause = getattr(inner, "cause", None)
        if isinstance(inner, FactError):
            return inner
        inner = cause if isinstance(cause, BaseException) else inner.__cause__
    if isinstance(error, Exception):
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        return RunError("Ray could not do the work", last, "The same command goes on from what is written.")
    return error
