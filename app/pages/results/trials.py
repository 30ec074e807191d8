"""Photos that are tried: the child that answers them, kept while somebody tries.

The page's process never loads torch, and a training may keep the worker busy for hours; so photos have a child of their
own (``fact_core.work.trial``). It leaves after some idle minutes, and with this process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from app.pages.results import findings
from app.shell.server import Opened
from fact_core.errors import FactError, InputError, RunError
from fact_core.storage.project import Project

#: A photo may have so many bytes: as base64 it stays below what the guard lets in.
MOST_BYTES = 40_000_000
IDLE_SECONDS, ANSWER_SECONDS = 300.0, 180.0


class Answerer:
    """The child of one project. Safe for threads: photos are answered one after the other."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._idle: threading.Timer | None = None

    def ask(self, run: int, content: bytes) -> dict[str, Any]:
        """The answer of ``fact_core.work.trial``. RunError when the child ends or takes too long over it."""
        with self._lock:
            self._rest()
            child = self._started()
            assert child.stdin is not None and child.stdout is not None
            late = threading.Timer(ANSWER_SECONDS, child.kill)
            late.daemon = True
            late.start()
            try:
                child.stdin.write(json.dumps({"run": run, "bytes": len(content)}).encode() + b"\n" + content)
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
    run = findings.train_run(held.project, run_id)
    if run.status != "done" or not (held.project.run_folder(run.id) / "model" / "config.json").is_file():
        raise RunError("This training has no finished model", f"run {run.id}, {run.status}", "Choose another one.")
    answerer: Answerer | None = held.cache.get("answerer")
    if answerer is None or answerer.project != held.project:
        if answerer is not None:
            answerer.close()
        answerer = held.cache["answerer"] = Answerer(held.project)
        held.ends.append(answerer.close)
    return answerer.ask(run.id, content)
