"""What a training costs beside its phases: how often the network is built and its file hashed."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fact_core.backbones import loading
from fact_core.classifier.model import load_model
from fact_core.config import FeaturesConfig, PredictConfig, SelectConfig, from_dict
from fact_core.config import TrainConfig as Options
from fact_core.events import Log
from fact_core.finetune.pipeline import Trained
from fact_core.generators import finish
from fact_core.labeling import classes, other_class
from fact_core.pretrained import digests, weights
from fact_core.storage import project, run_queue
from fact_core.storage.project import Project
from fact_core.types import Pool, Step
from fact_core.work import features, predict, scan, select, train
from fact_core.work.training_labels import TrainingLabels, check_set
from tests.steps_help import heard
from tests.work.test_worker import label_all, make_images, quick

LITE = "tf_efficientnet_lite0"


class Counted:
    """Calls of a function since the last look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
        real, self.calls = getattr(module, name), 0

        def call(*given: object, **named: object) -> object:
            self.calls += 1
            return real(*given, **named)

        monkeypatch.setattr(module, name, call)

    def look(self) -> int:
        calls, self.calls = self.calls, 0
        return calls


def run_of(made: Project, kind: str, config: object = None) -> run_queue.Run:
    return run_queue.get(made, run_queue.queue(made, kind, config or {}))  # type: ignore[arg-type]


@pytest.fixture
def labeled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """24 images with features by random weights in a file that is not of just now; nine are labeled."""
    file = tmp_path / "weights.safetensors"
    save_file({name: each.clone() for name, each in loading.load(LITE, random=True).network.state_dict().items()}, file)
    os.utime(file, ns=(1_600_000_000_000_000_000,) * 2)
    monkeypatch.setattr(weights, "_look", lambda name: weights.Located("file", file))
    made = project.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan.scan(made))
    finish(features.run(made, run_of(made, "features"), FeaturesConfig(device="cpu")))
    finish(select.run(made, run_of(made, "select"), SelectConfig(budget="9", device="cpu", near=0.0)))
    label_all(made)
    return made


@pytest.mark.slow
def test_a_training_builds_the_network_once_and_hashes_no_file_again(
    labeled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Counted(monkeypatch, loading, "create")
    hashed = Counted(monkeypatch, digests, "file_sha256")
    weights.digests_file().unlink()  # as on the first day
    config = from_dict(Options, quick(recipe="lm", device="cpu"))
    run = run_of(labeled, "train", quick(recipe="lm", device="cpu"))
    assert train.needs(labeled, run, config) == []
    assert (built.look(), hashed.look()) == (0, 1)
    assert finish(train.run(labeled, run, config))["labels"] == 9
    assert (built.look(), hashed.look()) == (1, 0)
    finish(select.run(labeled, run_of(labeled, "select"), SelectConfig(budget="3", device="cpu", near=0.0)))
    assert (built.look(), hashed.look()) == (0, 0)


@pytest.mark.slow
def test_the_labels_of_a_run_are_read_as_they_were_written(labeled: Project) -> None:
    config = from_dict(Options, quick(recipe="fact+", **{"st.steps": 2, "st.images": 5}))
    folder = labeled.run_folder(run_of(labeled, "train").id)
    pool, _, _ = train.pool_features(labeled, LITE, "cpu")
    first = train.labels_of_run(labeled, folder, config, pool)
    again = train.labels_of_run(labeled, folder, config, pool)
    assert first.to_dict() == again.to_dict() and len(first.ids) == 9 and len(first.pool_ids) == 5
    assert again.ids.dtype == again.y.dtype == again.check_ids.dtype == again.pool_ids.dtype


@pytest.mark.slow
def test_a_run_knows_the_class_that_holds_what_fits_no_other_one(
    labeled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was when the run first started; in the labels of a run that an earlier version began there is none."""
    given: list[int] = []
    phases = train.run_phases

    def seen(**all_of_it: Any) -> Step[Trained]:
        given.append(all_of_it["other"])
        return phases(**all_of_it)

    monkeypatch.setattr(train, "run_phases", seen)
    values = quick(recipe="lm+", device="cpu")
    first = run_of(labeled, "train", values)
    finish(train.run(labeled, first, from_dict(Options, values)))
    names = [each.name for each in classes.classes(labeled)]
    other_class.add(labeled, names[1])
    second = run_of(labeled, "train", values)
    finish(train.run(labeled, second, from_dict(Options, values)))
    assert given == [-1, 1]
    file = labeled.run_folder(second.id) / "labels.json"
    kept = json.loads(file.read_text("utf-8"))
    known = TrainingLabels.from_dict(kept)
    assert known.other == names[1] == known.classes[known.other_place]
    assert TrainingLabels.from_dict({name: each for name, each in kept.items() if name != "other"}).other_place == -1


@pytest.mark.slow
def test_a_student_that_answers_at_another_side_keeps_phase_1_beside_it(labeled: Project) -> None:
    """Phase 1 has learned from features of the backbone's own side, which the predictions compare it by."""
    values = quick(recipe="fact+", **{"st.steps": 2, "st.images": 5, "ff.gate": "off"})
    run = run_of(labeled, "train", values)
    told = finish(train.run(labeled, run, from_dict(Options, values)))
    assert (told["pixels"], [each["value"] for each in told["decisions"] if each["name"] == "st.pixels"]) == (
        224,
        ["64"],
    )
    run_queue.finish(labeled, run.id, "done", result=told)
    predicted = finish(predict.run(labeled, run_of(labeled, "predict"), PredictConfig(run=run.id, device="cpu")))
    assert predicted["phases"] == ["lp", "st", "lm"] and predicted["bad"] == 0
    classifier, _ = load_model(labeled.run_folder(run.id) / "model")
    assert classifier.backbone.preprocess.pixels == 64


@pytest.mark.slow
def test_features_by_other_weights_in_the_same_place_are_not_taken(labeled: Project) -> None:
    """The memory of digests notices that the file has changed."""
    file = weights.locate(LITE).path
    tensors = loading.load(LITE, random=True, seed=1).network.state_dict()
    save_file({name: torch.clone(each) for name, each in tensors.items()}, file)
    config = from_dict(Options, quick(device="cpu"))
    assert train.needs(labeled, run_of(labeled, "train"), config) == [("features", {"backbone": LITE, "device": "cpu"})]


def test_check_images_of_classes_that_cannot_be_learned_are_told(tmp_path: Path) -> None:
    """The charts of a training have no answer for them, its result has: two figures of one model, both explained."""
    names = tuple(f"{number}.png" for number in range(5))
    pool, x = Pool(tmp_path, np.arange(1, 6), names, names), np.eye(5, dtype=np.float32)
    some = np.array([1, 2]), np.array([0, 1]), ("a", "b"), np.array([3, 4, 5])
    known = TrainingLabels(*some, ("a", "c", "b"), (1, 2), np.array([], dtype=np.int64))
    held, told = heard(check_set(known, pool, x))
    assert held is not None and held.y.tolist() == [0, 1]
    assert [each.level for each in told if isinstance(each, Log)] == ["warning"]
    assert "1 of 3 check images" in told[0].text and "counts them as mistakes" in told[0].text
    _, told = heard(check_set(dataclasses.replace(known, check_classes=("a", "a", "b")), pool, x))
    assert told == []
