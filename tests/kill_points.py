"""A process that kills itself before its n-th change of a folder: a file opened to be written, renamed, removed, made.

Run as a program, ``python -m tests.kill_points N FOLDER WHAT ARGUMENTS``, it ends by itself where there are fewer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from fact_core.exchange import sort_undo
from fact_core.files import write_arrays
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.storage import pack, project, unpack, word_scores
from fact_core.work import pool_fetch

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STEPS: dict[str, Callable[[str, str], object]] = {
    "open": lambda source, _: project.open_project(Path(source)),
    "pack": lambda source, target: pack.pack(project.open_project(Path(source)), Path(target), images=True),
    "duplicate": lambda source, target: pack.duplicate(project.open_project(Path(source)), Path(target), "Second"),
    "fetch": lambda source, target: pool_fetch.fetch(
        [{"image": str(each), "digest": digest_of(each.read_bytes())} for each in sorted(Path(source).iterdir())],
        Path(target),
    ),
    "predictions": lambda source, _: write_arrays(
        project.open_project(Path(source)).predictions_file(1), {"ids": np.arange(9)}, "a test"
    ),
    "words": lambda source, _: word_scores.save(
        project.open_project(Path(source)), "some", np.arange(9), ["a"] * 9, np.zeros((9, 2), np.float32)
    ),
    "weights": lambda source, target: save_weights(Path(source), Path(target)),
    "take back": lambda source, _: sort_undo.take_back(Path(source)),
    "unpack": lambda source, target: unpack.unpack(Path(source), Path(target)),
}


def save_weights(source: Path, target: Path) -> None:
    """The tensors of a file as weights of ours."""
    from safetensors.torch import load_file

    from fact_core.backbones import download

    download.save_at(target, load_file(source), "a test")


def killed_at(number: int, folder: Path, what: str, *arguments: Path) -> bool:
    """Whether a process of ``STEPS`` was killed at that change; False where it came to its end. Others fail."""
    words = (str(number), str(folder), what, *map(str, arguments))
    done = subprocess.run([sys.executable, "-m", "tests.kill_points", *words], capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def kill_at(number: int, folder: str) -> None:
    """From now on this process counts its changes below the folder, and kills itself before that one."""
    left = [number]

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        if event in CHANGES or writes:
            paths = (str(each) for each in arguments[:2] if isinstance(each, (str, os.PathLike)))
            left[0] -= any(each.startswith(folder) for each in paths)
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)


if __name__ == "__main__":
    number, folder, what, *arguments = sys.argv[1:]
    kill_at(int(number), folder)
    if isinstance(found := STEPS[what](*arguments), Generator):
        finish(found)
