"""Packing, unpacking and duplicating as the page asks for them: jobs that are followed and stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from app.shell.jobs import Jobs
from app.shell.server import Server
from fact_core.events import Progress
from fact_core.storage import items
from fact_core.types import Step
from tests.storage_help import flat_project


def ended(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + 60
    while not job["ended"]:
        assert time.monotonic() < until
        job = client.get(f"/x/jobs/{job['number']}").json()
    return job


def test_a_project_is_packed_opened_and_duplicated(client: TestClient, server: Server, tmp_path: Path) -> None:
    key, file = server.open(flat_project(tmp_path).folder), tmp_path / "one.zip"
    asked = {"key": key, "file": f'"{file}"', "images": True}  # a path in quotes, as a file manager copies it
    assert ended(client, client.post("/x/projects/pack", json=asked).json())["problem"] is None
    wrong = ended(client, client.post("/x/projects/pack", json=asked).json())
    assert wrong["problem"]["what"] == "There is a file of this name already" and not wrong["key"]
    for path, asked in (("unpack", {"file": str(file)}), ("duplicate", {"key": key, "name": "again"})):
        other = ended(client, client.post(f"/x/projects/{path}", json=asked).json())
        assert other["problem"] is None and other["key"] not in ("", key)
        assert items.counts(server.project(other["key"])).pool == 6
    assert [each["pool"] for each in client.get("/x/app").json()["projects"]] == [6, 6, 6]


def test_what_cannot_be_begun_says_so(client: TestClient, tmp_path: Path) -> None:
    for path, asked in (
        ("pack", {"key": "none", "file": "/x.zip"}),
        ("pack", {"key": "none", "file": ""}),
        ("unpack", {"file": " "}),
    ):
        assert client.post(f"/x/projects/{path}", json=asked).status_code in (400, 404)
    assert client.post("/x/projects/unpack", json={"file": str(tmp_path / "none.zip")}).status_code == 400
    assert client.get("/x/jobs/77").status_code == client.post("/x/jobs/leave", json={"number": 77}).status_code == 400


def test_a_job_stops_and_an_unforeseen_error_is_told() -> None:
    jobs, closed = Jobs(), []

    def endless() -> Step[str]:
        try:
            while True:
                yield Progress("pack", 1, 2, "MB")
        finally:
            closed.append(True)

    def broken() -> Step[str]:
        yield Progress("pack", 1, 2, "MB")
        raise ZeroDivisionError

    first, second = jobs.start(endless()).number, jobs.start(broken()).number
    jobs.stop(first)
    until = time.monotonic() + 60
    while not (jobs.told(first).ended and jobs.told(second).ended):
        assert time.monotonic() < until
    assert closed and jobs.told(first).key == "" and jobs.told(first).problem is None
    assert jobs.told(second).problem == {
        "what": "Something went wrong",
        "found": "ZeroDivisionError",
        "do": "Details stand in the log.",
    }
