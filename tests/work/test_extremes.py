"""Very small pools, all the way: chosen, drawn, labeled, trained, predicted, by a real child process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from tests.conftest import SMALL
from tests.work.test_worker import end_child, finish, small

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_child_is_left(tmp_path: Path, ready_workers: None, small_network: str) -> Iterator[None]:
    yield
    end_child(projects.open_project(tmp_path / "project"))


def painted(folder: Path, values: list[int]) -> Project:
    """A project of one-coloured pictures; the names differ, the bytes where the values do."""
    (folder / "images").mkdir()
    for number, value in enumerate(values):
        Image.new("RGB", (40, 40), (value, 90, 255 - value)).save(folder / "images" / f"{number:02d}.png")
    return projects.create(folder / "project", folder / "images")


def chosen(made: Project, budget: int) -> list[int]:
    run = finish(made, run_queue.queue(made, "select", {"budget": str(budget), "near": 0.0, "backbone": SMALL}))
    assert run.status == "done", run.reason
    return [entry.item for entry in selections.queue(made)]


def test_two_images_go_all_the_way(tmp_path: Path) -> None:
    """Hostile input 14: fewer than 15 images, each class with one label, the whole pool chosen."""
    made = painted(tmp_path, [0, 250])
    ids = chosen(made, 2)
    names = classes.ensure_classes(made, ("dark", "light"))
    ops = [Op(n, "label", item, name) for n, (item, name) in enumerate(zip(ids, names.values(), strict=True), 1)]
    operations.apply(made, "test", ops)
    drawn = run_queue.queue(made, "map", {"backbone": SMALL})
    train = run_queue.queue(made, "train", small())
    predict = finish(made, run_queue.queue(made, "predict", {"run": train}))
    ended = [run_queue.get(made, each) for each in (drawn, train, predict.id)]
    assert [(each.status, each.reason) for each in ended] == [("done", "")] * 3
    with np.load(made.predictions_file(train), allow_pickle=False) as stored:
        assert np.isfinite(stored["probabilities"]).all() and stored["ids"].shape == (2,)


def test_copies_of_one_image_are_one_image(tmp_path: Path) -> None:
    """Hostile input 14: identical images. One can be chosen, and two are more than the pool has."""
    made = painted(tmp_path, [7] * 5)
    assert len(chosen(made, 1)) == 1
    run = finish(made, run_queue.queue(made, "select", {"budget": "2", "backbone": SMALL}))
    assert run.status == "failed" and "larger than the pool" in run.reason
