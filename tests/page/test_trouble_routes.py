"""The routes while the project's file is away, is another one, or its disk is full."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.routes import register_all
from app.shell.server import Server
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, run_queue
from fact_core.storage.project import Project, open_project
from fact_core.types import Selection
from tests.small_disk import fill, small_disk
from tests.storage_help import flat_project


@dataclass
class Page:
    """A page of one open project of six images, four of them chosen, and one class."""

    client: TestClient
    server: Server
    project: Project
    key: str

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"/x/{self.key}{path}")
        assert answer.status_code == status, answer.text
        return answer.json() if "json" in answer.headers["content-type"] else answer.content

    def label(self, seq: int, item: int, status: int = 200, **more: str) -> Any:
        ops = [{"seq": seq, "kind": "label", "item": item, "class_id": 1}]
        answer = self.client.post(f"/x/{self.key}/ops", json={"client": "desk.tab", "ops": ops, **more})
        assert answer.status_code == status, answer.text
        return answer.json()


def chosen(folder: Path) -> Project:
    project = flat_project(folder)
    ids = np.arange(1, 5, dtype=np.int64)
    selections.save(project, Selection(ids, ("pick",) * 4, ids[:0], "random"), None)
    classes.add_class(project, "a")
    return project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mine"


@pytest.fixture
def page(folder: Path) -> Iterator[Page]:
    project, server, app = chosen(folder), Server(), FastAPI()
    register_all(app, server)
    key = server.open(project.folder)
    with TestClient(app) as client:
        yield Page(client, server, project, key)
    server.close()


def test_while_the_file_is_gone_every_answer_says_so_and_nothing_is_made(page: Page, tmp_path: Path) -> None:
    page.label(1, 1)
    away = tmp_path / "away"
    page.project.folder.rename(away)  # as when its disk is taken away
    for path in ("/state", "/queue", "/map", "/steps?client=desk.tab", "/changes?since=0", "/thumb/1", "/item?id=1"):
        assert page.get(path, 404)["what"] == "The project's file is not there"
    assert page.label(2, 2, 404)["do"].startswith("Put it back, or connect the disk")
    assert not page.project.folder.exists()
    away.rename(page.project.folder)
    assert page.label(2, 2)["last_seq"] == 2
    assert page.get("/state")["labels"]["total"] == 2


def test_a_file_without_a_byte_is_not_filled(page: Page, tmp_path: Path) -> None:
    shutil.copy(page.project.db, tmp_path / "kept")
    os.truncate(page.project.db, 0)
    assert page.get("/state", 404)["what"] == "The project's file is empty"
    assert page.label(1, 1, 404)["found"].endswith("has 0 bytes")
    assert page.project.db.stat().st_size == 0
    shutil.copy(tmp_path / "kept", page.project.db)
    assert page.label(1, 1)["last_seq"] == 1


@pytest.mark.parametrize("same_inode", [True, False])
def test_labels_of_another_project_are_refused_and_kept_apart(page: Page, tmp_path: Path, same_inode: bool) -> None:
    """The page says which project its labels are about; an image of that number is there in both."""
    mine = page.get("/queue")["project"]
    assert mine == page.get("/state")["project"]["id"] == page.project.id != ""
    page.label(1, 1, project=mine)
    other = chosen(tmp_path / "other")
    kept = tmp_path / "kept"
    if same_inode:
        shutil.copyfile(page.project.db, kept)
        shutil.copyfile(other.db, page.project.db)
    else:
        page.project.db.rename(kept)
        shutil.copyfile(other.db, page.project.db)
    told = page.label(2, 2, 410, project=mine)
    assert told["what"] == "This project is not what it was" and "Put the file back" in told["do"]
    assert page.get("/state")["project"]["id"] == other.id
    assert page.get("/queue")["project"] == other.id
    assert page.label(2, 2, 410, project=mine)
    assert labels_now.history(open_project(page.project.folder)) == []
    os.replace(kept, page.project.db)
    assert page.label(2, 2, project=mine)["last_seq"] == 2
    assert [row.item for row in labels_now.history(page.project)] == [1, 2]


def test_an_earlier_copy_is_the_same_project_and_shown_as_it_is(page: Page, tmp_path: Path) -> None:
    page.label(1, 1)
    shutil.copy(page.project.db, tmp_path / "earlier")
    page.label(2, 2)
    assert page.get("/state")["labels"]["total"] == 2
    os.replace(tmp_path / "earlier", page.project.db)
    assert page.get("/state")["labels"]["total"] == 1
    assert page.label(2, 2, project=page.project.id)["last_seq"] == 2


class TestFullDisk:
    """Hostile input 11: disk full gives a message and loses nothing."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Iterator[Path]:
        with small_disk(tmp_path / "disk", "6m") as folder:
            yield folder

    def test_reading_goes_on_and_every_answer_says_so(self, page: Page, folder: Path) -> None:
        page.label(1, 1)
        ballast = fill(folder)
        state = page.get("/state")
        assert state["full"] is True and state["labels"]["total"] == 1
        assert page.get(f"/state?known={state['version']}") == {
            "version": state["version"],
            "unchanged": True,
            "full": True,
        }
        assert len(page.get("/queue")["entries"]) == 4
        for path in ("/steps?client=desk.tab", "/changes?since=0", "/item?id=1", "/thumb/1", "/thumb/5", "/image/2"):
            page.get(path)
        for path, body in (
            ("/ops", {"client": "desk.tab", "ops": [{"seq": n, "kind": "skip", "item": 2} for n in range(2, 900)]}),
            ("/classes", {"op": "add_many", "text": "\n".join(f"class {n:09d}" for n in range(2000))}),
        ):
            answer = page.client.post(f"/x/{page.key}{path}", json=body)
            assert answer.status_code == 507 and "nothing is lost" in answer.json()["do"], answer.text
        assert len(labels_now.history(page.project)) == 1
        ballast.unlink()
        assert "full" not in page.get("/state")
        page.label(2, 2)

    def test_it_can_be_opened_again_meanwhile(self, page: Page, folder: Path) -> None:
        operations.apply(page.project, "tab", [Op(1, "label", 1, 1)])
        fill(folder)
        page.server.close()
        assert page.get("/state")["labels"]["total"] == 1

    def test_a_lost_run_that_cannot_be_written_down_is_no_error_of_the_state(self, page: Page, folder: Path) -> None:
        run_queue.queue(page.project, "scan", {})
        run = run_queue.claim(page.project, "gone")
        assert run is not None
        with db.connect(page.project.db) as con:
            con.execute("UPDATE run SET heartbeat = 0")
        fill(folder)
        state = page.get("/state")
        assert (state["full"], state["run"]["id"]) == (True, run.id)


def test_a_file_that_nobody_thought_of_is_told_in_words(server: Server) -> None:
    app = FastAPI()
    register_all(app, server)

    @app.get("/odd")
    def odd(name: str) -> bytes:
        return Path(name).read_bytes()

    asked = TestClient(app, base_url="http://127.0.0.1:7860")
    for name in ("x" * 300, "/"):
        answer = asked.get("/odd", params={"name": name})
        assert (answer.status_code, answer.json()["what"]) == (507, "Input/output error (answering)")
