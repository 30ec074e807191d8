"""GET /x/K/odd: the odd images of the pool, without those that are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.shell.server import Server
from fact_core.generators import finish
from fact_core.labeling import operations
from fact_core.labeling.history import Op
from fact_core.storage import items, odd_file
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint


def measured(project: Project) -> None:
    """Image 1 is dark, 2 and 3 nearly repeat 1, of 10 that were measured."""
    n = 10
    light, twin = np.linspace(0.5, 0.52, n), np.full(n, -1)
    light[0], twin[1:3] = 0.02, 0
    columns = {"sharp": np.linspace(0.01, 0.011, n), "light": light, "clipped": np.zeros(n), "side": np.full(n, 200)}
    columns |= {"apart": np.linspace(0.5, 0.52, n), "twin": twin, "alike": np.where(twin >= 0, 0.98, 0)}
    columns["off"] = np.where(twin >= 0, 0.04, 0)
    odd_file.save(project, "key", items.pool(project).digests[:n], columns)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, images=12)


def test_nothing_is_known_before_it_was_looked_for(server: Server, client: TestClient, project: Project) -> None:
    told = client.get(f"/x/{server.open(project.folder)}/odd").json()
    assert told == {"known": False, "new": 12, "n": 0, "lists": [], "excluded": [], "among": 0}


def test_what_an_earlier_version_has_measured_is_to_be_looked_for_again(
    server: Server, client: TestClient, project: Project
) -> None:
    measured(project)
    kept = odd_file.load(project)
    assert kept is not None
    columns = {("far" if name == "apart" else name): each for name, each in kept.columns.items()}
    odd_file.save(project, kept.key, kept.digests, columns)
    told = client.get(f"/x/{server.open(project.folder)}/odd").json()
    assert (told["known"], told["new"], told["lists"]) == (False, 12, [])


def test_lists_have_their_reasons_and_each_image_counts_once(
    server: Server, client: TestClient, project: Project
) -> None:
    measured(project)
    told = client.get(f"/x/{server.open(project.folder)}/odd").json()
    lists = {each["kind"]: each for each in told["lists"]}
    assert list(lists) == ["unlike", "blurred", "dark", "bright", "tiny", "twin"]
    assert (told["known"], told["new"], told["n"]) == (True, 2, 3)
    assert (lists["dark"]["ids"], lists["dark"]["values"]) == ([1], [0.02])
    assert (lists["twin"]["ids"], lists["twin"]["twins"]) == ([2, 3], [1, 1])


def test_what_is_left_out_leaves_the_lists_and_comes_back(server: Server, client: TestClient, project: Project) -> None:
    measured(project)
    key = server.open(project.folder)
    before = client.get(f"/x/{key}/state").json()
    operations.apply(project, "desk.one", [Op(1, "exclude", 1)])
    told = client.get(f"/x/{key}/odd").json()
    assert (told["n"], told["excluded"]) == (0, [1])  # 2 and 3 repeat nothing that is still there
    after = client.get(f"/x/{key}/state").json()
    assert (before["counts"]["pool"], after["counts"]["pool"], after["counts"]["excluded"]) == (12, 11, 1)
    assert after["steps"][0]["fact"] == "11 images"
    operations.apply(project, "desk.one", [Op(2, "undo", 1)])
    assert client.get(f"/x/{key}/odd").json()["n"] == 3


def test_an_image_that_has_changed_is_to_be_measured_again(
    server: Server, client: TestClient, project: Project
) -> None:
    measured(project)
    key = server.open(project.folder)
    assert client.get(f"/x/{key}/odd").json()["new"] == 2
    paint(project.images / "000.png", 777)
    finish(scan(project))
    told = client.get(f"/x/{key}/odd").json()
    assert (told["new"], [each["ids"] for each in told["lists"] if each["kind"] == "dark"]) == (3, [[]])
