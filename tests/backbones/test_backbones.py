"""One contract over every backbone, with random weights: a new entry is tested by being there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.layers.drop import DropPath
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from fact_core import backbones
from fact_core.backbones import Backbone, Tokens, adapters, loading, partial_tuning
from fact_core.backbones.adapters import Adapters
from fact_core.backbones.fixed_size import fixed
from fact_core.backbones.network import on_short_side
from fact_core.choices import BACKBONES, VIEWS, backbone_choice, view_for
from fact_core.classifier.model import Classifier, load_model, save_model
from fact_core.compute.image_batches import Preprocess
from fact_core.compute.onnx_inference import compiled
from fact_core.errors import ConfigError
from fact_core.features.extract import features_key
from fact_core.finetune import lora
from fact_core.finetune.loop_state import LoopPlan, Net, Training
from fact_core.finetune.training_mode import set_drop_path
from fact_core.folders import cache_folder
from fact_core.lightweight.light import LightHead
from fact_core.pretrained.weights import status
from tests.few_blocks import few_blocks
from tests.finetune_help import all_heads, same

#: Networks of timm beside the listed ones, a few of each kind: a plain transformer, a hierarchical one, convolutions,
#: a hybrid, and one that sees pictures of one side only.
OTHERS = (
    "timm:test_vit.r160_in1k",
    "timm:swin_s3_tiny_224.ms_in1k",
    "timm:resnet18.a1_in1k",
    "timm:test_convnext.r160_in1k",
    "timm:mobilevitv2_050.cvnets_in1k",
    "timm:efficientformerv2_s0.snap_dist_in1k",
)
LISTED = sorted(BACKBONES)
NAMES = [*LISTED, *OTHERS]
CPU = torch.device("cpu")
CLASSES = ("a", "b", "c")
DINO_B = "vit_base_patch16_224.dino"
CLIP_B = "vit_base_patch16_clip_quickgelu_224.openai"
CLIP_L = "vit_large_patch14_clip_quickgelu_224.openai"
#: Networks of ViT-B's size: building them takes more than a second.
LARGE = tuple(name for name in LISTED if BACKBONES[name].parameters > 5e7)
#: Blocks of a transformer, of a ConvNeXt and of ViL are all alike: one of each kind is asked with all of them.
ALL_BLOCKS = (*OTHERS, "vit_small_patch16_224.dino", "convnext_tiny.fb_in1k", "vil2_small16")
#: What fills new weights with random numbers.
DRAWN = {getattr(torch.Tensor, name) for name in ("uniform_", "normal_", "erfinv_", "mul_", "add_", "clamp_")}
CLIP_COLOURS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def _param(name: str) -> Any:
    return pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What timm says of the other networks: the folder of these notes, written once."""
    folder = tmp_path_factory.mktemp("notes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_STUDIO_CACHE", str(folder))
        for name in OTHERS:
            backbone_choice(name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _known(notes: Path) -> Iterator[None]:
    """Until a test has its own folder, that of the notes counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_STUDIO_CACHE", str(notes))
        yield


@pytest.fixture(autouse=True)
def _known_here(notes: Path, _own_home: None) -> None:
    shutil.copytree(notes / "networks", cache_folder() / "networks")


class Undrawn(TorchFunctionMode):
    """Weights are made and not drawn: 300 million random numbers take seconds."""

    def __torch_function__(self, function: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        drawn = function in DRAWN and isinstance(given[0], nn.Parameter)
        return given[0] if drawn else function(*given, **(named or {}))


@pytest.fixture(scope="module", params=[_param(name) for name in NAMES])
def whole(request: pytest.FixtureRequest) -> Backbone:
    """The backbone for pictures of its own side, without memory: what it is and which shapes it answers."""
    with Undrawn():
        return backbones.bare(request.param).to("meta")


def built_small(name: str) -> AbstractContextManager[None]:
    """Within it the network is built with the blocks that it is asked with."""
    return nullcontext() if name in ALL_BLOCKS else few_blocks()


@pytest.fixture(scope="module")
def loaded(whole: Backbone) -> Backbone:
    with built_small(whole.name):
        return backbones.load(whole.name, pixels=whole.fit_pixels(1), random=True)


@pytest.fixture
def backbone(loaded: Backbone) -> Iterator[Backbone]:
    """The same for the smallest pictures that it can see, with random weights: what it answers.

    Tests share it, since copies of the large ones take seconds; a test leaves its weights as they were.
    """
    with built_small(loaded.name):
        yield loaded
    loaded.freeze_norm(False).eval().zero_grad()


def pictures(backbone: Backbone, n: int = 2, pixels: int = 0) -> torch.Tensor:
    side = pixels or backbone.preprocess.pixels
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def see(backbone: Backbone, n: int = 2, pixels: int = 0) -> Tokens:
    return backbone(pictures(backbone, n, pixels))


def agree(a: Tokens, b: Tokens, atol: float = 1e-5) -> bool:
    """atol: of the largest value, where that is above 1: random weights make some networks answer in thousands."""
    pairs = zip(a, b, strict=True)
    return all(torch.allclose(one, two, atol=atol * max(1.0, float(two.abs().max())), rtol=1e-4) for one, two in pairs)


def test_says_what_it_is(whole: Backbone) -> None:
    choice = backbone_choice(whole.name)
    assert whole.dim == choice.dim and whole.reduction == choice.patch
    assert sum(each.numel() for each in whole.parameters()) == choice.parameters
    assert whole.preprocess.pixels == choice.pixels == whole.fit_pixels(choice.pixels)
    assert choice.cpu_pixels == 0 or whole.fit_pixels(choice.cpu_pixels) == choice.cpu_pixels
    assert not whole.training


def test_the_key_of_its_features_is_told_without_building_it(
    whole: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Preprocessing as timm reads it off the network, the weights' digest, the name: as when the network was built."""
    file, side = tmp_path / "weights.safetensors", whole.fit_pixels(96)
    file.write_bytes(whole.name.encode())
    config = resolve_model_data_config(whole.network)
    wanted = Preprocess(
        whole.preprocess.pixels, config["crop_pct"], config["interpolation"], config["mean"], config["std"]
    )
    assert whole.preprocess == wanted
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    whole_key = hashlib.sha256(f"{whole.name} {sha}".encode()).hexdigest()[:16]
    monkeypatch.setattr(loading, "create", lambda *_, **__: pytest.fail("the network was built"))
    for pixels, sees in ((0, wanted), (side, wanted.at(side))):
        told = backbones.identify(whole.name, file, pixels)
        assert (told.name, told.key, told.preprocess) == (whole.name, whole_key, sees)
        built = Backbone(whole.name, whole.network, sees, whole_key)
        assert features_key(told) == features_key(built)


def test_answers_and_work_at_its_own_side(whole: Backbone) -> None:
    choice, side = backbone_choice(whole.name), whole.preprocess.pixels
    with FlopCounterMode(display=False) as counted:  # not under no_grad: its hooks want gradients
        out = whole(torch.empty(1, 3, side, side, device="meta"))
    assert out.pooled.shape == (1, choice.dim) and out.patches.shape == (1, *whole.grid(side), whole.token_dim)
    assert counted.get_total_flops() / 2e6 == pytest.approx(
        choice.megaflops, rel=0.01, abs=0.6
    )  # a multiply-add counts once


def test_tokens(backbone: Backbone) -> None:
    out = see(backbone)
    assert out.pooled.shape == (2, backbone.dim)
    assert out.patches.shape == (2, *backbone.grid(backbone.preprocess.pixels), backbone.token_dim)
    assert torch.isfinite(out.pooled).all() and torch.isfinite(out.patches).all()
    assert agree(out, see(backbone))
    assert not torch.allclose(out.pooled[0], out.pooled[1])


def test_another_side_than_it_was_built_for(backbone: Backbone) -> None:
    larger = backbone.preprocess.pixels + backbone.reduction
    if backbone.only_side:
        assert backbone.fit_pixels(larger) == backbone.only_side == backbone.preprocess.pixels
        return
    out = see(backbone, 1, larger)
    assert out.pooled.shape == (1, backbone.dim)
    assert out.patches.shape == (1, 3, 3, backbone.token_dim) and backbone.grid(larger) == (3, 3)
    assert torch.isfinite(out.patches).all()


def test_answers_for_pictures_that_are_not_square(backbone: Backbone) -> None:
    """Wide and tall ones, by as many patches. A wide one turned is another picture."""
    side, step = backbone.preprocess.pixels, backbone.reduction
    if backbone.name in OTHERS and not backbone_choice(backbone.name).any_shape:  # of listed ones, the export cannot
        with pytest.raises(ConfigError, match="needs pictures of one shape"):
            view_for("whole", backbone.name)
        return
    wide = torch.randn(1, 3, side, side + 2 * step, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, turned = backbone(wide), backbone(wide.transpose(2, 3))
    for each in (found, turned):  # patches of the long side are averaged
        assert each.patches.shape == (1, *backbone.grid(side), backbone.token_dim)
        assert each.pooled.shape == (1, backbone.dim) and torch.isfinite(each.patches).all()
    assert not torch.allclose(found.pooled, turned.pooled)


@pytest.mark.parametrize(("h", "w"), [(2, 2), (2, 3), (7, 4), (14, 42), (9, 14), (1, 5)])
def test_patches_are_averaged_along_the_long_side(h: int, w: int) -> None:
    patches = torch.randn(2, h, w, 3, generator=torch.Generator().manual_seed(0))
    wanted = adaptive_avg_pool2d(patches.permute(0, 3, 1, 2), min(h, w)).permute(0, 2, 3, 1)
    assert torch.allclose(on_short_side(patches), wanted, atol=1e-6)
    assert h != w or on_short_side(patches) is patches


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_what_it_sees_is_told_without_building_it(whole: Backbone, view: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"a network")
    told = backbones.identify(whole.name, file, view=view).preprocess
    assert told == replace(whole.preprocess, view=view, step=1 if view == "crop" else whole.reduction)


def test_a_view_that_is_not_known_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"a network")
    with pytest.raises(ConfigError, match="Known: crop"):
        backbones.identify("vil2_small16", tmp_path / "weights", view="fisheye")


@pytest.mark.parametrize("asked", [1, 33, 98, 128, 224])
def test_fit_pixels(whole: Backbone, asked: int) -> None:
    fitted = whole.fit_pixels(asked)
    if whole.only_side:
        assert fitted == whole.preprocess.pixels == backbone_choice(whole.name).pixels
        return
    assert fitted % whole.reduction == 0 and fitted >= 2 * whole.reduction
    assert fitted == 2 * whole.reduction or abs(fitted - asked) <= whole.reduction / 2
    assert whole.fit_pixels(fitted) == fitted


@pytest.mark.slow
def test_fixed_copy_answers_the_same_also_as_onnx(backbone: Backbone) -> None:
    one_size, wanted = fixed(backbone), see(backbone)
    assert agree(see(one_size), wanted)
    quick = compiled(one_size, pictures(backbone))
    assert quick is not None
    assert agree(quick(pictures(backbone)), wanted, atol=1e-4)


def test_frozen_norm_keeps_its_statistics(backbone: Backbone) -> None:
    backbone.freeze_norm().train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    assert backbone.training
    see(backbone)
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_random_weights_repeat_and_drop_path_adds_none(backbone: Backbone) -> None:
    again = backbones.load(backbone.name, pixels=backbone.preprocess.pixels, random=True, drop_path=0.1)
    assert same(again, backbone)


def test_drop_path_is_found_and_taken_away(whole: Backbone) -> None:
    def dropped() -> list[float]:
        return [each.drop_prob for each in whole.modules() if isinstance(each, DropPath)]

    set_drop_path(whole.network, 0.1)
    if whole.name in OTHERS and not dropped():
        return  # timm builds it without any place for it
    assert dropped() and max(dropped()) == pytest.approx(0.1)
    set_drop_path(whole.network, 0.0)
    assert not dropped()


def test_every_weight_learns_through_a_head(backbone: Backbone) -> None:
    """One step of finetuning: timm's layer groups hold every weight once, and each gets a gradient."""
    net = Net(backbone.freeze_norm(), nn.Linear(backbone.dim, len(CLASSES))).train()
    plan = LoopPlan("ff", steps=1, batch=2, pixels=backbone.preprocess.pixels, layer_decay=0.7)
    training = Training(net, torch.arange(len(CLASSES)), plan, CPU)
    grouped = [id(each) for group in training.optimiser.param_groups for each in group["params"]]
    assert sorted(grouped) == sorted(id(each) for each in net.parameters())
    net(pictures(backbone)).square().sum().backward()
    idle = [name for name, each in net.named_parameters() if each.grad is None]
    assert not idle


@pytest.mark.parametrize("more", [{}, {"stabilised": True}, {"dora": True}], ids=["plain", "rank-stabilised", "DoRA"])
def test_lora_starts_at_the_same_function_and_merges_into_a_plain_network(
    more: dict[str, bool], backbone: Backbone
) -> None:
    copy = backbone.clone()
    with torch.no_grad():
        for each in copy.parameters():
            if 0 < each.abs().max() < 1e-3:  # layer scales begin so small that their layers say nothing
                each.fill_(0.5)
    before, targets = see(copy), copy.lora_targets()
    modules = dict(copy.network.named_modules())
    assert targets and all(isinstance(modules[name], nn.Linear | nn.Conv2d) for name in targets)
    added = lora.add(copy, rank=2, alpha=4, seed=0, **more)
    learning = {name: each for name, each in copy.named_parameters() if each.requires_grad}
    parts = 3 if more.get("dora") else 2  # DoRA's lengths of the weights
    assert len(learning) == parts * len(targets) and all("lora_" in name for name in learning)
    assert agree(see(copy), before, atol=1e-4 if more else 1e-5)
    with torch.no_grad():
        for name, each in learning.items():
            if "lora_B" in name:
                nn.init.normal_(each, std=0.02, generator=torch.Generator().manual_seed(1))
    changed = see(copy)
    assert not agree(changed, before, atol=1e-3)
    lora.merge(copy, added)
    assert {name: each.shape for name, each in copy.state_dict().items()} == {
        name: each.shape for name, each in backbone.state_dict().items()
    }
    assert agree(see(copy), changed, atol=1e-4)


@pytest.mark.parametrize("kind", partial_tuning.KINDS)
def test_few_weights_learn_alone_or_the_network_is_refused_in_words(kind: str, whole: Backbone) -> None:
    """What the page is told without torch is true: those with layer norms, of which few weights learn."""
    assert bool(partial_tuning.norms(whole.network)) == backbone_choice(whole.name).layer_norms
    try:
        if not backbone_choice(whole.name).layer_norms:
            with pytest.raises(ConfigError, match="needs a network with layer norms"):
                partial_tuning.only(whole, kind)
            return
        names = partial_tuning.only(whole, kind)
        learning = {name: each for name, each in whole.network.named_parameters() if each.requires_grad}
        assert set(names) == set(learning) and sum(each.numel() for each in learning.values()) > 0
        assert sum(each.numel() for each in learning.values()) < backbone_choice(whole.name).parameters / 40
        ends = {name.rpartition(".")[2] for name in learning}
        assert ends <= ({"weight", "bias"} if kind == "ln" else {"bias"})
    finally:
        whole.requires_grad_(True)


@pytest.mark.parametrize(
    "about", [Adapters("prompt", 10), Adapters("prompt", 200, 512), Adapters("prefix", 15)], ids=str
)
def test_prompts_and_prefixes_fit_or_are_refused_in_words(about: Adapters, whole: Backbone) -> None:
    """What the page is told without torch is true, and nobody behind sees that anything was added."""
    assert adapters.supports(whole) == backbone_choice(whole.name).prompts
    copy, side, generator = whole.clone(), whole.preprocess.pixels, torch.Generator()
    if not adapters.supports(whole):
        with pytest.raises(ConfigError, match="needs a plain vision transformer"):
            adapters.add(copy, about, generator)
        return
    adapters.add(copy, about, generator)
    with torch.no_grad():
        out = copy(torch.empty(1, 3, side, side, device="meta"))
    assert out.pooled.shape == (1, whole.dim) and out.patches.shape == (1, *whole.grid(side), whole.token_dim)
    assert not adapters.supports(copy) and adapters.of(copy) == about


def test_a_saved_classifier_answers_the_same(backbone: Backbone, tmp_path: Path) -> None:
    light = LightHead(backbone.dim, backbone.token_dim, 16, len(CLASSES), "both")
    heads = {"ff": nn.Linear(backbone.dim, len(CLASSES)), "lm": light}
    classifier = Classifier(backbone, heads, "lm", CLASSES).eval()
    save_model(tmp_path, classifier, {"of": backbone.name})
    again, meta = load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()  # up to 1.2 GB
    assert meta == {"of": backbone.name} and again.backbone.preprocess == backbone.preprocess
    with torch.no_grad():
        answers, wanted = (all_heads(each, pictures(backbone)) for each in (again, classifier))
    assert all(torch.allclose(answers[name], wanted[name], atol=1e-5) for name in heads)
    assert torch.allclose(wanted["lm"].exp().sum(1), torch.ones(2), atol=1e-5)


def test_trainable_weights_of_the_paper() -> None:
    """ViT-S/16 with 10 classes: 21,669,514; LoRA of rank 8 on qkv and the head: 147,456 + 3,850."""
    net = Net(backbones.bare("vit_small_patch16_224.dino"), nn.Linear(384, 10))
    assert sum(each.numel() for each in net.parameters() if each.requires_grad) == 21_669_514
    lora.add(net.backbone, rank=8, alpha=16, seed=0)
    assert sum(each.numel() for each in net.parameters() if each.requires_grad) == 147_456 + 3_850 == 151_306


@pytest.mark.parametrize(
    ("name", "last_parts", "layers"),
    [
        (CLIP_B, {"qkv"}, 12),
        ("convnext_tiny.fb_in1k", {"fc1", "fc2"}, 2 * 18),
        ("convnext_tiny_stage3", {"fc1", "fc2"}, 2 * 15),
        ("vil2_small16", {"proj_up", "proj_down"}, 2 * 24),
        ("tf_efficientnet_lite0", {"conv_pw", "conv_pwl", "conv_head"}, 32),
    ],
)
def test_what_lora_adapts(name: str, last_parts: set[str], layers: int) -> None:
    targets = backbones.bare(name).lora_targets()
    assert len(targets) == layers and {each.rpartition(".")[2] for each in targets} == last_parts


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (DINO_B, Preprocess(224, 0.9)),
        (CLIP_B, Preprocess(224, 0.9, "bicubic", *CLIP_COLOURS)),
        (CLIP_L, Preprocess(224, 1.0, "bicubic", *CLIP_COLOURS)),
        ("convnext_tiny_stage3", Preprocess(224, 0.875)),
        ("vil2_small16", Preprocess(224, 1.0)),
    ],
)
def test_preprocessing(name: str, wanted: Preprocess) -> None:
    """As the makers test them."""
    if name == CLIP_L:
        config = timm.get_pretrained_cfg(BACKBONES[name].timm_name)
        found = Preprocess(224, config.crop_pct, config.interpolation, config.mean, config.std)
    else:
        found = backbones.bare(name).preprocess
    assert found == wanted


def test_clip_computes_as_it_was_trained() -> None:
    """Its GELU is the quick one, x sigmoid(1.702 x); with timm's other entries it would answer a little wrong."""
    act = backbones.bare(CLIP_B).network.blocks[0].mlp.act
    x = torch.linspace(-3, 3, 7)
    assert torch.allclose(act(x), x * torch.sigmoid(1.702 * x))
    assert type(timm.create_model(CLIP_L, num_classes=0, depth=1).blocks[0].mlp.act) is type(act)


@pytest.mark.parametrize("name", [name for name in LISTED if any(s.kind == "hub" for s in BACKBONES[name].sources)])
def test_hub_sources_are_those_that_timm_names(name: str) -> None:
    choice = BACKBONES[name]
    config = timm.get_pretrained_cfg(choice.timm_name)
    source = next(each for each in choice.sources if each.kind == "hub")
    assert config.hf_hub_id == source.where and not config.hf_hub_filename
    assert config.license in (None, choice.licence.lower().replace(" ", "-"))  # older versions of timm do not say
    assert source.bytes >= 4 * choice.parameters  # float32


@pytest.mark.parametrize("name", NAMES)
def test_status_says_something(name: str) -> None:
    """Ready, so many bytes away, or which file to bring."""
    found = status(name)
    brought = [each.file for each in backbone_choice(name).sources if each.kind == "file"]
    assert found.ready or found.download_bytes > 1e6 or (brought and brought[0] in found.detail)
    assert found.detail


@pytest.mark.weights
@pytest.mark.parametrize("name", [name for name in LISTED if status(name).ready])
def test_real_weights_load(name: str) -> None:
    real = backbones.load(name)
    assert features_key(backbones.identify(name)) == features_key(real)
    assert len(real.key) == 16 and torch.isfinite(see(real, 1, real.fit_pixels(64)).pooled).all()


@pytest.mark.weights
def test_features_of_projects_of_before_keep_their_key() -> None:
    name = "tf_efficientnet_lite0"
    keys = [features_key(backbones.identify(name, pixels=pixels)) for pixels in (0, 160)]
    assert keys == ["tf_efficientnet_lite0-6198c616f3d2", "tf_efficientnet_lite0-f53faa0e8d8c"]


@pytest.mark.parametrize("name", ["convnext_tiny.fb_in1k", "convnext_tiny_stage3"])
def test_tokens_of_a_convnext_are_normed_as_its_pooled_feature_is(name: str) -> None:
    """One by one by the norm that stands behind the pooling."""
    net = backbones.load(name, random=True, pixels=64).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        raw, found = net.network.forward_features(x), net(x)
        wanted = net.network.head.norm(raw)
    assert torch.allclose(found.patches.permute(0, 3, 1, 2), wanted, atol=1e-5)
    assert not torch.allclose(found.patches.permute(0, 3, 1, 2), raw, atol=1e-2)
