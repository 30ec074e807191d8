"""Large pools: features by Ray Data beside one process, with a worker and a whole command killed; ActiveFT by blocks.

Ray is an extra: without it its parts are left out, in words. Pictures are of 512 x 384, in files of their own bytes.
Each part that is killed must give the rows of one process: "apart" is the largest difference of a number.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from fact_core import backbones, processor
from fact_core.backbones import Backbone
from fact_core.bench.gpu import pictures
from fact_core.bench.rows import Row
from fact_core.choices import DEFAULT_BACKBONE
from fact_core.compute.device import describe
from fact_core.errors import ConfigError, RunError
from fact_core.events import Event, Log, Progress
from fact_core.features.extract import extract
from fact_core.generators import finish, map_events
from fact_core.images.folder import find_images
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import FeatureShards, shard_names, write_shard
from fact_core.types import FloatArray, Step
from fact_core.work import pool_sources, ray_pool

#: Pictures, and rows of a shard, by ``full``; rows (N, C), picks and bytes held of ActiveFT.
IMAGES, SHARD = {False: 256, True: 2560}, 64
CHOICE = {False: (200_000, 384, 500, 50_000_000), True: (4_000_000, 384, 10_000, 1_000_000_000)}
CPU = torch.device("cpu")
Rows = dict[str, FloatArray]


def run(full: bool) -> Step[dict[str, Any]]:
    """All parts; ``full``: ten times the pictures, twenty times the rows."""
    from fact_core.bench.scale_page import parts_table

    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        files = _pictures(folder / "pool", IMAGES[full])
        backbone = backbones.load(DEFAULT_BACKBONE)
        alone, row = yield from _alone(backbone, files)
        rows.append(row)
        try:
            ray_pool.needed()
        except ConfigError as error:
            yield Log(f"Left out: {error}", "warning")
        else:
            for part in (_by_ray, _worker_killed, _command_killed):
                rows.append((yield from part(backbone, folder, alone)))
                yield Log(f"{rows[-1]['part']}: {rows[-1]['images_per_s']:.1f} images/s, apart {rows[-1]['apart']:.1e}")
        rows.append((yield from _choice(folder, *CHOICE[full])))
        rows.append(_index())
    load = round(os.getloadavg()[2], 1) if hasattr(os, "getloadavg") else None
    about = {"device": describe(CPU), "load": load, "torch": str(torch.__version__)}
    rows = [{**row, **about} for row in rows]
    return {"text": parts_table(rows), "json": rows}


def _pictures(folder: Path, count: int) -> list[Path]:
    """Pictures of 512 x 384 whose bytes differ, and which are decoded as the same few."""
    finish(pictures.make(folder.with_name("made"), None))
    some = [each.read_bytes() for each in find_images(folder.with_name("made") / "large")]
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:06d}.jpg").write_bytes(some[number % len(some)] + number.to_bytes(4, "big"))
    return find_images(folder)


def _alone(backbone: Backbone, files: list[Path]) -> Step[tuple[Rows, Row]]:
    """One process, as the program does it for a project."""
    kept = _Kept()
    done = yield from extract(backbone, [str(each) for each in files], files, kept, device=CPU)
    row = {"part": "one process", "images": done.n_new, "seconds": round(done.seconds, 2), "workers": 1}
    return kept.rows, {**row, "images_per_s": round(done.images_per_s, 2), "apart": 0.0, "cores": processor.cores()}


class _Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.rows: Rows = {}

    def missing(self, digests: Any) -> list[str]:
        return [digest for digest in digests if digest not in self.rows]

    def append(self, digests: Any, x: FloatArray) -> None:
        self.rows.update(zip(digests, x, strict=True))


def _by_ray(backbone: Backbone, folder: Path, alone: Rows) -> Step[Row]:
    """Two workers of Ray, nothing in their way."""
    return (yield from _rayed(backbone, folder, alone, "ray", lambda event: event))


def _worker_killed(backbone: Backbone, folder: Path, alone: Rows) -> Step[Row]:
    """One of two workers is killed once the first shard is there."""
    killed: list[int] = []

    def kill(event: Event) -> Event:
        if isinstance(event, Progress) and event.done and not killed:
            found = [each for each in psutil.Process().children(recursive=True) if "MapWorker" in _name(each)]
            if found:
                os.kill(found[0].pid, signal.SIGKILL)
                killed.append(event.done)
        return event

    row = yield from _rayed(backbone, folder, alone, "ray, a worker killed", kill)
    if not killed or killed[0] >= len(alone):
        raise RunError("No worker was killed on the way", do="Try again, with --full.")
    return {**row, "killed_at": killed[0]}


def _rayed(backbone: Backbone, folder: Path, alone: Rows, part: str, told: Callable[[Event], Event]) -> Step[Row]:
    to = folder / part
    with ray_pool.connected(workers=2, device="cpu") as cluster:
        order = ray_pool.Order((pool_sources.found(str(folder / "pool")),), to, rows=SHARD, device="cpu")
        done = yield from map_events(ray_pool.run(order, backbone, cluster), told)
    return {**_row(part, done["new"], done["seconds"], to, alone), "failed": done["failed"]}


def _command_killed(backbone: Backbone, folder: Path, alone: Rows) -> Step[Row]:
    """``launch.py shards``, ended by SIGKILL with all its processes, and given again."""
    to, began = folder / "command killed", time.monotonic()
    words = ["shards", str(folder / "pool"), "--to", str(to), "--workers", "2", "--device", "cpu"]
    command = [sys.executable, "-m", "fact_core.cli", *words, "--shard-rows", str(SHARD)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not shard_names(to) and first.poll() is None:
        time.sleep(0.2)
        yield Progress("rows", 0, len(alone), "images")
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    psutil.wait_procs(children, timeout=60)  # Ray's own end with who started them
    kept = len(FeatureShards(to))
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunError("The command does not go on", done.stderr[-500:])
    return {**_row("ray, the command killed", len(alone), time.monotonic() - began, to, alone), "killed_at": kept}


def _row(part: str, images: int, seconds: float, to: Path, alone: Rows) -> Row:
    found = FeatureShards(to)
    names = [line["image"] for line in found.each()]
    if sorted(names) != sorted(alone):
        raise RunError("The rows are not those of one process", f"{part}: {len(names)} of {len(alone)}")
    apart = float(np.abs(found.rows(np.arange(len(found))) - np.stack([alone[name] for name in names])).max())
    row: Row = {"part": part, "images": images, "seconds": round(seconds, 2), "workers": 2}
    return {**row, "images_per_s": round(images / seconds, 2), "apart": apart, "cores": processor.cores()}


def _choice(folder: Path, n: int, c: int, k: int, memory: int) -> Step[Row]:
    """ActiveFT over shards, by the command: seconds, and the most memory of its own beside that of doing nothing."""
    pool = folder / "synthetic"
    feature_shards.begin(pool, {"dim": c, "kind": "features"})
    names = 0
    for start in range(0, n, 50_000):
        yield Progress("rows made", start, n, "rows")
        rng = np.random.default_rng(start)
        centres = np.random.default_rng(0).standard_normal((100, c), dtype=np.float32)
        x = centres[rng.integers(100, size=50_000)] + rng.standard_normal((50_000, c), dtype=np.float32)
        about = [
            {"image": f"s3://bucket/folder/{row:012d}.jpg", "digest": f"{row:032x}"}
            for row in range(start, start + len(x))
        ]
        write_shard(pool, f"{start:09d}", about, x)
        names += (pool / "shards" / f"{start:09d}.jsonl").stat().st_size
    usual = yield from _chosen(pool, folder, 10, 100 * 10 * c * 8 / 1e9)
    took = yield from _chosen(pool, folder, k, memory / 1e9)
    row: Row = {"part": "ActiveFT over shards", "images": n, "width": c, "budget": k, "seconds": round(took[0], 2)}
    more = {"images_per_s": round(n / took[0], 2), "rows_mb": round(4 * n * c / 1e6), "held_mb": round(memory / 1e6)}
    return {**row, **more, "own_mb": round(took[1]), "least_mb": round(usual[1]), "name_bytes": round(names / n, 1)}


def _chosen(pool: Path, folder: Path, k: int, gb: float) -> Step[tuple[float, float]]:
    """(seconds, most MB of memory that is no mapped file) of ``launch.py choose``."""
    words = [
        "choose",
        str(pool),
        "--budget",
        str(k),
        "--to",
        str(folder / "picks.csv"),
        "--memory",
        str(gb),
        "--device",
        "cpu",
    ]
    began, most = time.monotonic(), 0.0
    with subprocess.Popen([sys.executable, "-m", "fact_core.cli", *words], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, _own_mb(process.pid))
            time.sleep(0.05)
            yield Progress("activeft", 0, 0, "commands")
    if process.returncode:
        raise RunError("The command fails", " ".join(words))
    return time.monotonic() - began, most


def _own_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon:")), 0.0)
    except OSError:
        return 0.0


def _index() -> Row:
    """Bytes of memory of a project's store for each image: the digests by which it finds rows."""
    tracemalloc.start()
    held = {f"{row:032x}": row for row in range(100_000)}
    found = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"part": "digests in memory", "images": len(held), "bytes": round(found / len(held), 1)}


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""
