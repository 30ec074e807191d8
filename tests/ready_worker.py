"""Workers whose imports are paid once: a process that has imported what a run needs forks itself for each of them.

A worker takes three seconds of the processor's time to import torch and timm, and hundreds of tests start one. These
are real ones all the same: a process each, in a session of its own, with its own log, that ends, is stopped and is
killed as one of ``run_process.spawn_worker``. What that does alone, to start the interpreter, is in
tests/storage/test_runs.py, tests/work/test_worker.py and tests/headless/test_cli.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from fact_core.storage import worker_lock
from fact_core.storage.project import Project

ROOT = Path(__file__).resolve().parents[1]


class ReadyWorkers:
    """The process that forks. ``spawn`` stands for ``run_process.spawn_worker``. Not safe for threads."""

    def __init__(self) -> None:
        # The last word is what the program knows a worker by.
        command = [sys.executable, "-m", "tests.ready_worker", worker_lock.MODULE]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def spawn(self, project: Project, idle: float, follow_up: bool = False) -> Forked:
        """A worker for that project, with this process's environment."""
        words = [str(project.folder), "--idle", str(idle), *(["--follow-up"] if follow_up else [])]
        return Forked(self, self.ask({"words": words, "environment": dict(os.environ)}))

    def ask(self, question: dict[str, Any]) -> Any:
        """One line each way."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """It leaves when nobody can ask it any more; its children see to themselves."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


class Forked:
    """As much of ``subprocess.Popen`` as the program asks of a worker."""

    def __init__(self, maker: ReadyWorkers, pid: int) -> None:
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
                raise subprocess.TimeoutExpired("a worker", timeout)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        """SIGTERM, where it lives."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, where it lives."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve() -> None:
    """Fork for each line that says so, until the last one."""
    import fact_core.work.export
    import fact_core.work.features
    import fact_core.work.predict
    import fact_core.work.scan
    import fact_core.work.select
    import fact_core.work.train
    import fact_core.work.worker  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        if "ended" in asked:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
            continue
        pid = os.fork()
        if not pid:
            _become(asked["words"], asked["environment"])
        print(pid, flush=True)


def _become(words: list[str], environment: dict[str, str]) -> None:
    """What a worker's start gives it: its session, its log, its environment. Never returns."""
    from fact_core.work import worker

    code = 1
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", **environment})
        log = os.open(Path(words[0]) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = worker.main(words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
