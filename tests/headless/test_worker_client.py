"""How the command line follows a run."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from fact_core.events import Log
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.storage import run_events, run_queue, worker_lock
from tests.storage_help import flat_project


def test_a_look_at_a_run_opens_the_database_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes seven times a second, for hours: opening reads the whole schema."""
    made, said, opened = flat_project(tmp_path, 1), io.StringIO(), list[str]()
    run = run_queue.queue(made, "scan", {})
    held = worker_lock.take(made, "me")
    assert held is not None and run_queue.claim(made, "me") is not None
    run_events.append_events(made, run, [Log("half of it")])
    connect = sqlite3.connect

    def counted(*given: object, **named: object) -> sqlite3.Connection:
        opened.append(str(given[0]))
        return connect(*given, **named)  # type: ignore[call-overload, no-any-return]

    client = WorkerClient(made, Console(said))
    with held, monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", counted)
        assert client._look(run).status == "running" and len(opened) == 1
    run_queue.finish(made, run, "done", result={"images": 1})
    assert client.follow(run).result == {"images": 1} and said.getvalue().count("half of it") == 1
