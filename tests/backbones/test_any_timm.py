"""Any network of timm as ``timm:NAME``: what is known of it, what cannot be used, the way from the hub to an export."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fact_core import backbones, cli
from fact_core.backbones import loading, renaming
from fact_core.backbones.timm_library import describe
from fact_core.choices import BACKBONES, BackboneChoice, any_timm, backbone_choice, canonical, used_networks
from fact_core.choices.any_timm import forget_network
from fact_core.config import TrainConfig, from_flat
from fact_core.errors import ConfigError, FactError, WeightsError
from fact_core.features.extract import features_key
from fact_core.folders import cache_folder
from fact_core.pretrained import catalogue, weights
from tests.conftest import MakeImages
from tests.hub_help import standing_hub

VIT = "timm:test_vit.r160_in1k"
SWIN = "timm:swin_s3_tiny_224.ms_in1k"


@pytest.fixture(autouse=True)
def _nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask_timm: Callable[[str], BackboneChoice]) -> None:
    monkeypatch.setattr(any_timm, "_asked", ask_timm)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def file_of(folder: Path, name: str = VIT) -> Path:
    """Weights of that network as the hub has them: with a classifier."""
    torch.manual_seed(0)
    network: Any = loading.create(name)
    save_file({**network.state_dict(), "head.weight": torch.zeros(7, 64)}, folder / "model.safetensors")
    return folder / "model.safetensors"


def test_what_is_told_without_building_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = describe(VIT)
    monkeypatch.setattr("fact_core.choices.any_timm.resolve", lambda _: pytest.fail("timm was asked again"))
    assert backbone_choice(VIT) == choice and used_networks() == [VIT]
    assert (choice.licence, choice.parameters, choice.dim, choice.pixels) == ("Apache-2.0", 306_240, 64, 160)
    assert choice.sources[0].where == "timm/test_vit.r160_in1k" and choice.prompts and not choice.conditions
    forget_network(VIT)
    assert used_networks() == []


def test_a_note_of_another_version_of_timm_is_written_anew() -> None:
    choice = describe(VIT)
    note = cache_folder() / "networks" / "test_vit.r160_in1k.json"
    stored = json.loads(note.read_text("utf-8"))
    note.write_text(json.dumps({**stored, "timm": "0.1", "choice": {**stored["choice"], "dim": 1}}), "utf-8")
    assert used_networks() == [] and backbone_choice(VIT) == choice
    note.write_text("{", "utf-8")
    assert backbone_choice(VIT) == choice


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("timm:resnet50", ConfigError, "Say which: .*resnet50.a1_in1k"),
        ("timm:resnet50.a1_in1", ConfigError, "Near to it: resnet50.a1_in1k"),
        ("timm:../../etc", ConfigError, "no name of a network"),
        ("timm:", ConfigError, "no name of a network"),
        ("timm:gcvit_xxtiny.in1k", WeightsError, "not on the model hub"),
        ("timm:pit_ti_224.in1k", WeightsError, "one token for each patch"),
        ("timm:crossvit_9_240.in1k", WeightsError, "one token for each patch"),
    ],
)
def test_what_cannot_be_used_says_why(name: str, kind: type[FactError], words: str) -> None:
    with pytest.raises(kind, match=words):
        backbone_choice(name)
    with pytest.raises(kind, match=words):
        from_flat(TrainConfig, {"backbone": name})
    assert used_networks() == []


def test_terms_of_a_licence_are_told() -> None:
    assert "CC-BY-NC-4.0" in describe("timm:hiera_tiny_224.mae").conditions


def test_a_listed_network_is_one_backbone_under_both_names() -> None:
    assert canonical("timm:convnext_tiny.fb_in1k") == "convnext_tiny.fb_in1k"
    assert canonical(VIT) == VIT and canonical("vil2_small16") == "vil2_small16"
    assert all(canonical(name) == name for name in BACKBONES)


def test_the_key_of_its_features_stays(tmp_path: Path) -> None:
    """Features of a project are found again by it; Windows takes no colon in the name of a folder."""
    (tmp_path / "weights.safetensors").write_bytes(b"a network")
    found = features_key(backbones.identify(VIT, tmp_path / "weights.safetensors"))
    assert found == "timm-test_vit.r160_in1k-be43d05aff82"


@pytest.mark.slow
def test_another_process_is_asked_where_timm_is_not_imported() -> None:
    """As on a page: nothing of torch comes into the process that asks, and errors come as they are."""
    code = f"""
import sys
from fact_core.choices import backbone_choice
assert backbone_choice({VIT!r}).dim == 64
try:
    backbone_choice("timm:resnet50")
except Exception as error:
    print(type(error).__name__, error)
assert not {{"torch", "timm"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.startswith("ConfigError timm has several weights of resnet50")


@pytest.mark.slow
def test_networks_are_found_by_words_of_their_names() -> None:
    found, total = catalogue.search("DINOV2 small")
    assert 0 < len(found) == total and all("dinov2" in each.name and "small" in each.name for each in found)
    first = next(each for each in found if each.name == "vit_small_patch14_dinov2.lvd142m")
    assert (first.licence, first.pixels, first.parameters) == ("Apache-2.0", 518, 22_056_192)
    shown, total = catalogue.search("", most=5)
    assert len(shown) == 5 and total > 1000
    assert catalogue.search("no such network")[1] == 0


def test_sizes_of_the_list_are_those_of_the_networks() -> None:
    for name in (VIT, "timm:resnet18.a1_in1k", "timm:mobilevitv2_050.cvnets_in1k"):
        architecture = name.removeprefix("timm:").partition(".")[0]
        assert catalogue.sizes()[architecture] == describe(name).parameters


@pytest.mark.slow
def test_names_of_earlier_versions_are_read_by_timms_own_reader(tmp_path: Path) -> None:
    """The hub's files of Swin have their downsampling at the end of a stage: taken as it is, a third would be lost."""
    network: Any = loading.create(SWIN)
    wanted = network.state_dict()
    old = {}
    for name, tensor in wanted.items():
        parts = name.split(".")
        if len(parts) > 2 and parts[2] == "downsample":
            parts[1] = str(int(parts[1]) - 1)
        old[".".join(parts)] = tensor
    assert set(old) != set(wanted)
    save_file(old, tmp_path / "old.safetensors")
    again = backbones.load(SWIN, weights=tmp_path / "old.safetensors")
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in again.network.state_dict().items())


def test_a_file_for_patches_of_another_size_is_not_made_to_fit(tmp_path: Path) -> None:
    """timm's own reader would stretch the first layer, and take one network for another."""
    network: Any = loading.create(VIT)
    tensors = network.state_dict()
    tensors["patch_embed.proj.weight"] = torch.zeros(64, 3, 8, 8)
    assert renaming.renamed(tensors, network) == {}
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"patch_embed.proj.weight is \(64, 3, 8, 8\), expected \(64, 3, 16, 16\)"):
        backbones.load(VIT, weights=tmp_path / "w.safetensors")


def test_the_hub_is_asked_once_and_the_key_is_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = file_of(tmp_path)
    with standing_hub(file.read_bytes()):
        assert not weights.status(VIT).ready
        assert cli.main(["weights", VIT]) == 0
    assert "is ready" in capsys.readouterr().out and weights.status(VIT).ready
    assert backbones.load(VIT).key == backbones.load(VIT, weights=file).key == backbones.identify(VIT).key
    assert cli.main(["doctor"]) == 0 and f"{VIT}: Ready" in capsys.readouterr().out


@pytest.mark.slow
def test_the_whole_way_on_the_command_line(
    tmp_path: Path, make_images: MakeImages, capsys: pytest.CaptureFixture[str], ready_workers: None
) -> None:
    """From the hub to a classifier that answers without this program."""
    images, out = make_images(tmp_path / "photos"), tmp_path / "model"
    values = ["--preset=quick", "--recipe=l3fact", "--ff-steps=2", "--ff-gate=off", "--lm-steps=3", "--lm-mode=lr"]
    order = ["run", f"--images={images}", "--budget=8", "--labels-from=folders", f"--backbone={VIT}", *values]
    with standing_hub(file_of(tmp_path).read_bytes()):
        assert cli.main([*order, f"--project={tmp_path / 'p'}", f"--export={out}"]) == 0, capsys.readouterr().err
    assert json.loads((out / "config.json").read_text("utf-8"))
    assert "test_vit.r160_in1k" in (out / "README.md").read_text("utf-8")
    command = [sys.executable, str(out / "predict.py"), str(images / "red"), "--out", str(tmp_path / "answers.csv")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "answers.csv").read_text("utf-8").count("\n") == 13
    assert cli.main(["run", *order[1:4], "--backbone=timm:no_such"]) == 2
    assert "no network called 'no_such'" in capsys.readouterr().err
