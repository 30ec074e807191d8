"""Crashes: ``python3 launch.py bench crash [--full] [--json FILE]``.

By the page's own requests a project goes from the scan to the export while its server and its worker are killed
(SIGKILL), frozen (SIGSTOP, then SIGCONT), asked to leave (SIGTERM) and stopped at random moments; somebody labels all
the time. Some projects lie on a small file system that is filled to the last byte for a while (Linux, as root). Then:
"lost" are acknowledged labels that are not in the history, "reordered" those that stand in it behind a later one;
"other weights" are trainings that do not end with the weights, bit by bit, of the same training in one piece.
``launch.py run`` is ended by SIGTERM at random moments and given again; "twice" are phases that it trained again.

    crash_program.py   the server, asked as the page asks; the person who labels
    crash_round.py     the stages, and the blows
    crash_command.py   the same for the command line
    crash_check.py     what must hold afterwards
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.bench import crash_check, crash_command
from app.bench.browser import with_cores
from app.bench.crash_program import Labeler, Program
from app.bench.crash_round import Counts, Round
from app.bench.pool import paint_images
from fact_core.bench import page_tables
from fact_core.errors import RunError
from fact_core.events import Log
from fact_core.headless.console import Console
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.types import Step

#: Blows a stage; in the full form so often that more than 300 kills come together.
BRIEF = {"scan": 5, "features": 1, "train": 4, "export": 2}
FULL = {"scan": 5, "features": 4, "select": 3, "train": 9, "predict": 4, "export": 5}
ROUNDS, DISK_ROUNDS, COMMANDS, TERMS = 9, 2, 3, 5
CLASSES, EACH = ("red", "green", "blue"), 14
DISK = "600m"


def run(full: bool) -> Step[dict[str, Any]]:
    """A round of each kind with few blows; ``full``: until more than 300 processes were killed."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fact-studio-crash-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        images = paint_classes(folder / "images")
        if not full:
            rows.append((yield from page_row("page", folder, images, 1, BRIEF, haste=0.4)))
        else:
            rows.append((yield from page_row("page", folder, images, ROUNDS, FULL)))
            with small_disk(folder / "disk") as disk:
                if disk:
                    rows.append((yield from page_row("page, disk full", folder, images, DISK_ROUNDS, FULL, disk=disk)))
        rows.append((yield from command_row(folder, images, COMMANDS if full else 1, TERMS if full else 2)))
    return {"text": page_tables.crash_table(rows), "json": rows, "failed": sum(map(failures, rows))}


def page_row(
    name: str,
    folder: Path,
    images: Path,
    rounds: int,
    blows: dict[str, int],
    *,
    disk: Path | None = None,
    haste: float = 1.0,
) -> Step[dict[str, Any]]:
    """A row of the page's rounds. haste: share of the usual time until a blow falls."""
    counts, console, began = Counts(), Console(sys.stderr), time.monotonic()
    row: dict[str, Any] = {"part": name, "rounds": rounds, "hung": 0}
    for number in range(rounds):
        place = (disk or folder) / f"{name.partition(',')[0]}-{number}"
        project = projects.create(place / "project", images)
        program = Program(project, folder / "home" / f"{name}-{number}")
        yield Log(f"{name}, round {number + 1} of {rounds}: {counts.kills} kills so far")
        one = Round(program, project, np.random.default_rng(number), counts, disk, haste)
        try:
            given = yield from one.play(blows)
        except RunError as error:
            yield Log(str(error), "error")
            row["hung"] = row.get("hung", 0) + 1
            continue
        stored = crash_check.stored_labels(project, Labeler.CLIENT)
        lost, reordered = crash_check.lost_and_reordered(given, stored)
        trained = run_queue.get(project, one.runs["train"])
        same = crash_check.weights(project, trained.id) == crash_check.unbroken(project, trained.config, console) != ""
        found = {"labels": len(given), "lost": lost, "reordered": reordered, "trainings": 1, "other_weights": not same}
        found |= {"damaged": not crash_check.is_sound(project), "halves": len(crash_check.halves(place))}
        for key, value in found.items():
            row[key] = row.get(key, 0) + int(value)
    return _told(row, counts, began)


def command_row(folder: Path, images: Path, rounds: int, terms: int) -> Step[dict[str, Any]]:
    """A row of commands that were ended by SIGTERM."""
    counts, console, began = Counts(), Console(sys.stderr), time.monotonic()
    row: dict[str, Any] = {"part": "launch.py run", "rounds": rounds}
    for number in range(rounds):
        yield Log(f"launch.py run, round {number + 1} of {rounds}")
        place = folder / f"command-{number}"
        place.mkdir()
        ended = crash_command.play(place, images, np.random.default_rng(number), terms, console)
        counts.blows["leave"] += ended.terms
        found = {"trainings": 1, "other_weights": not ended.same_weights, "twice": ended.twice}
        for key, value in {**found, "damaged": not ended.sound, "halves": ended.halves}.items():
            row[key] = row.get(key, 0) + int(value)
    return _told(row, counts, began)


def failures(row: dict[str, Any]) -> int:
    """What must be 0 in a row."""
    return sum(row.get(key, 0) for key in ("lost", "reordered", "other_weights", "twice", "damaged", "halves", "hung"))


def _told(row: dict[str, Any], counts: Counts, began: float) -> dict[str, Any]:
    blows = {key: counts.blows[key] for key in ("server", "worker", "leave", "stop", "full disk")}
    frozen = counts.blows["freeze worker"] + counts.blows["freeze server"]
    minutes = round((time.monotonic() - began) / 60, 1)
    return {**row, **blows, "frozen": frozen, "minutes": minutes, "device": with_cores()}


def paint_classes(folder: Path) -> Path:
    """Small pictures, a folder a class: no two are alike."""
    for number, name in enumerate(CLASSES):
        paint_images(folder / name, EACH, (48, 36), first=1000 * number)
    return folder


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own that can be filled; None where none can be made here."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True)
    try:
        yield folder if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False)
