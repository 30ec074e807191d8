"""A file system of a few megabytes that can really be full."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "4m") -> Iterator[Path]:
    """Mount one at ``folder``. Who may not mount is told so, and the test is left out."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "small-disk", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here (under `unshare -rm` it can): {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_for_good(folder: Path, project: Path) -> Path:
    """``fill`` under a server that lives: until no connection to the database of ``project`` is open as well.

    The last connection that closes takes the write-ahead log away, and what that held is room for the next label.
    """
    deadline = time.monotonic() + 60
    while True:
        if not _open(project):
            file = fill(folder)
            if not _open(project) and not os.statvfs(folder).f_bavail:
                return file
            file.unlink()  # else what the log holds has no room in the database, and it stays
        assert time.monotonic() < deadline, "the database stays open"
        time.sleep(0.02)


def _open(project: Path) -> bool:
    """Whether a connection to the project's database is open."""
    return any(project.glob("*-wal")) or any(project.glob("*-shm"))


def fill(folder: Path) -> Path:
    """Write until not one byte more has room. The file that took the room."""
    file = folder / "ballast"
    with open(file, "ab", buffering=0) as out:
        for size in (65_536, 4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0
    return file
