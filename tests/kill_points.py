"""A process that kills itself before its n-th change of a folder: a file opened to be written, renamed, removed, made.

It ends by itself where there are fewer. ``python -m tests.kill_points`` has the imports, which take longer than most
steps, and forks itself for each [N, FOLDER, WHAT, ARGUMENTS] that it reads: a process of its own all the same.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import IO

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
    asked, told = _forks()
    asked.write(json.dumps([number, str(folder), what, *map(str, arguments)]) + "\n")
    asked.flush()
    code, said = json.loads(told.readline())
    assert code in (0, -signal.SIGKILL), said
    return bool(code)


@cache
def _forks() -> tuple[IO[str], IO[str]]:
    """The process that forks: where it reads, and where it answers. It leaves with this one."""
    command = [sys.executable, "-m", "tests.kill_points"]
    begun = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert begun.stdin and begun.stdout
    atexit.register(begun.communicate)
    return begun.stdin, begun.stdout


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


def serve() -> None:
    """Do the steps that are asked for, each in a fork."""
    for line in sys.stdin:
        number, folder, what, *arguments = json.loads(line)
        if what == "weights":
            from fact_core.backbones import download as download  # torch, for all the forks
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            if not (pid := os.fork()):
                _do(number, folder, what, arguments, said.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said.seek(0)
            print(json.dumps([code, said.read()]), flush=True)


def _do(number: int, folder: str, what: str, arguments: list[str], said: int) -> None:
    os.dup2(said, 1)
    os.dup2(said, 2)
    try:
        kill_at(number, folder)
        if isinstance(found := STEPS[what](*arguments), Generator):
            finish(found)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve()
