"""What the review asks: the answers as columns, and one image at large. On a project with stored runs and features."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.pages.results.ahead import MORE
from app.pages.results.compare import best_of
from app.pages.results.review import ACCEPTED, CHECKED, NONE, OPEN, SINCE, TO_CHECK, TRAINED
from fact_core.analysis.learning_curve import gain
from fact_core.choices import BACKBONES
from fact_core.generators import finish
from fact_core.labeling import acceptances, classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.types import Evidence
from fact_core.work.scan import scan
from tests.page.test_results_routes import Site, foldered, label, site_of, train, truth_of
from tests.storage_help import flat_project

__all__ = ["foldered", "site_of"]  # fixtures


def columns(site: Site, run: int = 0) -> dict[str, Any]:
    """The answer of /review as the page reads it."""
    answer = site.browser.get(f"/x/{site.key}/review?run={run}")
    assert answer.status_code == 200, answer.text
    body = answer.content
    start = 4 + int.from_bytes(body[:4], "little")
    head = json.loads(body[4:start])
    found, at = {**head}, start
    for name, kind in (("ids", "i4"), ("rank", "i4"), ("said", "u2"), ("sure", "u2"), ("truth", "u2"), ("part", "u1")):
        found[name] = np.frombuffer(body, f"<{kind}", head["n"], at).astype(np.int64)
        at += np.dtype(kind).itemsize * head["n"]
    assert at == len(body)
    return found


def with_features(project: Project) -> None:
    """Stored features, with a map of their first two: the folder says on which axis an image lies."""
    pool = items.pool(project)
    y = truth_of(pool)
    x = np.stack([1 - y, y, np.arange(len(pool)) / 100, np.ones(len(pool))], axis=1).astype(np.float32)
    FeatureStore.open(project.features_folder("f1"), 4, {"backbone": "x"}).append(pool.digests, x)
    maps = project.cache / "maps"
    maps.mkdir(parents=True, exist_ok=True)
    np.save(maps / "f1.npy", x[:, :2])
    np.save(maps / "f1.ids.npy", pool.ids)
    run_queue.finish(project, run_queue.queue(project, "features", {}), "done", result={"key": "f1"})


def test_columns_say_what_the_matrix_counts(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    found, result = columns(foldered, run), foldered.get(f"/results?run={run}")
    assert (found["classes"], found["model"], found["kind"]) == (["green", "red"], 2, "folders")
    assert found["sure"].tolist() == [round(0.75 * 65535)] * 24
    pool = items.pool(foldered.project)
    assert found["ids"].tolist() == pool.ids.tolist()
    y = truth_of(pool)
    free = found["part"] == OPEN
    assert (found["truth"][free] == y[free]).all() and (found["truth"][~free] == NONE).all()
    assert [int((found["part"] == part).sum()) for part in (OPEN, TRAINED, CHECKED, SINCE, TO_CHECK)] == [
        16,
        4,
        4,
        0,
        0,
    ]
    # what is said of the check images is what the matrix counts, cell by cell
    checked = found["part"] == CHECKED
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (y[checked], found["said"][checked]), 1)
    assert counts.tolist() == result["measured"]["confusion"]


def test_where_an_image_stands_follows_labels_and_selections(foldered: Site) -> None:
    project = foldered.project
    train(project, label(project))
    pool, one = items.pool(project), classes.classes(project)[0]
    operations.apply(project, "later", [Op(seq=1, kind="label", item=int(pool.ids[1]), class_id=one.id)])
    found = columns(foldered)
    row = found["ids"].tolist().index(int(pool.ids[1]))
    assert (found["part"][row], found["truth"][row]) == (SINCE, NONE)
    check = next(entry.item for entry in selections.queue(project) if entry.role == "audit")
    operations.apply(project, "later", [Op(seq=2, kind="clear", item=check)])
    assert columns(foldered)["part"][found["ids"].tolist().index(check)] == TO_CHECK


def test_accepted_images_stand_for_themselves_until_a_person_says_something(foldered: Site) -> None:
    project = foldered.project
    run = train(project, label(project))
    found = columns(foldered)
    some = found["ids"][found["part"] == OPEN][:2]
    about = {"threshold": 0.3, "accepted": 2, "checks": 30, "wrong": 0}
    look = acceptances.note_look(project, run, 0.9, 0.05, "x", **about)  # type: ignore[arg-type]
    sure, none = np.array([0.9, 0.4], dtype=np.float32), np.zeros(0, dtype=np.float32)
    red = next(each.id for each in classes.classes(project) if each.name == "red")
    acceptances.accept(project, look, Evidence(some, np.array([0, 0]), sure, ("red",), (red,), none, none > 0))
    found = columns(foldered)
    assert found["ids"][found["part"] == ACCEPTED].tolist() == some.tolist()
    operations.apply(project, "later", [Op(seq=1, kind="label", item=int(some[0]), class_id=red)])
    found = columns(foldered)
    assert found["ids"][found["part"] == ACCEPTED].tolist() == some[1:].tolist()
    assert found["part"][found["ids"] == some[0]].tolist() == [SINCE]


def test_images_that_left_the_pool_are_not_shown_and_order_is_by_path(foldered: Site) -> None:
    project = foldered.project
    train(project, label(project))
    before = columns(foldered)
    paths = dict(zip(items.pool(project).ids.tolist(), items.pool(project).paths, strict=True))
    assert [paths[i] for i in before["ids"][np.argsort(before["rank"])]] == sorted(paths.values())
    gone = items.pool(project).paths[3]
    items.settle(project, {path for path in paths.values() if path != gone})
    after = columns(foldered)
    assert after["n"] == 23 and sorted(after["rank"]) == list(range(23))


def test_one_image_at_large(foldered: Site) -> None:
    project = foldered.project
    run = train(project, label(project))
    pool = items.pool(project)
    item = int(pool.ids[1])
    look = foldered.get(f"/look?run={run}&id={item}")
    assert (look["path"], look["w"], look["h"]) == (pool.paths[1], 32, 32)
    assert look["top"] == [["red", 0.75], ["green", 0.25]]  # one of the two images on which it errs
    assert look["near"] is None  # no features are stored
    with_features(project)
    near = foldered.get(f"/look?run={run}&id={item}")["near"]
    assert [each["name"] for each in near[:4]] == ["green"] * 4 and near[0]["alike"] > 0.99
    assert near == sorted(near, key=lambda each: -each["alike"]) and len(near) == 6
    labeled = near[0]["id"]
    assert labeled not in [each["id"] for each in foldered.get(f"/look?run={run}&id={labeled}")["near"]]


def test_exact_copies_are_told_where_their_image_is_shown(foldered: Site) -> None:
    """Of files with the same bytes one is an image; what the others are called stands beside it."""
    project = foldered.project
    train(project, label(project))
    pool = items.pool(project)
    first = project.images / pool.paths[0]
    for name in ("a copy.png", "z copy.png"):
        shutil.copy(first, project.images / name)
    finish(scan(project))
    item, copies = int(pool.ids[0]), ["a copy.png", "z copy.png"]
    assert foldered.get(f"/item?id={item}")["copies"] == foldered.get(f"/look?id={item}")["copies"] == copies
    entries = {entry["id"]: entry for entry in foldered.get("/queue")["entries"]}
    assert entries[item]["copies"] == copies
    assert foldered.get(f"/item?id={pool.ids[1]}")["copies"] == []


@pytest.mark.parametrize("path", ["look?id=99999", "look?id=0", "review?run=99", "look?run=77&id=1"])
def test_what_is_not_there_is_told_in_words(foldered: Site, path: str) -> None:
    train(foldered.project, label(foldered.project))
    answer = foldered.browser.get(f"/x/{foldered.key}/{path}")
    assert answer.status_code == 400 and answer.json()["what"]


def test_before_the_pool_is_predicted(tmp_path: Path, site_of: Callable[[Project], Site]) -> None:
    site = site_of(flat_project(tmp_path))
    run = train(site.project, label(site.project, checks=0), predict=False)
    answer = site.browser.get(f"/x/{site.key}/review?run={run}")
    assert answer.status_code == 400 and "no predictions" in answer.json()["what"]
    assert site.get(f"/look?run={run}&id=1")["top"] == []


def suspects(site: Site) -> dict[str, Any]:
    """The answer of /suspects as the page reads it."""
    body = site.browser.get(f"/x/{site.key}/suspects").content
    start = 4 + int.from_bytes(body[:4], "little")
    found, at = dict(json.loads(body[4:start])), start
    for name, kind in (("ids", "i4"), ("twin", "i4"), ("doubt", "u2"), ("other", "u2"), ("kind", "u1")):
        found[name] = np.frombuffer(body, f"<{kind}", found["n"], at).tolist()
        at += np.dtype(kind).itemsize * found["n"]
    assert at == len(body)
    return found


def test_a_wrong_label_is_suspected(foldered: Site) -> None:
    project = foldered.project
    assert suspects(foldered)["why"] == "features"
    with_features(project)
    assert suspects(foldered)["why"] == "labels"
    pool, y = items.pool(project), truth_of(items.pool(project))
    ids = classes.ensure_classes(project, ["green", "red"])
    wrong = 5
    ops = [
        Op(n + 1, "label", int(item), ids["red" if y[n] != (n == wrong) else "green"])
        for n, item in enumerate(pool.ids)
    ]
    operations.apply(project, "test", ops)
    found = suspects(foldered)
    assert (found["n"], found["why"]) == (24, "")
    assert [row for row, kind in enumerate(found["kind"]) if kind and not found["twin"][row]] in ([], [wrong])
    assert found["kind"][wrong] and np.argmax(found["doubt"]) == wrong
    assert found["classes"][found["other"][wrong]] == "green"
    operations.apply(project, "test", [Op(100, "undo", int(pool.ids[wrong]))])
    assert suspects(foldered)["n"] == 23  # a label less: worked out anew


def test_runs_side_by_side_on_the_same_images(foldered: Site) -> None:
    """The second run errs on six images more, of which two are check images; a third has no answers."""
    project = foldered.project
    trained_on = label(project)
    better = train(project, trained_on, wrong=0)
    worse = train(project, trained_on, wrong=6)
    waits = train(project, trained_on, predict=False)
    found = foldered.get("/compare")
    assert found["best"] == better
    rows = {each["run"]["id"]: each for each in found["runs"]}
    assert list(rows) == [waits, worse, better]
    assert [(rows[run]["kind"], rows[run]["n"], rows[run]["right"]) for run in (better, worse, waits)] == [
        ("check", 4, 4), ("check", 4, 2), ("", 0, 0),
    ]  # fmt: skip
    assert rows[better]["against"] is None and rows[waits]["against"] is None
    assert rows[better]["run"]["net"] == BACKBONES[rows[better]["run"]["backbone"]].title  # no name of a file
    against = rows[worse]["against"]
    assert (against["n"], against["won"], against["lost"], against["difference"]) == (4, 0, 2, -0.5)
    assert against["sure"] is False and against["interval"][0] < -0.5 < against["interval"][1]
    learned = rows[worse]["run"]["labels"]
    assert [each["run"] for each in found["ahead"]] == [worse] * sum(learned + more <= 4 * learned for more in MORE)
    told = foldered.get(f"/gain?run={worse}&more=5")
    five = gain(2, 4, (learned + 5) / learned)
    assert told == {"run": worse, "more": 5, "known": True, **dataclasses.asdict(five)}
    assert not foldered.get(f"/gain?run={waits}&more=5")["known"], "what was not measured is not forecast"
    assert not foldered.get(f"/gain?run={worse}&more={4 * learned}")["known"], "nor what is too far"
    assert foldered.browser.get(f"/x/{foldered.key}/gain?run={worse}&more=0").status_code == 422
    differ = foldered.get(f"/differ?a={worse}&b={better}")["ids"]
    assert differ == items.pool(project).ids[:6].tolist()
    answer = foldered.browser.get(f"/x/{foldered.key}/differ?a={worse}&b={waits}")
    assert answer.status_code == 400 and "no predictions" in answer.json()["what"]


def test_the_best_is_proposed_for_export_unless_the_newest_may_be_as_good(foldered: Site) -> None:
    project = foldered.project
    trained_on = label(project, checks=8)
    first = train(project, trained_on, wrong=24)
    assert foldered.get("/compare")["proposed"] == first and foldered.get("/compare")["why"] == "only"

    def told() -> tuple[int, str]:
        found = foldered.get("/compare")
        return found["proposed"], found["why"]

    best = train(project, trained_on, wrong=0)
    assert told() == (best, "best")
    near = train(project, trained_on, wrong=6)
    assert told() == (near, "newest"), "some images fewer may be chance"

    def learned(run: int, ids: list[int], *y: int) -> None:
        kept = {"ids": ids, "y": y, "class_ids": [1, 2]}
        (project.run_folder(run) / "labels.json").write_text(json.dumps(kept), "utf-8")

    learned(best, [1, 2], 0, 1)
    for ids, y, proposed, why in (
        ([1, 2, 3], (0, 1, 1), 0, "newest"),  # it has learned from more
        ([1, 3], (1, 1), 0, "newest"),  # it has learned a correction
        ([1, 3], (0, 1), best, "no_more"),  # of as many labels the better one counts
        ([1, 2], (0, 1), best, "alike"),  # that the newest knows newer labels is no reason where it does not
    ):
        near = train(project, trained_on, wrong=6)
        learned(near, ids, *y)
        assert told() == (proposed or near, why)
    far = train(project, trained_on, wrong=24)
    assert told() == (best, "better")
    assert run_queue.get(project, far).status == "done"
    newest = train(project, trained_on, predict=False)
    assert told() == (best, "unmeasured")
    predicting = run_queue.queue(project, "predict", {"run": newest})
    assert told() == (best, "waits"), "the newest is answering the images: that is no lack of check images"
    run_queue.finish(project, predicting, "failed", reason="ended")
    assert told() == (best, "unmeasured")


def test_runs_are_named_and_deleted(foldered: Site) -> None:
    project, browser, at = foldered.project, foldered.browser, f"/x/{foldered.key}"
    trained_on = label(project)
    first, second = train(project, trained_on, wrong=6), train(project, trained_on, wrong=0)
    told = {"run": first, "name": "without flips", "note": "only to compare"}
    assert browser.post(f"{at}/run-name", json=told).status_code == 200
    brief = foldered.get("/compare")["runs"][1]["run"]
    assert (brief["name"], brief["note"]) == ("without flips", "only to compare")
    refused = browser.post(f"{at}/run-name", json={**told, "name": "a\nb"})
    assert refused.status_code == 400 and "cannot be shown" in refused.json()["what"]
    assert browser.post(f"{at}/run-delete", json={"run": first}).status_code == 200
    found = foldered.get("/compare")
    assert [(row["run"]["id"], row["run"]["number"]) for row in found["runs"]] == [(second, 2)]
    assert foldered.get("/results")["run"]["number"] == 2
    assert browser.get(f"{at}/results?run={first}").status_code == 400


def test_the_best_is_told_on_images_that_all_know() -> None:
    """Run 1 is right more often, but only on an image that run 2 cannot be measured on."""
    first, second = {1: True, 2: True, 3: False}, {2: True, 3: True}
    assert best_of({1: first, 2: second}) == 2
    assert best_of({1: first, 2: {}}) == 1
    assert best_of({1: {1: True}, 2: {1: True}}) == 2  # of equal ones the newest
    assert best_of({1: {1: True}, 2: {2: False}}) == 1  # nothing in common: each on its own
    assert best_of({}) == best_of({1: {}}) == 0
