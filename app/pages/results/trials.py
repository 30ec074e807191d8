"""Photos that are tried: the child that answers them, kept while somebody tries.

The page's process never loads torch, and a training may keep the worker busy for hours; so photos have a child of their
own (``fact_core.work.trial``). It leaves after some idle minutes, and with this process.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.pages.results import findings
from app.shell.server import Opened
from fact_core.errors import FactError, InputError, RunError
from fact_core.images.folder import Seen, in_words, walk
from fact_core.paths import typed
from fact_core.storage.project import Project

#: A photo may have so many bytes: as base64 it stays below what the guard lets in.
MOST_BYTES = 40_000_000
#: Photos of a folder that are answered at a time.
MOST_FILES = 500
#: Files and folders that are named with the reason why they are not answered.
MOST_LEFT = 100
IDLE_SECONDS, ANSWER_SECONDS = 300.0, 180.0


@dataclass(frozen=True)
class Left:
    """What of a folder cannot be answered, by its path in it: a photo, a folder, a link."""

    path: str
    reason: str


@dataclass(frozen=True)
class Folder:
    """The photos of a folder, by their paths in it. token: files are asked for by it; more: there are others.

    left: what cannot be answered, the first ones; passed: how many there are.
    """

    token: str
    folder: str
    names: list[str]
    more: bool
    left: list[Left]
    passed: int


class Answerer:
    """The child of one project. Safe for threads: photos are answered one after the other."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None

    def ask(self, head: Mapping[str, Any], content: bytes = b"") -> dict[str, Any]:
        """What ``fact_core.work.trial`` answers. RunError when the child ends or takes too long over it."""
        with self._lock:
            self._rest()
            child = self._started()
            assert child.stdin is not None and child.stdout is not None
            late = threading.Timer(ANSWER_SECONDS, child.kill)
            late.daemon = True
            late.start()
            try:
                child.stdin.write(json.dumps({**head, "bytes": len(content)}).encode() + b"\n" + content)
                child.stdin.flush()
                line = child.stdout.readline()
            except OSError:
                line = b""
            finally:
                late.cancel()
            if not line:
                self._end()
                raise RunError("The photo could not be answered", "The process that answers has ended.", "Try again.")
            self._idle = threading.Timer(IDLE_SECONDS, self.close)
            self._idle.daemon = True
            self._idle.start()
        told: dict[str, Any] = json.loads(line)
        if error := told.get("error"):
            raise FactError(error["what"], error["found"], error["do"])
        return told

    def close(self) -> None:
        """Have the child leave, and its memory be free."""
        with self._lock:
            self._rest()
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            command = [sys.executable, "-m", "fact_core.work.trial", str(self.project.folder)]
            quiet = subprocess.DEVNULL
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet)
        return self._child

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it could not be told any more
                    pipe.close()
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def try_photo(held: Opened, run_id: int, content: bytes) -> dict[str, Any]:
    """What the model of a training run (0: the newest) says of a photo. InputError, RunError, what the child tells."""
    if not content:
        raise InputError("The photo is empty", do="Choose another one.")
    if len(content) > MOST_BYTES:
        raise InputError("The photo is too large", f"{len(content):,} bytes", f"At most {MOST_BYTES:,}.")
    return _asked(held, run_id, {}, content)


def try_folder(held: Opened, path: str) -> Folder:
    """The photos of a folder that the person names, in it and below it. InputError where there are none."""
    root = typed(path)
    if not os.path.isdir(root):
        what = "This is not a folder" if os.path.exists(root) else "There is no such folder"
        raise InputError(what, str(root), "Give the path of a folder with photos.")
    seen = walk(root, held.project.folder, enough=MOST_FILES + 1)
    files, left = [each.path for each in seen.files if not each.reason], _left(root, seen)
    if not files:
        found = f"{left[0].path}: {left[0].reason}" if left else in_words(root, seen)
        raise InputError("There is no image in this folder", found, "Choose another one.")
    token = secrets.token_urlsafe(12)
    held.cache["tried folder"] = (token, root, files[:MOST_FILES])
    names, more = files[:MOST_FILES], len(files) > MOST_FILES
    return Folder(token, str(root), names, more, left[:MOST_LEFT], len(left))


def _left(root: Path, seen: Seen) -> list[Left]:
    """What of a folder cannot be answered; a folder that may not be looked into first: nobody knows what is in it."""
    closed = set(seen.closed)
    passed = sorted((each for each in seen.files if each.reason), key=lambda each: each.path not in closed)
    return [Left(each.path or str(root), each.reason) for each in passed]


def try_file(held: Opened, run_id: int, token: str, at: int) -> dict[str, Any]:
    """What the model says of a file of the folder that was named last. InputError, RunError, what the child tells."""
    known, root, files = held.cache.get("tried folder") or ("", Path(), [])
    if token != known or not 0 <= at < len(files):
        raise InputError("This folder is not looked at any more", do="Choose it again.")
    return _asked(held, run_id, {"file": str(root / files[at])})


def where(held: Opened, run_id: int, item: int) -> dict[str, Any]:
    """Where the model looked in an image of the pool. InputError, RunError, what the child tells."""
    return _asked(held, run_id, {"item": item})


def _asked(held: Opened, run_id: int, head: Mapping[str, Any], content: bytes = b"") -> dict[str, Any]:
    run = findings.train_run(held.project, run_id)
    if run.status != "done" or not (held.project.run_folder(run.id) / "model" / "config.json").is_file():
        raise RunError("This training has no finished model", f"run {run.id}, {run.status}", "Choose another one.")
    answerer: Answerer | None = held.cache.get("answerer")
    if answerer is None or answerer.project != held.project:
        if answerer is not None:
            answerer.close()
        answerer = held.cache["answerer"] = Answerer(held.project)
        held.ends.append(answerer.close)
    return answerer.ask({"run": run.id, **head}, content)
