"""What a prediction says of an image beside its class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fact_core.classifier.predict import Predictions
from fact_core.config import FeaturesConfig, PredictConfig
from fact_core.generators import finish
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, project, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.work import features, predict
from fact_core.work.predict import _save_answers, _strange, _taught
from fact_core.work.scan import scan
from tests.conftest import MakeImages
from tests.storage_help import flat_project, paint
from tests.work_help import queued


def test_images_unlike_every_class_that_was_learned(tmp_path: Path) -> None:
    """Two directions of features are the classes; images 27 and 28 lie in neither, and 28 was learned all the same."""
    project = flat_project(tmp_path, 28)
    for name in ("cat", "dog"):
        classes.add_class(project, name)
    pool = items.pool(project)
    x = np.zeros((28, 3), dtype=np.float32)
    x[np.arange(28), np.arange(28) % 2] = 1
    x[:, :2] += np.linspace(0, 0.05, 28)[:, None]
    x[26:] = (0, 0, 1)
    learned = [*range(1, 23), 28]
    operations.apply(project, "test", [Op(n, "label", n, 1 + (n - 1) % 2) for n in learned])
    run = run_queue.queue(project, "train", {})
    run_queue.finish(project, run, "done", result={"ids": learned})
    found = _strange(project, run_queue.get(project, run), pool, x)
    assert pool.ids[found].tolist() == [27]


def test_images_that_came_after_the_training_need_features_first(tmp_path: Path, make_images: MakeImages) -> None:
    """Else they would be left out without a word."""
    made = project.create(tmp_path / "project", make_images(tmp_path / "images", each=2))
    finish(scan(made))
    finish(features.run(made, queued(made, "features"), FeaturesConfig(device="cpu")))
    trained = run_queue.queue(made, "train", {"backbone": "tf_efficientnet_lite0"})
    (made.run_folder(trained) / "model").mkdir(parents=True)
    run_queue.finish(made, trained, "done", result={"view": "crop"})
    asked = PredictConfig(run=trained, device="cpu")
    assert predict.needs(made, queued(made, "predict"), asked) == []
    paint(tmp_path / "images" / "red" / "late.png", (9, 200, 30), size=(24, 24))
    finish(scan(made))
    (need,) = predict.needs(made, queued(made, "predict"), asked)
    assert need[0] == "features" and need[1]["backbone"] == "tf_efficientnet_lite0"
    finish(features.run(made, queued(made, "features"), FeaturesConfig(device="cpu")))
    assert predict.needs(made, queued(made, "predict"), asked) == []


def test_answers_are_kept_with_the_bytes_they_are_about(tmp_path: Path) -> None:
    made = flat_project(tmp_path, 4)
    pool, p = items.pool(made), np.full((4, 2), 0.5, dtype=np.float32)
    file = made.predictions_file(1)
    _save_answers(file, pool, Predictions({"ff": p}, "ff", {1: "is gone"}), "ff", {}, float("nan"))
    with np.load(file) as stored:
        assert [each.decode() for each in stored["digests"]] == [pool.digests[row] for row in (0, 2, 3)]


def test_what_was_learned_is_known_by_its_bytes_also_where_it_is_left_out_or_changed_since(tmp_path: Path) -> None:
    made = flat_project(tmp_path, 5)
    pool, x = items.pool(made), np.eye(5, dtype=np.float32)
    FeatureStore.open(made.features_folder("net"), 5).append(pool.digests, x)
    run = run_queue.get(made, run_queue.queue(made, "train", {}))
    learned = {"ids": [1, 2, 3], "digests": list(pool.digests[:3])}
    made.run_folder(run.id).mkdir(parents=True)
    (made.run_folder(run.id) / "labels.json").write_text(json.dumps(learned))
    operations.apply(made, "test", [Op(1, "exclude", 1)])
    paint(made.images / pool.paths[1], 10_000)
    finish(scan(made))
    now = items.pool(made)
    assert now.ids.tolist() == [2, 3, 4, 5]
    found = _taught(made, run, now, x[1:], "net")
    assert sorted(found.argmax(axis=1).tolist()) == [0, 1, 2]
