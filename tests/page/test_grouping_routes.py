"""GET and POST /x/K/grouping: what the Select page shows of images that belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from starlette.testclient import TestClient

from app.shell.server import Server
from fact_core.generators import finish
from fact_core.storage import groups, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.storage_help import paint


def videos(folder: Path, count: int = 6, frames: int = 4) -> Project:
    for number in range(count * frames):
        paint(folder / "images" / f"vid{number // frames}-{number % frames:03d}.png", number)
    made = projects.create(folder / "project", folder / "images")
    finish(scan(made))
    return made


def test_what_is_found_is_shown_and_proposed(server: Server, client: TestClient, tmp_path: Path) -> None:
    project = videos(tmp_path)
    key = server.open(project.folder)
    told = client.get(f"/x/{key}/grouping").json()
    assert (told["chosen"], told["proposed"]) == ("none", "name")
    assert [way["way"] for way in told["ways"]] == ["none", "name"]  # no column, folders, times or features
    way = told["ways"][1]
    assert (way["groups"], way["largest"], way["alone"], way["later"]) == (6, 4, 0, False)
    first = way["examples"][0]
    assert (first["name"], first["size"], len(first["ids"])) == ("vid0", 4, 3)

    told = client.post(f"/x/{key}/grouping", json={"way": "name"}).json()
    assert told["chosen"] == "name"
    numbers = groups.among(project, items.pool(project).ids)
    assert numbers is not None and len(set(numbers.tolist())) == 6
    refused = client.post(f"/x/{key}/grouping", json={"way": "mood"})
    assert refused.status_code == 400 and "way to group images" in refused.json()["what"]
    client.post(f"/x/{key}/grouping", json={"way": "none"})
    assert groups.among(project, items.pool(project).ids) is None


def test_looks_are_asked_once_there_are_features(server: Server, client: TestClient, tmp_path: Path) -> None:
    project = videos(tmp_path)
    pool = items.pool(project)
    store = FeatureStore.open(project.features_folder("some-key"), 16)
    scenes = np.random.default_rng(0).normal(size=(8, 16))  # of three images each, whatever their names
    noise = np.random.default_rng(1).normal(size=(24, 16))
    store.append(pool.digests, (np.repeat(scenes, 3, axis=0) + 0.02 * noise).astype(np.float32))
    run = run_queue.queue(project, "features", {})
    assert run_queue.claim(project, "test") is not None
    run_queue.finish(project, run, "done", result={"key": "some-key"})
    key = server.open(project.folder)
    told = client.get(f"/x/{key}/grouping").json()
    way = told["ways"][-1]
    assert (way["way"], way["groups"], way["largest"], way["later"]) == ("alike", 8, 3, False)
    paint(project.images / pool.paths[0], 10_000)  # now it looks like the last three
    finish(scan(project))
    store.append([items.pool(project).digests[0]], scenes[-1:].astype(np.float32))
    way = client.get(f"/x/{key}/grouping").json()["ways"][-1]
    assert (way["groups"], way["largest"]) == (8, 4)
    paint(project.images / pool.paths[0], 0)
    finish(scan(project))
    client.post(f"/x/{key}/grouping", json={"way": "alike"})
    assert set(groups.names(project, "alike").values()) == {f"like {path}" for path in pool.paths[::3]}
