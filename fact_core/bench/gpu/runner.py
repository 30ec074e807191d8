"""The bench of the GPU, section by section: each is a process with a time limit, and a row in the file at once.

A section ends as one of ``DONE`` or of ``OPEN``. What has a row of the same device, form and code that is done is not
measured again; what ended otherwise comes once more, after those that were never tried.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fact_core
from fact_core.bench.gpu import child, pictures
from fact_core.bench.gpu.sections import FIRST, SECTIONS, Section
from fact_core.bench.gpu.table import sentence, table
from fact_core.bench.rows import Row, key_of, only_one, read_rows, write_rows
from fact_core.choices import named
from fact_core.errors import ConfigError, RunError
from fact_core.events import Log, Progress
from fact_core.folders import cache_folder
from fact_core.types import Step

#: What tells two rows apart.
KEY = ("section", "device", "short", "code")
#: What a section ended as, and is not measured again: a failed check is an answer too.
DONE = ("passed", "failed", "measured", "skipped")
#: What is tried again: it broke, it took too long, or the bench's own seconds were over.
OPEN = ("error", "timeout", "cut")
LEAST = 5.0  # seconds without which no section is begun
SLOWER = 4  # times a section may take in its short form, whose CPU may be a slow or a busy one
#: Folders of the program that no section runs.
APART = ("storage", "labeling", "exchange", "headless", "work", "segment")


@dataclass(frozen=True)
class Order:
    """What was asked for. only, again: names of sections; carried: a folder of ``pictures.carry``."""

    out: Path
    device: str = "auto"
    short: bool = False
    seconds: float = 540.0
    only: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    data: Path | None = None
    carried: Path | None = None

    @property
    def names(self) -> list[str]:
        """The sections, in their order."""
        return [name for name in SECTIONS if not self.only or name in (*self.only, *self.again)]


@dataclass(frozen=True)
class Task:
    """What a process is told: plain values, as they go from one process to another."""

    section: str
    device: str
    short: bool
    folder: Path  # of pictures and weights
    log: Path


def read(given: argparse.Namespace) -> Order:
    """The order behind the flags. ConfigError in words."""
    names = {flag: tuple(filter(None, getattr(given, flag).split(","))) for flag in ("only", "again")}
    for name in (*names["only"], *names["again"]):
        named(SECTIONS, name, "section")
    if not given.seconds > 0:
        raise ConfigError("--seconds must be above 0", f"You gave {given.seconds:g}.")
    out = given.out or cache_folder() / "bench-gpu" / "rows.json"
    return Order(out, given.device, given.short, given.seconds, **names, data=given.data, carried=given.carried)


def run(order: Order) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks. Figures: the rows, those left, how many failed, the table as text."""
    began = time.monotonic()
    with only_one(order.out, cache_folder() / "bench-gpu"):
        rows = read_rows(order.out, key=(*KEY, "status"), of="the GPU's bench")
        folder = yield from pictures.prepared(order.carried, order.data)
        measured: list[Row] = []
        about = yield from _one(order, FIRST, folder, order.seconds, order.short)
        if about["status"] not in DONE:
            raise RunError("The device cannot be used", about["words"], "Choose another --device.")
        short = order.short or about["figures"]["kind"] == "cpu"
        shared = {name: about[name] for name in ("device", "torch")} | {"code": code_version(), "short": short}
        if short and not order.short:
            yield Log("There is no GPU: every section runs in its short form, which says that it works and no more.")
        todo = missing(rows, order, shared)
        for place, name in enumerate(todo):
            left = order.seconds - (time.monotonic() - began)
            if left < LEAST:
                yield Log(f"{order.seconds:g} seconds are over. The same command goes on from here.")
                break
            yield Progress("sections", place, len(todo), "sections")
            found = about if name == FIRST else (yield from _one(order, name, folder, left, short))
            row = {**found, **shared}
            rows = [each for each in rows if key_of(each, KEY) != key_of(row, KEY)] + [row]
            write_rows(order.out, rows)
            measured.append(row)
            yield Log(sentence(row), "info" if row["status"] in DONE and row["status"] != "failed" else "warning")
    failed = [row for row in measured if row["status"] in ("failed", "error", "timeout")]
    here = [row for row in rows if all(row[name] == shared[name] for name in ("device", "short", "code"))]
    return {"rows": len(rows), "left": len(todo) - len(measured), "failed": len(failed), "text": table(here)}


def missing(rows: Sequence[Row], order: Order, shared: Row) -> list[str]:
    """The sections to measure: first those without a row, then those that did not end."""
    here = {row["section"]: row["status"] for row in rows if all(row[name] == shared[name] for name in KEY[1:])}
    asked = [name for name in order.names if name in order.again or here.get(name) not in DONE]
    return sorted(asked, key=lambda name: here.get(name) in OPEN)  # sorted keeps the order of equals


def _one(order: Order, name: str, folder: Path, left: float, short: bool) -> Step[Row]:
    """The row of one section, whatever happens to its process."""
    yield Progress(name, 0, 1, "sections")
    section, began = SECTIONS[name], time.monotonic()
    limit = min(section.seconds * (SLOWER if short else 1), left)
    found = in_process(section, Task(name, order.device, short, folder, Path()), limit)
    if found["status"] == "timeout" and limit == left:
        found = {"status": "cut", "words": f"The bench's own seconds were over, after {limit:.0f} of it."}
    seconds = round(time.monotonic() - began, 2)
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    return {"section": name, "kind": section.kind, "seconds": seconds, "limit": round(limit, 1), "at": at, **found}


def in_process(section: Section, task: Task, limit: float) -> Row:
    """What the section says from a process of its own, or that it failed, or that ``limit`` seconds were over."""
    methods = multiprocessing.get_all_start_methods()
    # A server that has imported torch and forks: seconds of importing are paid once. It never touches the device.
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([child.__name__, *child.PRELOADED])
    with tempfile.TemporaryDirectory(prefix="fact-bench-gpu-", ignore_cleanup_errors=True) as folder:
        told = Task(task.section, task.device, task.short, task.folder, Path(folder) / "log.txt")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=child.main, args=(there, section.target, section.given, told))
        process.start()
        there.close()
        try:
            return _heard(here, process, told.log, limit)
        finally:
            _end(process)
            here.close()


def _heard(here: Connection, process: Any, log: Path, limit: float) -> Row:
    """The row that the process sends."""
    if not here.poll(limit):
        return {"status": "timeout", "words": f"Not done in {limit:.0f} seconds.", "log": _tail(log)}
    try:
        found: Row = json.loads(here.recv_bytes())
    except EOFError:
        process.join(5)
        code = process.exitcode
        return {"status": "error", "words": f"Its process ended with {_exit(code)}.", "log": _tail(log)}
    return found


def _exit(code: int | None) -> str:
    try:
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-(code or 0)}"


def _end(process: Any) -> None:
    """End the process and all that it has started, of which it is the leader."""
    process.join(2)
    if hasattr(os, "killpg") and process.pid:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    if process.is_alive():
        process.kill()
    process.join(10)


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def code_version() -> str:
    """Twelve digits of what the sections run: a row of other code is measured anew."""
    root, digest = Path(fact_core.__file__).parent, hashlib.sha256()
    for file in _sources(root):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _sources(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).parts
        if parts[0] not in APART and (parts[0] != "bench" or parts[1] == "gpu"):
            yield file
