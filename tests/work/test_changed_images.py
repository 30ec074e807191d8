"""Images that are replaced after the scan: never taken for what they were, and scanned again."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from fact_core import backbones
from fact_core.config import FeaturesConfig
from fact_core.errors import ImageChanged
from fact_core.events import Log
from fact_core.features.extract import extract
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.thumbs import Thumbs
from fact_core.work import features as features_run
from fact_core.work import pool_features
from fact_core.work.scan import scan
from tests.steps_help import heard
from tests.storage_help import flat_project, paint

CPU = torch.device("cpu")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Six scanned images, and a small network with random weights in place of the downloaded one."""
    backbone = backbones.load("tf_efficientnet_lite0", random=True, pixels=64)
    monkeypatch.setattr(pool_features, "locate", lambda name: None)
    monkeypatch.setattr(pool_features, "load", lambda name, pixels, view: backbone.clone())
    return flat_project(tmp_path)


def replaced(file: Path, number: int) -> str:
    """Another picture under the same name with the time of the old one; the new digest."""
    before = file.stat()
    paint(file, number)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    return digest_of(file.read_bytes())


def config() -> FeaturesConfig:
    return FeaturesConfig(backbone="tf_efficientnet_lite0", device="cpu")


def run_features(project: Project) -> tuple[dict, list]:
    queued = run_queue.queue(project, "features", {})
    return heard(features_run.run(project, run_queue.get(project, queued), config()))


def store_of(project: Project) -> FeatureStore:
    return pool_features.open_store(project, pool_features.load_here(project, "tf_efficientnet_lite0", CPU))


def test_an_image_replaced_between_scan_and_features_is_stored_as_what_it_is(project: Project) -> None:
    old = items.pool(project).digests[2]
    new = replaced(project.images / "002.png", 77)
    result, events = run_features(project)
    assert (result["bad"], result["n_new"], result["images"]) == (0, 6, 6)
    assert any("changed since the scan" in each.text for each in events if isinstance(each, Log))
    store = store_of(project)
    assert store.missing([old]) == [old] and store.missing([new]) == []
    assert items.pool(project).digests[2] == new
    alone = FeatureStore.open(project.folder / "cache" / "alone", store.dim)
    network = pool_features.load_here(project, "tf_efficientnet_lite0", CPU)
    finish(extract(network, [new], [project.images / "002.png"], alone, device=CPU))
    assert np.allclose(store.gather([new]), alone.gather([new]), atol=1e-3)
    assert Thumbs(project).get(old) is None and Thumbs(project).get(new)


def test_one_that_changes_again_and_again_is_left_out_by_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restless(project: Project):
        found = yield from scan(project)
        restless.number += 1
        replaced(project.images / "001.png", 500 + restless.number)
        return found

    restless.number = 0
    monkeypatch.setattr(features_run, "scan", restless)
    replaced(project.images / "001.png", 400)
    result, events = run_features(project)
    assert (result["bad"], result["n_new"]) == (1, 5)
    assert any(each.text.startswith("001.png: ") for each in events if isinstance(each, Log))


def test_a_thumbnail_is_never_of_other_bytes(project: Project) -> None:
    item = items.get(project, 1)
    assert item is not None
    replaced(project.images / "000.png", 88)
    with pytest.raises(ImageChanged):
        Thumbs(project).get_or_make(project, item)
    assert Thumbs(project).get(item.digest) is None


def test_predictions_and_training_see_only_what_was_scanned(project: Project) -> None:
    from fact_core.classifier.model import Classifier
    from fact_core.classifier.predict import predict
    from fact_core.compute.image_batches import load_eval
    from fact_core.compute.training_images import ImageCache

    pool = items.pool(project)
    replaced(project.images / "003.png", 99)
    network = pool_features.load_here(project, "tf_efficientnet_lite0", CPU)
    classifier = Classifier(network, {"ff": torch.nn.Linear(network.dim, 2)}, "ff", ("a", "b")).eval()
    found = finish(predict(classifier, pool.sources(), device=CPU))
    assert list(found.bad) == [3] and "changed" in found.bad[3]
    assert np.isnan(found.answers["ff"][3]).all() and np.isfinite(found.answers["ff"][[0, 1, 2, 4, 5]]).all()
    with pytest.raises(ImageChanged):
        ImageCache(pool.sources(), 64)[3]
    with pytest.raises(ImageChanged):
        load_eval(pool.source(3), network.preprocess)


def test_a_file_with_its_old_size_and_time_is_read_again(project: Project) -> None:
    """The system's own time of the last change cannot be set back."""
    old = items.pool(project).digests[0]
    replaced(project.images / "000.png", 66)
    assert finish(scan(project)).changed == 1
    assert items.pool(project).digests[0] != old


def test_a_doubted_file_is_read_again_whatever_its_times_say(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    module = importlib.import_module("fact_core.work.scan")
    real = module._read
    monkeypatch.setattr(module, "_read", lambda root, found, gate: seen.append(found.path) or real(root, found, gate))
    finish(scan(project))
    assert seen == []
    items.doubt(project, [items.pool(project).digests[0]])
    finish(scan(project))
    assert seen == ["000.png"]
