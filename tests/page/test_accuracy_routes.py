"""One run has one accuracy: in the state, in the lists, on Results and in the exported card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.pages.results import findings
from app.shell.server import Server
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import groups, items, predictions, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work import reports
from fact_core.work.scan import scan

Made = tuple[Project, TestClient, str, int]


@pytest.fixture
def made(tmp_path: Path, make_images: Callable[..., Path], routes: tuple[TestClient, Any]) -> Iterator[Made]:
    """24 images in the folders green and red; a run that learned from the first four and errs on every fifth image."""
    project = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(project))
    pool = items.pool(project)
    roles = ("pick",) * 4 + ("audit",) * 8
    rows = np.r_[0:4, 8:16]
    selections.save(project, Selection(pool.ids[rows], roles, pool.ids[:0], "random"), None)
    classes.ensure_classes(project, ["green", "red"])
    run = run_queue.queue(project, "train", {"recipe": "lp"})
    assert run_queue.claim(project, "test") is not None
    report = {"basis": "cross-validation", "n": 4, "accuracy": 0.5, "interval": [0.1, 0.9], "per_class": []}
    known = {"classes": ["green", "red"], "ids": pool.ids[:4].tolist(), "counts": [2, 2], "labels": 4, "phases": []}
    told = {**known, "report": {**report, "confusion": [], "ece": None}, "temperature": {"value": 2.0}}
    run_queue.finish(project, run, "done", result=told)
    client, current = routes
    server = current.server = Server()
    yield project, client, server.open(project.folder), run
    server.close()


def predict(project: Project, run: int) -> None:
    pool = items.pool(project)
    y = np.array([path.startswith("red/") for path in pool.paths], dtype=np.int64)
    y[::5] = 1 - y[::5]
    project.run_folder(run).mkdir(parents=True, exist_ok=True)
    near = np.zeros(24, dtype=bool)
    near[9] = True
    sure, cooler = np.full(24, 0.9, np.float32), np.full(24, 0.7, np.float32)
    np.savez(project.predictions_file(run), ids=pool.ids, y=y, confidence=sure, near=near, scaled=cooler)
    predictions.store(project, run, pool.ids, y, sure, ["green", "red"])


def check(project: Project, first: int, last: int) -> None:
    """Label these check images by their folders."""
    pool, ids = items.pool(project), classes.ensure_classes(project, ["green", "red"])
    ops = [Op(row, "label", int(pool.ids[row]), ids[pool.paths[row].partition("/")[0]]) for row in range(first, last)]
    operations.apply(project, f"desk{first}", ops)


def everywhere(made: Made) -> set[float]:
    """The accuracy wherever it is told, as a set."""
    project, client, key, run = made
    state = client.get(f"/x/{key}/state").json()
    events = client.get(f"/x/{key}/events?run={run}").json()["run"]
    shown = client.get(f"/x/{key}/results?run={run}").json()
    card = reports.newest(project, run_queue.get(project, run))
    assert card is not None
    assert [step["fact"] for step in state["steps"]][-1] == f"{100 * state['runs'][0]['accuracy']:.1f} %"
    assert state["runs"][0]["interval"] == pytest.approx(shown["measured"]["interval"])
    assert list(card.interval) == pytest.approx(shown["measured"]["interval"])
    return {
        round(each, 6)
        for each in (state["runs"][0]["accuracy"], events["accuracy"], shown["measured"]["accuracy"], card.accuracy)
    }


def test_of_the_newest_check_images_without_another_training(made: Made) -> None:
    project, _, _, run = made
    assert everywhere(made) == {0.5}  # what the training told
    predict(project, run)
    assert everywhere(made) == {0.8}  # by the names of folders, of the 20 images without a label
    check(project, 8, 12)
    assert everywhere(made) == {0.75}  # rows 8 to 11, of which 10 is wrong
    check(project, 12, 16)
    assert everywhere(made) == {0.75}  # 10 and 15
    operations.apply(project, "later", [Op(1, "clear", int(items.pool(project).ids[15]))])
    assert everywhere(made) == {round(6 / 7, 6)}


def test_leaks_groups_and_temperature_are_told(made: Made) -> None:
    project, client, key, run = made
    predict(project, run)
    check(project, 8, 16)
    more = client.get(f"/x/{key}/results").json()["measured"]["more"]
    assert (more["leaks"], more["clean"]["n"], more["clean"]["right"], more["groups"]) == (1, 7, 5, 0)
    assert more["ece"] == pytest.approx(0.15) and more["ece_scaled"] == pytest.approx(0.05)
    groups.choose(project, "name")
    names = {int(item): f"g{row // 4}" for row, item in enumerate(items.pool(project).ids)}
    groups.store(project, "name", {**names, int(items.pool(project).ids[12]): "g0"})  # with what was trained on
    told = client.get(f"/x/{key}/results").json()["measured"]
    assert (told["more"]["leaks"], told["more"]["groups"]) == (2, 3)
    assert everywhere(made) == {0.75}
    run_now = run_queue.get(project, run)
    answers = findings.answers_of(project, run_now)
    assert answers is not None and findings.known_classes(project, run_now, answers)[0].keys() == set(
        items.pool(project).ids[8:16].tolist()
    )
