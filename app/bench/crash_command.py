"""``launch.py run`` that is ended by SIGTERM at random moments: the same command goes on, and trains nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.bench import crash_check
from app.bench.crash_program import environment
from app.bench.crash_round import Counts
from fact_core.errors import RunError
from fact_core.headless.console import Console
from fact_core.storage import project as projects
from fact_core.storage import run_queue

OPTIONS = ("--budget", "9", "--labels-from", "folders", "--strategy", "random", "--preset", "quick", "--device", "cpu")
STEPS = ("--recipe", "fact", "--ff-steps", "12", "--ff-pixels", "32", "--ff-batch", "6", "--lm-steps", "8")
#: A command is let alone for so many seconds at most, with the imports of torch.
SPAN = 25.0
LEAVE_SECONDS, END_SECONDS = 120.0, 900.0


@dataclass(frozen=True)
class Ended:
    """What came of a command that was ended now and then. twice: phases and trainings that were done again."""

    twice: int
    same_weights: bool
    sound: bool
    halves: int


def play(place: Path, images: Path, rng: np.random.Generator, terms: int, counts: Counts, console: Console) -> Ended:
    """End the command ``terms`` times, then let it finish. RunError where it does not leave, or does not finish."""
    folder = place / "project"
    given = ("--images", images, "--project", folder, "--export", place / "model", *OPTIONS, *STEPS, "--lm-views", "1")
    command = [sys.executable, "-m", "fact_core.cli", "run", *map(str, given)]
    for _ in range(terms):
        with _started(command, place) as process:
            until = time.monotonic() + rng.uniform(0, SPAN)
            while process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                counts.blows["leave"] += 1
            _code(process, LEAVE_SECONDS, "The command does not leave", place)
    with _started(command, place) as process:
        if _code(process, END_SECONDS, "The command comes to no end", place) != 0:
            raise RunError("The command does not go on", _said(place))
    project = projects.open_project(folder)
    run = run_queue.list_runs(project, "train")[-1]
    twice = crash_check.trained_twice(project, run.id)
    there = crash_check.weights(project, run.id)
    same = there == crash_check.unbroken(project, run.config, console) != ""
    return Ended(twice, same, crash_check.is_sound(project), len(crash_check.halves(place)))


def _started(command: list[str], place: Path) -> subprocess.Popen[bytes]:
    with open(place / "said.txt", "ab") as said:
        return subprocess.Popen(
            command, cwd=place, env=environment(place / "home"), stdout=said, stderr=subprocess.STDOUT
        )


def _code(process: subprocess.Popen[bytes], seconds: float, trouble: str, place: Path) -> int:
    """The exit code of a command; RunError where it has not ended within so many seconds, and it is killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RunError(trouble, f"after {seconds:.0f} s: {_said(place)}") from None


def _said(place: Path) -> str:
    """The end of what the commands have said."""
    return (place / "said.txt").read_text("utf-8", "replace")[-500:]
