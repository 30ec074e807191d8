"""The rounds' bench on a small folder whose classes are told apart by their features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from app.pages.results.next_text import TEXT
from fact_core.bench import rounds_plot, tables
from fact_core.bench.rounds import ONCE, WAYS, Folder, chosen, evidence_of, measured, table
from fact_core.generators import finish


@pytest.fixture(scope="module")
def folder() -> Folder:
    """400 images of four classes around four axes, 150 of them check images."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 100)
    x = (np.eye(32)[y] + 0.12 * rng.normal(size=(400, 32))).astype(np.float32)
    return Folder(x, y, rng.choice(400, 150, replace=False), 4, torch.device("cpu"))


def cell(way: str, labels: int) -> dict[str, Any]:
    about = {"dataset": "axes", "test_images": 400, "classes": 4, "backbone": "none", "image_size": 1}
    return {**about, "strategy": way, "labels": labels, "seed": 0, "overrides": {"check": 150, "round": 9}}


def test_every_way_buys_as_many_labels_and_no_check_image(folder: Folder) -> None:
    first = finish(chosen(folder, "one shot", 9, 9, 0)).tolist()
    for way in ("rounds", "random"):
        rows = finish(chosen(folder, way, 18, 9, 0)).tolist()
        assert len(set(rows)) == 18 and not set(rows) & set(folder.check.tolist())
        assert (rows[:9] == first) == (way == "rounds")  # a round adds to the one before


def test_what_is_accepted_is_not_labeled_any_more(folder: Folder) -> None:
    row = {**cell("random", 18), **finish(measured(folder, cell("random", 18), 9))}
    assert row["looks"] == 1 and row["accepted 90%"] > 50
    for goal in ("90%", "95%"):
        assert row[f"to finish {goal}"] == 400 - row[f"accepted {goal}"]
        assert row[f"right {goal}"] <= row[f"accepted {goal}"]
    assert not any(key.endswith(ONCE) for key in row)
    asked = {**cell("rounds", 18), **finish(measured(folder, cell("rounds", 18), 9))}
    assert asked["looks"] == 2 and asked[f"accepted 90%{ONCE}"] >= asked["accepted 90%"] > 0
    text = table([row, asked, {**row, "overrides": {"check": 100, "round": 9}}])
    assert text.startswith("axes: 400 images, 4 classes, 150 check images, 1 seeds")
    assert text.count("| 18 + 150 |") == 3 and text.count("| 18 + 150 | Rounds, asked once |") == 1
    assert "100 check images, 1 seeds" in text and text.count("| 18 + 100 |") == 1


def test_the_promise_rests_on_check_images_alone(folder: Folder) -> None:
    rows = finish(chosen(folder, "random", 18, 9, 0))
    p = np.eye(4)[folder.y].astype(np.float32)
    found = evidence_of(folder, rows, p, p.argmax(axis=1) == folder.y)
    assert not set(found.ids.tolist()) & {*rows.tolist(), *folder.check.tolist()}
    assert len(found.check_right) <= 150 and found.check_right.all()


def gained(name: str, labels: int, check: int = 0) -> float:
    """Points by which rounds are right more often than one shot, on the mean of five seeds. check: 0 for the fewest."""
    rows = [row for row in tables.rows("rounds") if (row["dataset"], row["labels"]) == (name, labels)]
    check = check or min(row["overrides"]["check"] for row in rows)
    own = {
        way: [r["accuracy"] for r in rows if (r["strategy"], r["overrides"]["check"]) == (way, check)] for way in WAYS
    }
    assert all(len(each) == 5 for each in own.values())
    return float(100 * (np.mean(own["rounds"]) - np.mean(own["one shot"])))


def test_what_the_page_says_of_rounds_is_what_was_measured() -> None:
    """Points by which two rounds are right more often than one shot, on the mean of the seeds."""
    more = {name: gained(name, 300 if name == "caltech51" else 100) for name in ("caltech51", "flowers", "cifar10")}
    told = TEXT["next.measured"]
    assert round(more["caltech51"]) == 3 and round(gained("caltech51", 600)) == 6
    assert "with 51 kinds of photos two rounds of 150 had 3 points more right, four had 6" in told
    assert abs(more["cifar10"]) < 1 and abs(more["flowers"]) < 1
    assert round(gained("cifar10", 400)) == round(gained("flowers", 400)) == 2
    assert "two rounds of 50 had as many, eight had 2 points more" in told


def test_pictures_begin_where_a_round_is_a_single_shot() -> None:
    rows = [{**row, "dataset": "axes"} for row in tables.rows("rounds") if row["dataset"] == "flowers"]
    right, done = rounds_plot.right(rows, "axes"), rounds_plot.finished(rows, "axes", "80%")
    for picture in (right, done):
        assert all(f">{title}</text>" in picture for title in WAYS.values()) and picture.count("<polyline") == 3
        assert picture.count("<circle") == 3 * 4 + 3
    assert right != done
