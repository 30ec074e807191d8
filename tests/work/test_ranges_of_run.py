"""A training that goes on sees deep pixels as it saw them before, whatever images came meanwhile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.config import FeaturesConfig, SelectConfig, from_dict, to_dict
from fact_core.config import TrainConfig as Options
from fact_core.events import Event, Log, PhaseDone, Saved
from fact_core.generators import finish
from fact_core.storage import deep, project, run_queue
from fact_core.storage.project import Project
from fact_core.work import features, scan, select, train
from tests.work.test_train import run_of
from tests.work.test_worker import SMALL, label_all, small


def options() -> Options:
    """A training of the small network: what it sees is asked, not what it learns."""
    return from_dict(Options, small(recipe="fact", device="cpu", **{"ff.pixels": 32}))


def deep_picture(file: Path, brightest: int, seed: int) -> None:
    """Grey noise of 16 bits a value, whose values end at ``brightest``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, brightest + 1, (40, 40)).astype(np.uint16)
    values[:4] = brightest
    Image.fromarray(values).save(file)


@pytest.fixture
def labeled(tmp_path: Path, small_network: str) -> Project:
    """24 pictures of 12 bits in files of 16; nine are labeled."""
    for place, name in enumerate(("red", "green", "blue")):
        for number in range(8):
            deep_picture(tmp_path / "images" / name / f"{number}.png", 1300 * (place + 1), 100 * place + number)
    made = project.create(tmp_path / "project", tmp_path / "images")
    look_again(made)
    finish(select.run(made, run_of(made, "select"), SelectConfig(budget="9", device="cpu", near=0.0, backbone=SMALL)))
    label_all(made)
    return made


def look_again(made: Project) -> None:
    finish(scan.scan(made))
    finish(features.run(made, run_of(made, "features"), FeaturesConfig(device="cpu", backbone=SMALL)))


def stopped_after_the_probe(made: Project) -> run_queue.Run:
    run = run_of(made, "train", to_dict(options()))
    steps = train.run(made, run, options())
    assert any(isinstance(event, Saved) and event.phase == "lp" for event in iter(lambda: next(steps), None))
    steps.close()
    return run


def brighter(made: Project) -> None:
    deep_picture(made.images / "red" / "new.png", 65535, 7)
    before = deep.ranges(made)
    look_again(made)
    assert deep.ranges(made) != before


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("cleared", [False, True], ids=["", "its features are gone"])
def test_a_brighter_image_between_stop_and_resume_changes_nothing(labeled: Project, cleared: bool) -> None:
    before = deep.ranges(labeled)
    run = stopped_after_the_probe(labeled)
    if cleared:
        shutil.rmtree(labeled.cache)
    brighter(labeled)
    told: list[Event] = []
    result = finish(train.run(labeled, run, options()), told.append)
    assert any("Going on after: " in each.text for each in told if isinstance(each, Log)), told
    assert "lp" not in [each.phase for each in told if isinstance(each, PhaseDone)]
    assert result["labels"] == 9
    stored = json.loads((labeled.run_folder(run.id) / "model" / "config.json").read_text("utf-8"))
    assert [tuple(each) for each in stored["ranges"]] == list(before)


@pytest.mark.slow
@pytest.mark.weights
def test_a_training_of_an_earlier_version_goes_on_with_the_ranges_of_now(
    labeled: Project,
) -> None:
    """It has not written them down."""
    run = stopped_after_the_probe(labeled)
    (labeled.run_folder(run.id) / "ranges.json").unlink()
    told: list[Event] = []
    assert finish(train.run(labeled, run, options()), told.append)["labels"] == 9
    assert any("Going on after: " in each.text for each in told if isinstance(each, Log)), told


@pytest.mark.slow
@pytest.mark.weights
def test_a_new_training_sees_the_ranges_of_now(labeled: Project) -> None:
    brighter(labeled)
    run = run_of(labeled, "train", to_dict(options()))
    config = from_dict(Options, small(recipe="lm", device="cpu"))
    finish(train.run(labeled, run, config))
    stored = json.loads((labeled.run_folder(run.id) / "model" / "config.json").read_text("utf-8"))
    assert [tuple(each) for each in stored["ranges"]] == list(deep.ranges(labeled))
