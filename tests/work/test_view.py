"""What the networks see of a project's pictures: what was made under one view is never taken for that of another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from fact_core.backbones import loading
from fact_core.choices import FAMILY_VIEWS, VIEWS, view_for
from fact_core.config import (
    CompareConfig,
    FeaturesConfig,
    MapConfig,
    PredictConfig,
    SelectConfig,
    TrainConfig,
    from_dict,
    train_config,
)
from fact_core.errors import ConfigError
from fact_core.features.umap_map import map_key
from fact_core.generators import finish
from fact_core.labeling import selections
from fact_core.pretrained import weights
from fact_core.storage import db, items, project, run_queue, view
from fact_core.storage.project import Project
from fact_core.work import compare, features, map, predict, select, train
from fact_core.work.map_files import save_map
from fact_core.work.pool_features import has_features, identify_here, needs_features, open_store, pool_features
from fact_core.work.scan import scan
from tests.work.test_worker import label_all, quick

LITE = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of random weights that is not of just now, taken for every backbone's."""
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file({name: each.clone() for name, each in loading.load(LITE, random=True).network.state_dict().items()}, file)
    os.utime(file, ns=(1_600_000_000_000_000_000,) * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_look", lambda name: weights.Located("file", file))
        yield file


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, random_weights: Path) -> Project:
    """18 wide and tall pictures in a project that sees the crop, with features."""
    folder, rng = tmp_path_factory.mktemp("ready"), np.random.default_rng(0)
    for i in range(18):
        colour = ("red", "green", "blue")[i % 3]
        (folder / "images" / colour).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(rng.integers(0, 256, (40, 90, 3), dtype=np.uint8))
        image.paste(colour, (0, 0, 30, 40))
        (image.transpose(Image.Transpose.ROTATE_90) if i % 2 else image).save(folder / "images" / colour / f"{i}.png")
    made = project.create(folder / "project", folder / "images")
    view.choose(made, "crop")
    finish(scan(made))
    compute(made)
    return made


@pytest.fixture
def made(ready: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    shutil.copytree(ready.folder, tmp_path / "project", ignore=shutil.ignore_patterns("*.lock"))
    return project.open_project(tmp_path / "project")


def run_of(made: Project, kind: str, config: object = None) -> run_queue.Run:
    return run_queue.get(made, run_queue.queue(made, kind, config or {}))  # type: ignore[arg-type]


def compute(made: Project, **values: object) -> run_queue.Run:
    """A features run that has ended, as the worker ends it."""
    run = run_of(made, "features", values)
    run_queue.claim(made, "test")
    told = finish(features.run(made, run, from_dict(FeaturesConfig, {"device": "cpu", **values})))
    run_queue.finish(made, run.id, "done", result=told)
    return run_queue.get(made, run.id)


def chosen(made: Project, **values: object) -> selections.Stored:
    config = from_dict(SelectConfig, {"budget": "6", "device": "cpu", "near": 0.0, "iterations": 20, **values})
    finish(select.run(made, run_of(made, "select"), config))
    found = selections.latest(made)
    assert found is not None
    return found


def test_a_new_project_sees_what_suits_the_backbone_and_one_of_before_the_crop(made: Project, tmp_path: Path) -> None:
    new = project.create(tmp_path / "new", made.images)
    assert view.chosen(new) == "auto" and view.seen_by(new, LITE) == view_for("auto", LITE)
    with db.connect(new.db) as con:
        con.execute("DELETE FROM meta WHERE key = 'view'")
    assert view.chosen(new) == "crop" == view.seen_by(new, LITE)
    for name in ("auto", *VIEWS):
        view.choose(new, name)
        assert view.chosen(project.open_project(new.folder)) == name
    with pytest.raises(ConfigError, match="Known: auto, crop, squash, whole"):
        view.choose(new, "fisheye")


def test_a_change_of_the_view_is_news(made: Project) -> None:
    before = project.version(made)
    view.choose(made, "whole")
    assert project.version(made) != before


def test_the_family_is_told_by_the_longest_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    for start, name in (("tf", "squash"), ("tf_eff", "whole"), ("", "crop")):
        monkeypatch.setitem(FAMILY_VIEWS, start, name)
    assert [view_for("auto", each) for each in (LITE, "tf_other", "vit")] == ["whole", "squash", "crop"]
    assert view_for("squash", LITE) == "squash"


def test_a_backbone_that_cannot_be_exported_for_any_shape_says_so_before_any_work() -> None:
    with pytest.raises(ConfigError, match="ViL2-S/16 needs pictures of one shape"):
        view_for("whole", "vil2_small16")
    assert view_for("squash", "vil2_small16") == "squash"


@pytest.mark.slow
def test_features_of_two_views_lie_side_by_side(made: Project) -> None:
    stored = {}
    for name in ("crop", "whole", "squash"):
        view.choose(made, name)
        lacking = needs_features(made, LITE, "cpu")
        assert (lacking == []) is (name == "crop") is has_features(made, LITE, "cpu")
        if lacking:
            assert lacking == [("features", {"backbone": LITE, "device": "cpu"})]
            assert compute(made).result["view"] == name
        assert has_features(made, LITE, "cpu")
        stored[name] = pool_features(made, LITE, "cpu")
    assert len({key for _, _, key in stored.values()}) == 3
    assert not any(np.allclose(stored["crop"][1], x) for _, x, _ in (stored["whole"], stored["squash"]))
    for name, (_, x, key) in stored.items():  # by name, whatever the project says now
        _, again, its = pool_features(made, LITE, "cpu", name)
        assert its == key and (again == x).all()


def test_images_that_one_view_lacks_are_no_reason_for_another_to_lack_them(made: Project) -> None:
    run = run_of(made, "features")
    run_queue.claim(made, "test")
    run_queue.finish(made, run.id, "done", result={"bad": 18, "key": "another"})
    view.choose(made, "whole")
    assert not has_features(made, LITE, "cpu")


def test_an_image_that_could_not_be_read_is_no_reason_for_another_one_to_lack_features(made: Project) -> None:
    """As many are lacking as could not be read, and not the same ones."""
    pool = items.pool(made)
    assert compute(made).result["bad_digests"] == []
    for name in (pool.digests[0], pool.digests[1]):
        run = run_of(made, "features")
        run_queue.claim(made, "test")
        store = open_store(made, identify_here(made, LITE, "cpu"))
        run_queue.finish(made, run.id, "done", result={"bad": 1, "bad_digests": [name], "key": store.folder.name})
        assert has_features(made, LITE, "cpu")
    (made.images / "blue" / "new.png").write_bytes((made.images / pool.paths[0]).read_bytes() + b"a new image")
    finish(scan(made))
    assert not has_features(made, LITE, "cpu")


@pytest.mark.slow
def test_a_selection_is_compared_by_what_it_saw(made: Project) -> None:
    first = chosen(made)
    assert (first.config["seen"], first.config["view"]) == ("crop", "project")
    view.choose(made, "whole")
    run = run_of(made, "compare")
    assert compare.needs(made, run, CompareConfig()) == []  # the crop's features are there
    one = finish(compare.run(made, run, CompareConfig("typiclust")))
    assert select.needs(made, run, SelectConfig(device="cpu")) != []
    compute(made)
    second = chosen(made)
    assert second.config["seen"] == "whole" and second.config["features"] != first.config["features"]
    view.choose(made, "crop")
    other = finish(compare.run(made, run, CompareConfig("typiclust")))
    assert one["mean"] != other["mean"]


@pytest.mark.slow
def test_maps_of_two_views_have_names_of_their_own(made: Project) -> None:
    config, names = MapConfig(neighbors=5), []
    for seen in ("crop", "whole"):
        view.choose(made, seen)
        assert (map.needs(made, run_of(made, "map"), config) == []) is (seen == "crop")
        compute(made)
        pool, _, key = pool_features(made, LITE, "cpu")
        names.append(map_key(key, pool.ids, pool.digests, 5, config.min_dist, config.seed))
        save_map(made, names[-1], pool.ids, np.zeros((18, 2), np.float32))  # so that it need not be drawn
        assert finish(map.run(made, run_of(made, "map"), config))["key"] == names[-1]
    assert names[0] != names[1]


@pytest.mark.slow
def test_a_model_answers_by_what_it_has_seen(made: Project) -> None:
    chosen(made)
    label_all(made)
    values = quick(recipe="lp-ft", device="cpu")
    run = run_of(made, "train", values)
    run_queue.claim(made, "test")
    told = finish(train.run(made, run, from_dict(TrainConfig, values)))
    run_queue.finish(made, run.id, "done", result=told)
    assert told["view"] == "crop"
    answers = []
    for name in ("crop", "whole"):
        view.choose(made, name)
        found = finish(predict.run(made, run_of(made, "predict"), PredictConfig(run.id, device="cpu")))
        assert found["phases"] == ["lp", "ff"]
        with np.load(found["file"]) as stored:
            answers.append(stored["probabilities"])
    assert (answers[0] == answers[1]).all()


def test_the_effort_of_the_paper_sees_the_crop_in_any_project(made: Project) -> None:
    config = train_config("paper", recipe="lp", device="cpu")
    view.choose(made, "whole")
    run = run_of(made, "train")
    assert config.view == "crop" and train.needs(made, run, config) == []
    lacking = train.needs(made, run, train_config("standard", recipe="lp", device="cpu"))
    assert lacking == [("features", {"backbone": LITE, "device": "cpu"})]
    shutil.rmtree(made.cache / "features")
    lacking = train.needs(made, run, config)
    assert lacking == [("features", {"backbone": LITE, "device": "cpu", "view": "crop"})]
    assert compute(made, **{**lacking[0][1], "device": "cpu"}).result["view"] == "crop"  # type: ignore[dict-item]
    assert train.needs(made, run, config) == []
