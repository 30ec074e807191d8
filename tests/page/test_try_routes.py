"""POST /x/K/try: a photo from outside, by the child that answers it."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.pages.results import trials
from app.shell.server import Server
from fact_core.storage import items
from tests.images.image_help import closed_folder
from tests.work.test_trial import as_file, made, picture

__all__ = ["made"]  # the fixture


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_folder_is_answered_file_by_file_and_no_other_file(
    server: Server, client: TestClient, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, run = made
    key = server.open(project.folder)
    inner = tmp_path / "photos" / "of today"
    inner.mkdir(parents=True)
    picture("red", 1).save(inner / "b.png")
    picture("green", 2).save(tmp_path / "photos" / "a.jpg")
    (tmp_path / "photos" / "notes.txt").write_text("no image")

    def named(path: str) -> Any:
        return client.post(f"/x/{key}/try-folder", json={"path": path})

    def asked(**body: Any) -> Any:
        return client.post(f"/x/{key}/try-file", json={"run": run, "at": 0, "token": "", **body})

    assert asked().json()["what"] == "This folder is not looked at any more"
    for path in (f'"{tmp_path / "photos"}"', (tmp_path / "photos").as_uri()):  # as it comes from copying it
        found = named(path).json()
        assert (found["names"], found["more"]) == (["a.jpg", "of today/b.png"], False)
    token = found["token"]
    told = asked(token=token, at=1).json()
    assert told["top"][0][0] == "red" and base64.b64decode(told["thumb"])[:2] == b"\xff\xd8"
    assert asked(token=token, at=2).status_code == 400
    assert named(str(tmp_path / "nowhere")).json()["what"] == "There is no such folder"
    assert named(str(inner / "b.png")).json()["what"] == "This is not a folder"
    (tmp_path / "bare").mkdir()
    assert named(str(tmp_path / "bare")).json()["what"] == "There is no image in this folder"
    assert asked(token=token, at=0).status_code == 200, "what was wrong has not changed what is looked at"
    monkeypatch.setattr(trials, "MOST_FILES", 1)
    found = named(str(tmp_path / "photos")).json()
    assert (found["names"], found["more"]) == (["a.jpg"], True)
    assert asked(token=token, at=0).status_code == 400


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be is a matter of the system")
def test_what_of_a_folder_cannot_be_answered_is_told(
    server: Server, client: TestClient, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be looked into, a link, a photo of another kind: none is passed over in silence."""
    project, _ = made
    key, photos = server.open(project.folder), tmp_path / "photos"
    photos.mkdir()
    closed_folder(photos)

    def named() -> Any:
        return client.post(f"/x/{key}/try-folder", json={"path": str(photos)}).json()

    assert "The folder may not be read" in named()["found"]
    (photos / "a.heics").write_bytes(b"x")
    (photos / "linked").symlink_to(tmp_path)
    picture("red", 1).save(photos / "b.png")
    found = named()
    assert (found["names"], found["passed"]) == (["b.png"], 3)
    reasons = {each["path"][:6]: each["reason"] for each in found["left"]}
    assert list(reasons) == ["closed", "a.heic", "linked"]
    assert "may not be read" in reasons["closed"] and "HEIC" in reasons["a.heic"] and "link" in reasons["linked"]
    monkeypatch.setattr(trials, "MOST_LEFT", 1)
    found = named()
    assert (len(found["left"]), found["passed"]) == (1, 3)


@pytest.mark.slow
def test_where_the_model_looked_is_told_of_images_of_the_pool(server: Server, client: TestClient, made: Any) -> None:
    project, run = made
    key, item = server.open(project.folder), int(items.pool(project).ids[0])
    found = client.get(f"/x/{key}/where", params={"run": run, "id": item}).json()
    assert found["method"] == "cam" and max(map(max, found["cells"])) == 255 and len(found["box"]) == 4
    assert client.get(f"/x/{key}/where", params={"run": run, "id": 9999}).json()["what"] == "There is no such image"
