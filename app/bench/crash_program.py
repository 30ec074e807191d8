"""The program as the crash bench sees it: started, asked over http as the page asks, killed, frozen, started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil

from app.bench.browser import ROOT
from fact_core.errors import RunError
from fact_core.storage import worker_lock
from fact_core.storage.project import Project

#: How long an answer may take; a server that was frozen meanwhile has the rest.
ANSWER_SECONDS = 60.0
#: How long a start may take; other work on the same cores can slow it down ten times.
START_SECONDS = 600.0


class Away(Exception):
    """Nobody answered: the server is gone, or went while it was asked."""


@dataclass
class Program:
    """The server of one project. ``stop_it``: another thread may call ``post`` at any time."""

    project: Project
    home: Path
    _process: subprocess.Popen[bytes] | None = None
    _address: str = ""
    _key: str = ""
    _headers: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start the server and enter it as a browser does. RunError when it does not begin to serve."""
        said, began = self.launch(), time.monotonic()
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/\S+", said.read_text("utf-8", "replace"))):
            ended = None if self._process is None else self._process.poll()
            if ended is not None or time.monotonic() - began > START_SECONDS:
                why = f"{time.monotonic() - began:.0f} s, exit code {ended}"
                raise RunError(
                    "The server did not start", f"{why}: {said.read_text('utf-8', 'replace').strip()[-500:]}"
                )
            time.sleep(0.05)
        self._enter(found[0])

    def launch(self) -> Path:
        """Begin to start the server; the file with what it says."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "app.main", "--no-browser", "--port", "0"]
        command += ["--project", str(self.project.folder)]
        said = self.home / "server.txt"
        with open(said, "wb") as out:
            self._process = subprocess.Popen(
                command, cwd=self.home, env=environment(self.home), stdout=out, stderr=subprocess.STDOUT
            )
        return said

    def _enter(self, address: str) -> None:
        """Keep what the address with the token gives: a cookie, and the key that the page sends with its requests."""
        where = urlsplit(address)
        with contextlib.closing(http.client.HTTPConnection(where.netloc, timeout=ANSWER_SECONDS)) as connection:
            connection.request("GET", f"{where.path}?{where.query}")
            answer = connection.getresponse()
            page, cookies = answer.read().decode("utf-8", "replace"), answer.headers.get_all("set-cookie") or []
        headers = {"Cookie": "; ".join(each.partition(";")[0] for each in cookies), "Content-Type": "application/json"}
        if key := re.search(r'page\\?":\s*\\?"([\w-]+)', page):
            headers["X-Fact-Studio"] = key[1]
        self._address, self._headers, self._key = where.netloc, headers, parse_qs(where.query)["p"][0]

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """(status, answer) of one of the project's routes. Away when nobody answers."""
        return self._ask("POST", path, json.dumps(body))

    def look(self) -> None:
        """What an open page does all the time: ask for the state, which also starts a child where one is needed."""
        self._ask("GET", "/state", None)

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, dict[str, Any]]:
        url = f"/x/{self._key}{path}"
        with contextlib.closing(http.client.HTTPConnection(self._address, timeout=ANSWER_SECONDS)) as connection:
            try:
                connection.request(method, url, body, self._headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise Away(str(error)) from error

    def kill(self) -> int:
        """End the server by SIGKILL. 1 when it lived."""
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.kill()
        self._process.wait()
        return 1

    def freeze(self, seconds: float) -> int:
        """Stop the server by SIGSTOP and continue it. 1 when it lived."""
        if self._process is None or self._process.poll() is not None:
            return 0
        return frozen(self._process.pid, seconds)

    def worker(self) -> int | None:
        """The process id of the child that works, or of one that is about to."""
        found = worker_lock.present(self.project)
        if found and is_worker(found.pid):
            return found.pid
        with contextlib.suppress(psutil.Error):
            if self._process is not None:
                children = psutil.Process(self._process.pid).children()
                return next((each.pid for each in children if is_worker(each.pid)), None)
        return None

    def close(self) -> None:
        """End the server and the child in order."""
        for pid in (self._process.pid if self._process and self._process.poll() is None else None, self.worker()):
            if pid:
                send(pid, signal.SIGTERM)
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self.kill()
        if not worker_lock.gone(self.project, 20.0) and (pid := self.worker()):
            send(pid, signal.SIGKILL)


def environment(home: Path) -> dict[str, str]:
    """Of a program that keeps to a folder of its own."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": path, "FACT_STUDIO_HOME": str(home)}


def is_worker(pid: int) -> bool:
    """Whether a process is a worker by its command. A lock that was just taken may still name another one, or 0."""
    with contextlib.suppress(psutil.Error):
        return pid > 0 and worker_lock.MODULE in psutil.Process(pid).cmdline()
    return False


def send(pid: int, number: int) -> int:
    """Send a signal; 1 when there was somebody to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return 0
    return 1


def frozen(pid: int, seconds: float) -> int:
    """Stop a process by SIGSTOP and continue it; 1 when it lived."""
    if not send(pid, signal.SIGSTOP):
        return 0
    time.sleep(seconds)
    return send(pid, signal.SIGCONT)


class Labeler(threading.Thread):
    """A person who labels all the time, and gives an operation again until it is acknowledged, as the page does."""

    CLIENT = "crash-bench"

    def __init__(self, program: Program, answers: dict[int, int], a_second: float = 20.0) -> None:
        super().__init__(name="labeler", daemon=True)
        self._program, self._answers, self._pause = program, answers, 1 / a_second
        self._over = threading.Event()
        #: (number, image, class) in the order of the acknowledgements.
        self.acknowledged: list[tuple[int, int, int]] = []

    def run(self) -> None:
        """Label image after image, round and round, always with the same answer."""
        images = list(self._answers)
        while not self._over.wait(self._pause):
            number = len(self.acknowledged) + 1
            item = images[number % len(images)]
            op = {"seq": number, "kind": "label", "item": item, "class_id": self._answers[item]}
            with contextlib.suppress(Away):
                status, answer = self._program.post("/ops", {"client": self.CLIENT, "ops": [op]})
                if status == 200 and answer.get("last_seq", 0) >= number:
                    self.acknowledged.append((number, item, self._answers[item]))

    def finish(self) -> list[tuple[int, int, int]]:
        """Stop labeling; what was acknowledged."""
        self._over.set()
        self.join(2 * ANSWER_SECONDS)
        return self.acknowledged
