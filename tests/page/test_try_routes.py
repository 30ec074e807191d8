"""POST /x/K/try: a photo from outside, by the child that answers it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.pages.results import trials
from app.shell.server import Server
from tests.work.test_trial import as_file, made, picture

__all__ = ["made"]  # the fixture


def test_a_photo_is_answered_by_a_child_that_stays_and_leaves_with_the_project(
    server: Server, client: TestClient, made: Any
) -> None:
    project, run = made
    key = server.open(project.folder)

    def tried(photo: bytes, **more: Any) -> Any:
        body = {"run": run, "content": base64.b64encode(photo).decode()} | more
        return client.post(f"/x/{key}/try", json=body)

    first = tried(as_file(picture("red", 3)))
    assert first.status_code == 200, first.text
    assert (first.json()["top"][0][0], first.json()["loaded"]) == ("red", True)
    answerer = server.opened(key).cache["answerer"]
    child = answerer._child
    assert tried(as_file(picture("green", 4)), run=0).json()["loaded"] is False  # 0: the newest
    refused = tried(b"no image")
    assert refused.status_code == 400 and "not an image" in refused.json()["what"]
    assert tried(b"").json()["what"] == "The photo is empty"
    assert tried(b"x", content="not base64!").json()["what"] == "The file did not arrive whole"
    assert tried(as_file(picture("red", 3)), run=999).json()["what"] == "There is no such training run"

    child.kill()  # the system ends it for want of memory
    child.wait()
    assert tried(as_file(picture("red", 3))).json()["loaded"] is True
    child = answerer._child
    server.close()
    assert child.poll() is not None


def test_a_photo_is_bounded_before_anything_is_started(
    server: Server, client: TestClient, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, run = made
    key = server.open(project.folder)
    monkeypatch.setattr(trials, "MOST_BYTES", 10)
    answer = client.post(f"/x/{key}/try", json={"run": run, "content": base64.b64encode(b"x" * 11).decode()})
    assert (answer.status_code, answer.json()["what"]) == (400, "The photo is too large")
    assert "answerer" not in server.opened(key).cache
