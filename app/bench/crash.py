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

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.bench import crash_check, crash_command
from app.bench.browser import with_cores
from app.bench.crash_program import Labeler, Program
from app.bench.crash_round import Counts, Round
from app.bench.pool import paint_images
from fact_core.bench import page_tables
from fact_core.errors import InputError, RunError
from fact_core.events import Log
from fact_core.files import write_text
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


@dataclass(frozen=True)
class Part:
    """Rounds of one kind. disk: on a small file system that is filled; haste: share of the usual time until a blow."""

    name: str
    rounds: int
    blows: Mapping[str, int] = field(default_factory=dict)
    disk: bool = False
    terms: int = 0  # above 0: of the command line, ended so often
    haste: float = 1.0


BRIEF_PARTS = (Part("page", 1, BRIEF, haste=0.4), Part("launch.py run", 1, terms=2))
FULL_PARTS = (
    Part("page", ROUNDS, FULL),
    Part("page, disk full", DISK_ROUNDS, FULL, disk=True),
    Part("launch.py run", COMMANDS, terms=TERMS),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this bench."""
    parser.add_argument("--full", action="store_true", help="until more than 300 processes were killed (an hour)")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the figures there after each round; what it has is not repeated",
    )


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """A round of each kind with few blows; ``full``: until more than 300 processes were killed."""
    rows = _stored(given.json) if given.full else {}
    with tempfile.TemporaryDirectory(prefix="fact-studio-crash-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        images = paint_classes(folder / "images")
        for part in FULL_PARTS if given.full else BRIEF_PARTS:
            done = rows.get(part.name, {}).get("rounds", 0)
            for number in range(done, part.rounds):
                yield Log(f"{part.name}, round {number + 1} of {part.rounds}")
                found = yield from one_round(part, number, folder, images)
                if found is None:
                    yield Log(f"{part.name} cannot be done here: no file system can be mounted", "warning")
                    break
                rows[part.name] = added(rows.get(part.name, {}), found)
                if given.json:
                    write_text(given.json, json.dumps(list(rows.values()), indent=1) + "\n", "writing the figures")
    told = list(rows.values())
    return {"text": page_tables.crash_table(told), "json": told, "failed": sum(map(failures, told))}


def one_round(part: Part, number: int, folder: Path, images: Path) -> Step[dict[str, Any] | None]:
    """What was done and found in one round of a part; its blows follow from the number. None: not possible here."""
    began, rng, counts = time.monotonic(), np.random.default_rng(number), Counts()
    place = folder / f"{part.name.replace(',', '').replace(' ', '-')}-{number}"
    place.mkdir()
    with small_disk(place / "disk") if part.disk else contextlib.nullcontext(place) as lies:
        if lies is None:
            return None
        if part.terms:
            found = yield from command_round(part, place, images, rng, counts)
        else:
            program = Program(projects.create(lies / "project", images), folder / "home" / place.name)
            one = Round(program, program.project, rng, counts, lies if part.disk else None, part.haste)
            found = yield from page_round(part, one)
    return _told(part, found, counts, time.monotonic() - began)


def page_round(part: Part, one: Round) -> Step[dict[str, int]]:
    """What is found after a project's way by the page. Its labels must be there, even where it comes to no end."""
    project, console = one.project, Console(sys.stderr)
    found = {"trainings": 0, "other_weights": 0, "hung": 0}
    try:
        yield from one.play(part.blows)
        run = run_queue.get(project, one.runs["train"])
        there = crash_check.weights(project, run.id)
        same = there == crash_check.unbroken(project, run.config, console) != ""
        found |= {"trainings": 1, "other_weights": int(not same), "halves": len(crash_check.halves(one.place))}
    except RunError as error:
        yield Log(str(error), "error")
        found["hung"] = 1
    stored = crash_check.stored_labels(project, Labeler.CLIENT)
    lost, reordered = crash_check.lost_and_reordered(one.given, stored)
    found |= {"labels": len(one.given), "lost": lost, "reordered": reordered}
    return found | {"damaged": int(not crash_check.is_sound(project))}


def command_round(
    part: Part, place: Path, images: Path, rng: np.random.Generator, counts: Counts
) -> Step[dict[str, int]]:
    """What is found after ``launch.py run`` was ended so often and given again."""
    try:
        ended = crash_command.play(place, images, rng, part.terms, counts, Console(sys.stderr))
    except RunError as error:
        yield Log(str(error), "error")
        return {"hung": 1}
    found = {"trainings": 1, "other_weights": int(not ended.same_weights), "twice": ended.twice, "hung": 0}
    return found | {"damaged": int(not ended.sound), "halves": ended.halves}


def added(row: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A part's row with one round more: numbers are summed."""
    summed = {key: row.get(key, 0) + value for key, value in more.items() if not isinstance(value, str)}
    return {**row, **more, **summed, "minutes": round(summed["minutes"], 1)}


def failures(row: dict[str, Any]) -> int:
    """What must be 0 in a row."""
    return sum(row.get(key, 0) for key in ("lost", "reordered", "other_weights", "twice", "damaged", "halves", "hung"))


def _told(part: Part, found: Mapping[str, int], counts: Counts, seconds: float) -> dict[str, Any]:
    """The row of one round."""
    blows = {key: counts.blows[key] for key in ("server", "worker", "leave", "stop", "full disk")}
    blows["frozen"] = counts.blows["freeze worker"] + counts.blows["freeze server"]
    row: dict[str, Any] = {"part": part.name, "rounds": 1, **found, **blows}
    return {**row, "minutes": seconds / 60, "device": with_cores()}


def _stored(file: Path | None) -> dict[str, dict[str, Any]]:
    """The rows of an earlier call, by part; none where there is no file. InputError for a file of something else."""
    if file is None or not file.is_file():
        return {}
    try:
        rows = json.loads(file.read_text("utf-8"))
        return {str(row["part"]): {**row, "rounds": int(row["rounds"])} for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"{file}: {type(error).__name__} {error}"
        raise InputError("These are no figures of this bench", found, "Name a new file, or move this one.") from error


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
