"""What the same command finds of an earlier start that was killed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from fact_core.config import SelectConfig, to_dict, train_config
from fact_core.headless import again
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, run_queue, usable
from fact_core.storage.view import seen_by
from fact_core.types import Selection
from tests.storage_help import flat_project


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_selection_whose_run_was_killed_after_it_is_not_made_twice(
    tmp_path: Path, status: Literal["done", "failed"]
) -> None:
    """Of a second round: chosen again it would add its budget a second time."""
    made, config = flat_project(tmp_path), SelectConfig(budget="2", extend=True)
    run = run_queue.queue(made, "select", dataclasses.asdict(config))
    assert run_queue.claim(made, "test") is not None
    about = {"budget": 2, "check": 0, "seen": seen_by(made, config.backbone, config.view)}
    ids = np.array([1, 2], dtype=np.int64)
    number = selections.save(made, Selection(ids, ("pick", "pick"), ids[:0], "random", about), run)
    run_queue.finish(made, run, status, result={"selection": number} if status == "done" else None)
    for found in (again.selection(made, config), again.selection_like(made, config)):
        assert found is not None and found.id == number
    assert again.selection_like(made, SelectConfig(budget="3", extend=True)) is None


@pytest.mark.parametrize("unknown", [(), ("deterministic",), ("deterministic", "view")])
def test_a_stopped_training_of_before_an_option_goes_on(tmp_path: Path, unknown: tuple[str, ...]) -> None:
    project, config = flat_project(tmp_path), train_config("quick", recipe="lm")
    stored = {name: value for name, value in to_dict(config).items() if name not in unknown}
    run = run_queue.queue(project, "train", stored)
    run_queue.finish(project, run, "stopped")
    found = again.training(project, config)
    assert found is not None and found.id == run
    assert again.training(project, train_config("quick", recipe="lm", seed=config.seed + 1)) is None


def test_a_training_with_an_option_that_is_gone_is_another_one(tmp_path: Path) -> None:
    project, config = flat_project(tmp_path), train_config("quick", recipe="lm")
    run = run_queue.queue(project, "train", {**to_dict(config), "once": 1})
    run_queue.finish(project, run, "stopped")
    assert again.training(project, config) is None


def test_a_training_with_fewer_labels_than_there_are_now_is_another_one(tmp_path: Path) -> None:
    """With a longer file of labels the old training was taken, and what was bought since counted nowhere."""
    project = flat_project(tmp_path)
    (cat,) = classes.ensure_classes(project, ["cat"]).values()
    ids = np.array([1, 2, 3], dtype=np.int64)
    number = selections.save(project, Selection(ids, ("pick",) * 3, ids[:0], "random", {}), None)
    operations.apply(project, "file", [Op(1, "label", 1, cat), Op(2, "label", 2, cat)])
    config = train_config("quick", recipe="lm", selection=number)
    run = run_queue.queue(project, "train", to_dict(config))
    kept = project.run_folder(run) / "labels.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"ids": [1, 2], "y": [0, 0], "classes": ["cat"]}))
    run_queue.finish(project, run, "stopped")
    found = again.training(project, config)
    assert found is not None and found.id == run
    operations.apply(project, "file", [Op(3, "label", 3, cat)])
    assert again.training(project, config) is None


def test_a_selection_of_images_that_are_others_now_is_made_anew(tmp_path: Path) -> None:
    """Also where the scan that found it was killed before it could say so."""
    made, config = flat_project(tmp_path), SelectConfig(budget="2")
    run = run_queue.queue(made, "select", dataclasses.asdict(config))
    about = {"budget": 2, "check": 0, "seen": seen_by(made, config.backbone, config.view)}
    about["images"] = usable.fingerprint(made)
    ids = np.array([1, 2], dtype=np.int64)
    selections.save(made, Selection(ids, ("pick", "pick"), ids[:0], "random", about), run)
    run_queue.finish(made, run, "done")
    operations.apply(made, "desk", [Op(1, "exclude", 6)])  # by a person: the pool is the same
    assert again.selection(made, config) is not None
    with db.writing(made.db, made.id) as con:
        con.execute("UPDATE item SET digest = 'another' WHERE id = 2")
    assert again.selection(made, config) is None
