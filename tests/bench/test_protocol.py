"""What a table promises: long-tailed data weighs classes as they occur, and no training sees a test image."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fact_core.bench import arguments, measure
from fact_core.bench.cells import trainings, units_of
from fact_core.bench.datasets import Dataset, folders
from fact_core.bench.order import Order, read
from fact_core.bench.pool import Features
from fact_core.events import Log
from fact_core.finetune import pool_names
from tests.finetune_help import CPU, backbone, drain

CLASSES = ("cat", "dog", "frog")
SIDES = {"train": 5, "test": 3}  # images a class


def order(tmp_path: Path, *given: str) -> Order:
    """The order behind some flags."""
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)
    base = ("--data", str(tmp_path), "--out", str(tmp_path / "rows.json"), "--cache", str(tmp_path / "cache"))
    return read(parser.parse_args([*base, *given]))


def balanced(order: Order) -> set[bool]:
    """Whether classes weigh alike, in phases 1 and 3 of all trainings."""
    found = [each.config for each in trainings(order, 0, units_of(order))]
    return {group.balanced for config in found for group in (config.lp, config.lm)}


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_classes_of_long_tailed_data_weigh_as_often_as_they_occur(name: str, tmp_path: Path) -> None:
    for preset in ("quick", "standard", "paper"):
        assert balanced(order(tmp_path, "--dataset", f"{name}-lt", "--preset", preset)) == {False}
        assert balanced(order(tmp_path, "--dataset", name, "--preset", preset)) == {True}
    asked = ("--set", "lp.balanced=true", "--set", "lm.balanced=true")
    assert balanced(order(tmp_path, "--dataset", f"{name}-lt", *asked)) == {True}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Folders of noise, the names of the files alike in train and test."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for side, count in SIDES.items():
        for name in CLASSES:
            (root / side / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / side / name / f"{number}.png")
    found = folders("cifar10", root)
    assert found is not None
    return found


class Trained(Exception):
    """A training has been asked for; it holds all that was given to it."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.given = given


@pytest.mark.parametrize("limit", [4, 256])
def test_no_test_image_reaches_a_training(
    limit: int, pictures: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as a labelled image nor among those of the pool that phase 3 takes its statistics from."""

    def train(**given: Any) -> Any:
        raise Trained(given)

    monkeypatch.setattr(measure, "train", train)
    monkeypatch.setattr(pool_names, "PCA_IMAGES", limit)
    asked = order(tmp_path, "--dataset", "cifar10", "--methods", "fact+,lp", "--preset", "quick", "--set", "st.steps=2")
    features = Features(backbone(), pictures.root, tmp_path / "cache", CPU)
    rows = np.array([0, 6, 12])
    (training,) = trainings(asked, 0, units_of(asked))
    with pytest.raises(Trained) as caught:
        drain(measure.measure(asked, pictures, measure.tests_of(pictures, 0), features, rows, training))
    given = caught.value.given
    learned = {pictures.root / name for name in pictures.train}
    tested = {pictures.root / name for name in pictures.tests["test"][0]}
    assert len(learned) == 15 and len(tested) == 9 and not learned & tested
    pool = list(given["pool_files"])
    assert len(set(pool)) == len(pool) == min(limit, 15) and set(pool) <= learned
    rest = [*given["unlabelled"]]  # what self-training may name: all others
    assert len(rest) == 12 and set(rest) <= learned and not set(rest) & set(given["files"])
    assert [*given["files"]] == [pictures.root / f"train/{name}" for name in ("cat/0.png", "dog/1.png", "frog/2.png")]
    assert given["y"].tolist() == [0, 1, 2] and given["check"] is None
    _, x = drain(features.of([pictures.train[row] for row in rows]))
    assert np.array_equal(given["x"], x)


@pytest.mark.parametrize("mode", ["lr", "auto"])
def test_parameters_of_the_light_model_are_those_that_answer(mode: str, pictures: Dataset, tmp_path: Path) -> None:
    """ "auto" decides while it runs which of its two parts there are: here, with a label a class, both."""
    few = ("--preset", "quick", "--set", f"lm.mode={mode}", "--set", "lm.steps=2", "--set", "lm.views=1")
    asked = order(tmp_path, "--dataset", "cifar10", "--methods", "lm", *few)
    features = Features(backbone(), pictures.root, tmp_path / "cache", CPU)
    (training,) = trainings(asked, 0, units_of(asked))
    rows = np.array([0, 6, 12])
    _, found = drain(measure.measure(asked, pictures, measure.tests_of(pictures, 0), features, rows, training))
    (figures,) = found.figures.values()
    line = 3 * (backbone().dim + 1)
    assert figures["trainable_parameters"] == line if mode == "lr" else figures["trainable_parameters"] > 2 * line


@pytest.mark.parametrize("method", ["lp", "lm"])
def test_a_test_image_that_cannot_be_read_counts_as_wrong(method: str, pictures: Dataset, tmp_path: Path) -> None:
    """It ends no training, also where phase 1 answers from stored features."""
    root = tmp_path / "copy"
    shutil.copytree(pictures.root, root)
    (root / pictures.tests["test"][0][0]).write_bytes(b"no picture")
    data = replace(pictures, root=root)
    few = ("--preset", "quick", "--set", "lm.mode=lr", "--set", "lm.views=1")
    asked = order(tmp_path, "--dataset", "cifar10", "--methods", method, *few)
    features, tests = Features(backbone(), root, tmp_path / "cache", CPU), measure.tests_of(data, 0)
    (training,) = trainings(asked, 0, units_of(asked))
    events, found = drain(measure.measure(asked, data, tests, features, np.array([0, 6, 12]), training))
    (figures,) = found.figures.values()
    assert figures["accuracy"] <= 8 / 9
    assert [each.text for each in events if isinstance(each, Log) and "count as wrong" in each.text]


def test_a_test_image_that_cannot_be_read_is_no_check_image(pictures: Dataset) -> None:
    tests = measure.tests_of(pictures, 0)
    x = np.zeros((len(tests.y), 4), dtype=np.float32)
    x[tests.where["test"][1]] = np.nan
    held = measure._held(pictures, tests, x)
    readable = np.delete(tests.where["test"], 1)
    assert list(held.files) == [pictures.root / tests.files[row] for row in readable]
    assert held.y.tolist() == tests.y[readable].tolist() and np.isfinite(held.x).all()
