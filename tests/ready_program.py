"""The program and its workers with imports that are paid once: a process that has them forks itself for each.

The program takes two seconds of the processor's time to import Gradio, a worker three to import torch and timm, and
hundreds of tests start them. These are real ones all the same: a process each, with its own log and environment, that
ends, is stopped and is killed as any other. What their start does alone, to begin an interpreter, is in
tests/test_launch.py, tests/page/test_browser.py, tests/storage/test_runs.py, tests/work/test_worker.py and
tests/headless/test_cli.py.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fact_core.storage import run_process, worker_lock
from fact_core.storage.project import Project

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = 120.0  # s that they take at most, where many work


class Asked:
    """Asks the process that forks, at its address. From any process, and any thread."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, question: dict[str, Any]) -> Any:
        """One line each way."""
        with self._line() as line, line.makefile("rw", encoding="utf-8") as both:
            both.write(json.dumps(question) + "\n")
            both.flush()
            return json.loads(both.readline())

    def _line(self) -> socket.socket:
        """To the process that forks. It may still be importing: that is waited for."""
        until = time.monotonic() + IMPORTS
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(self.address)
                return line
            except (FileNotFoundError, ConnectionRefusedError):
                line.close()
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def spawn_worker(self, project: Project, idle: float, follow_up: bool = False) -> Forked:
        """Stands for ``run_process.spawn_worker``: a worker for that project, with this process's environment."""
        words = [str(project.folder), "--idle", str(idle), *(["--follow-up"] if follow_up else [])]
        return self.start("worker", words, Path(project.folder) / "worker.log")

    def start(self, what: str, words: Sequence[str], log: Path, folder: Path | None = None) -> Forked:
        """A worker or the program ("page"). log: where it writes, at the end; folder: where it is started."""
        place = str(folder or Path.cwd())
        asked = {"start": what, "words": list(words), "log": str(log), "folder": place, "by": os.getpid()}
        return Forked(self, self.ask({**asked, "environment": dict(os.environ)}))


class ReadyProgram(Asked):
    """The process that forks, begun here; it leaves when this one does."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ready-")
        super().__init__(str(Path(self._folder.name) / "line"))
        # The last word is what the program knows a worker by.
        command = [sys.executable, "-m", "tests.ready_program", self.address, worker_lock.MODULE]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)

    def end(self) -> None:
        """Its children see to themselves."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(IMPORTS)
        self._folder.cleanup()


class Forked:
    """As much of ``subprocess.Popen`` as the program asks of a worker, and a test of the program."""

    def __init__(self, maker: Asked, pid: int) -> None:
        self._maker, self.pid, self.returncode = maker, pid, None

    def poll(self) -> int | None:
        """The exit code, or the signal that ended it as a negative number; None while it lives."""
        if self.returncode is None:
            self.returncode = self._maker.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code. TimeoutExpired where it lives longer."""
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("a forked process", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """A signal, where it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM, where it lives."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, where it lives."""
        self.send_signal(signal.SIGKILL)

    def started(self) -> list[int]:
        """The processes that were forked for it, and may have ended."""
        found: list[int] = self._maker.ask({"started": self.pid})
        return found


# ---- the process that forks ---------------------------------------------------------------------


class _Forks:
    """What it has forked. codes: of those that have ended; by: who asked -> what was forked for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.codes: dict[int, int] = {}
        self.by: defaultdict[int, list[int]] = defaultdict(list)

    def answer(self, asked: dict[str, Any], line: socket.socket) -> Any:
        if "ended" in asked:
            return self._ended(asked["ended"])
        if "started" in asked:
            return self.by[asked["started"]]
        pid = os.fork()
        if not pid:
            line.close()
            _become(asked, self.address)
        self.by[asked["by"]].append(pid)
        return pid

    def _ended(self, pid: int) -> int | None:
        if pid not in self.codes:
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                self.codes[pid] = os.waitstatus_to_exitcode(status)
        return self.codes.get(pid)


def _serve(address: str) -> None:
    """Fork for each line that says so, until the process that has started this one is gone."""
    import app.main  # noqa: F401
    import fact_core.work.export
    import fact_core.work.features
    import fact_core.work.predict
    import fact_core.work.scan
    import fact_core.work.select
    import fact_core.work.train
    import fact_core.work.worker  # noqa: F401
    from fact_core.features import compiled_umap

    compiled_umap.load()
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page of memory that it looks at
    forks = _Forks(address)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        while True:
            able, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in able:
                return
            line, _ = door.accept()
            with line, line.makefile("rw", encoding="utf-8") as both:
                told = json.dumps(forks.answer(json.loads(both.readline()), door))
                both.write(told + "\n")
                both.flush()


def _become(asked: dict[str, Any], address: str) -> None:
    """What a start gives a process: its session, its log, its folder, its environment. Never returns."""
    code: object = 1
    try:
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = _worker(asked["words"]) if asked["start"] == "worker" else _page(asked["words"], address)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _worker(words: list[str]) -> int:
    from fact_core.work import worker

    os.setsid()
    for name, value in (("OMP_WAIT_POLICY", "PASSIVE"), ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")):
        os.environ.setdefault(name, value)
    return worker.main(words)


def _page(words: list[str], address: str) -> int:
    """The program; its workers are forked as it was."""
    import app.main

    run_process.spawn_worker = Asked(address).spawn_worker  # type: ignore[assignment]
    return app.main.main(words)


if __name__ == "__main__":
    _serve(sys.argv[1])
