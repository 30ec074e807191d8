"""Rows of a large pool, all that needs no Ray: what a worker makes of images, what lies at a place, what is missing."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fact_core import cli
from fact_core.backbones import load
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict
from fact_core.errors import ConfigError, InputError
from fact_core.features.extract import extract
from fact_core.files import take_lock
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.storage import feature_shards
from fact_core.storage import project as projects
from fact_core.storage.feature_store import FeatureStore
from fact_core.work import pool_models, pool_rows, ray_pool
from fact_core.work.pool_features import identify_here, open_store
from fact_core.work.pool_sources import all_found, found
from tests.conftest import SMALL, MakeImages
from tests.storage_help import paint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def files(make_images: MakeImages, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(make_images(tmp_path_factory.mktemp("pool"), each=3).rglob("*.png"))


def test_rows_are_the_features_that_one_process_computes(tmp_path: Path, files: list[Path]) -> None:
    backbone = load(SMALL, random=True)
    contents = [each.read_bytes() for each in files]
    rows = pool_rows.RowMaker(backbone, "cpu", batch=4)([*contents, b"no image", None, contents[0]])
    store = FeatureStore.open(tmp_path / "one", backbone.dim)
    finish(extract(backbone, [digest_of(each) for each in contents], files, store, device=torch.device("cpu")))
    assert rows.errors[:6] == [""] * 6 and rows.errors[8] == ""
    assert "not an image" in rows.errors[6] and rows.errors[7] == pool_rows.UNREAD
    alone = store.gather([digest_of(each) for each in contents])
    assert np.allclose(rows.x[:6], alone, rtol=1e-4, atol=1e-5) and np.array_equal(rows.x[8], rows.x[0])
    assert not rows.x[6:8].any() and rows.digests[7] == "" and rows.digests[0] == digest_of(contents[0])


def test_rows_of_a_model_are_its_answers(files: list[Path]) -> None:
    backbone = load(SMALL, random=True)
    torch.manual_seed(0)
    models = [Classifier(backbone, {"ff": nn.Linear(backbone.dim, 3)}, "ff", ["a", "b", "c"]) for _ in range(2)]
    rows = pool_rows.RowMaker(models[0], "cpu")([each.read_bytes() for each in files])
    said = finish(predict(models[0], files, device=torch.device("cpu")))
    assert np.allclose(rows.x, said.answers["ff"], atol=1e-5) and np.allclose(rows.x.sum(1), 1, atol=1e-5)
    about = [pool_rows.about(each) for each in models]
    assert about[0]["classes"] == ["a", "b", "c"] and about[0]["dim"] == 3
    assert about[0]["key"] != about[1]["key"]  # two trainings are no rows of one pool
    assert pool_rows.about(backbone)["kind"] == "features"


def test_what_lies_at_a_place_is_told_apart(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/10.JPG", "a/1.png"):
        paint(tmp_path / "pool" / name, format="PNG")
    images = found(str(tmp_path / "pool"))
    assert images.kind == "images" and [Path(each).name for each in images.paths] == ["1.png", "10.JPG", "2.png"]
    (tmp_path / "pool" / "0.tar").write_bytes(b"")
    with pytest.raises(InputError, match=r"3 images, 1 webdataset.*--kind images or webdataset"):
        found(str(tmp_path / "pool"))
    assert found(str(tmp_path / "pool"), "webdataset").paths == (str(tmp_path / "pool" / "0.tar"),)
    assert len(found(str(tmp_path / "pool"), "images").paths) == 3
    assert found(str(tmp_path / "pool" / "0.tar")).kind == "webdataset"
    for none in (tmp_path / "nothing", tmp_path):
        with pytest.raises(InputError, match=r"There (is|are) no"):
            found(str(none), "parquet")
    with pytest.raises(InputError, match="no place"):
        all_found([])


def test_what_lies_in_two_places_has_one_row(tmp_path: Path) -> None:
    for name in ("1.png", "new/2.png", "new/3.png"):
        paint(tmp_path / name, len(name))
    inner, outer = str(tmp_path / "new"), str(tmp_path)
    assert [len(each.paths) for each in all_found([outer, inner])] == [3]
    assert [len(each.paths) for each in all_found([inner, outer, inner])] == [2, 1]


def test_without_ray_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli.main(["shards", str(tmp_path), "--to", str(tmp_path / "to")]) == 2
    said = capsys.readouterr().err
    assert "not installed" in said and f"pip install '{ray_pool.WANTED}'" in said
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras["ray"] == [ray_pool.WANTED]
    for wrong in ([], ["--to", "a", "--project", "b"], ["--to", "a", "--model", "m", "--backbone", "n"]):
        assert cli.main(["shards", str(tmp_path), *wrong]) == 2
    with pytest.raises(ConfigError, match="--address auto"), ray_pool.connected("ray://head:10001"):
        pass


def test_a_folder_has_one_writer_and_nobody_clears_up_beside_it(tmp_path: Path) -> None:
    backbone = load(SMALL, random=True)
    order, nobody = ray_pool.Order((), tmp_path), ray_pool.Cluster(None, 1, 0)
    feature_shards.begin(tmp_path, pool_rows.about(backbone))
    (tmp_path / "shards" / "now.npy.new").write_bytes(b"half")
    held = take_lock(tmp_path / "writer.lock")
    with held or pytest.fail("it is free"), pytest.raises(InputError, match="Another process"):
        finish(ray_pool.run(order, backbone, nobody))
    assert (tmp_path / "shards" / "now.npy.new").exists()


def test_the_rows_of_a_projects_images_belong_into_its_store(tmp_path: Path, small_network: str) -> None:
    paint(tmp_path / "images" / "1.png")
    made = projects.create(tmp_path / "project", tmp_path / "images")
    backbone, folder = pool_models.of_project(made.folder, small_network, "cpu")
    assert folder == open_store(made, identify_here(made, small_network, "cpu")).folder
    assert backbone.name == small_network
    assert pool_models.plain(small_network, "cpu", "crop").dim == backbone.dim
