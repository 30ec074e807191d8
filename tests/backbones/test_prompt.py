"""Prompts and prefixes: against literal loops, the paper's counts, and whole trainings."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from app.shell.server import checked
from fact_core import backbones, cli
from fact_core.backbones import Backbone, adapters
from fact_core.backbones.adapters import Adapters
from fact_core.backbones.prefix import PrefixAttention
from fact_core.choices import BACKBONES, PHASES
from fact_core.classifier.export import write_model
from fact_core.classifier.model import load_model, save_model
from fact_core.classifier.predict import predict
from fact_core.compute.image_batches import Preprocess
from fact_core.config import LONGEST, train_config
from fact_core.errors import ConfigError, FactError
from fact_core.events import Log, PhaseStarted, Point, Saved
from fact_core.features.extract import tokens
from fact_core.finetune.loop_state import Net
from fact_core.finetune.pipeline import Trained
from tests.finetune_help import CPU, SMALL_TRANSFORMER, Coloured, coloured, drain, same, steps, tiny

DINO = "vit_small_patch16_224.dino"
WIDE, DEPTH, HEADS, PATCH, SIDE = 16, 3, 2, 8, 24
KINDS = [
    Adapters("prompt", 4),
    Adapters("prompt", 2, deep=False),
    Adapters("prompt", 3, dim=6),
    Adapters("prefix", 5),
]
FORMS: dict[str, dict[str, Any]] = {
    "class token": {},
    "registers": {"reg_tokens": 2, "no_embed_class": True, "init_values": 0.5},
    "no class token": {"class_token": False, "global_pool": "avg"},
    "normed queries": {"qk_norm": True, "pre_norm": True},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(form: str = "class token", **more: Any) -> Backbone:
    """A real transformer of three narrow blocks, all its weights well away from 0."""
    shape: dict[str, Any] = {"img_size": SIDE, "patch_size": PATCH, "embed_dim": WIDE, "depth": DEPTH}
    network = VisionTransformer(**shape, num_heads=HEADS, num_classes=0, dynamic_img_size=True, **FORMS[form], **more)
    for each in network.parameters():
        nn.init.normal_(each, std=0.3, generator=generator(each.numel()))
    return Backbone("small", network, Preprocess(SIDE), "").eval()


def carrying(about: Adapters, form: str = "class token", seed: int = 0, **more: Any) -> Backbone:
    backbone = small(form, **more)
    adapters.add(backbone, about, generator(seed))
    return backbone


def images(n: int = 2, side: int = SIDE) -> Tensor:
    return torch.randn(n, 3, side, side, generator=generator(7))


# ---- the definitions, one image, one head and one query at a time


def slow_attention(attn: Any, x: Tensor, keys: Tensor | None = None, values: Tensor | None = None) -> Tensor:
    """Softmax over learned keys (heads, p, d) and those of the tokens (N, C), for each query by itself."""
    if isinstance(attn, PrefixAttention):
        keys, values, attn = attn.key, attn.value, attn.attn
    q, k, v = (attn.qkv.weight @ x.T + attn.qkv.bias[:, None]).T.chunk(3, 1)
    width = WIDE // HEADS
    rows = []
    for i in range(len(x)):
        parts = []
        for head in range(HEADS):
            own = slice(head * width, (head + 1) * width)
            seen = [attn.k_norm(each) for each in k[:, own]]
            told = list(v[:, own])
            if keys is not None and values is not None:
                seen, told = [*keys[head], *seen], [*values[head], *told]
            query = attn.q_norm(q[i, own])
            scores = torch.stack([query @ each / math.sqrt(width) for each in seen])
            weights = scores.exp() / scores.exp().sum()
            parts.append(sum(weight * each for weight, each in zip(weights, told, strict=True)))
        rows.append(attn.proj.weight @ torch.cat(parts) + attn.proj.bias)
    return torch.stack(rows)


def slow_block(block: Any, x: Tensor) -> Tensor:
    x = x + block.ls1(slow_attention(block.attn, block.norm1(x)))
    return x + block.ls2(block.mlp(block.norm2(x)))


def slow_tokens(backbone: Backbone, image: Tensor) -> Tensor:
    """All tokens (prefix + patches, C) of one picture, prompts dropped."""
    network: Any = backbone.network
    about, inner = adapters.of(backbone), network.inner
    x = inner.norm_pre(inner._pos_embed(inner.patch_embed(image[None])))[0]
    first, patches = inner.num_prefix_tokens, (SIDE // PATCH) ** 2
    for i, block in enumerate(inner.blocks):
        if about is not None and about.kind == "prompt" and (about.deep or i == 0):
            now = network.prompts[i]
            if about.dim:
                now = torch.stack([network.widen.weight @ each + network.widen.bias for each in now])
            x = torch.cat([x[:first], now, x[-patches:]])
        x = slow_block(block, x)
    x = inner.norm(x)
    return torch.cat([x[:first], x[-patches:]])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("about", KINDS, ids=str)
@torch.no_grad()
def test_answers_as_the_literal_loop(about: Adapters, form: str) -> None:
    backbone = carrying(about, form)
    pictures, network = images(), backbone.network
    found: Tensor = network.forward_features(pictures)  # type: ignore[operator]
    wanted = torch.stack([slow_tokens(backbone, each) for each in pictures])
    assert torch.allclose(found, wanted, atol=1e-4, rtol=1e-4)
    plain = small(form)(pictures)
    out = backbone(pictures)
    assert out.pooled.shape == plain.pooled.shape and out.patches.shape == plain.patches.shape
    assert not torch.allclose(out.pooled, plain.pooled, atol=1e-2)
    assert backbone(images(1, SIDE + PATCH)).patches.shape == (1, 4, 4, WIDE)


@torch.no_grad()
def test_keys_that_nobody_looks_at_change_nothing() -> None:
    """Scores far below all others, in a network whose attention the loop did not write: timm's own."""
    backbone = carrying(Adapters("prefix", 3))
    for block in backbone.network.inner.blocks:  # type: ignore[union-attr]
        # A query that is the same for every token: its own direction times -1000 gets no weight.
        block.attn.attn.qkv.weight[:WIDE] = 0
        query = block.attn.attn.qkv.bias[:WIDE].reshape(HEADS, 1, -1)
        block.attn.key.copy_(-1000 * query.expand_as(block.attn.key))
    plain = small()
    for block in plain.network.blocks:  # type: ignore[union-attr]
        block.attn.qkv.weight[:WIDE] = 0
    assert torch.allclose(backbone(images()).pooled, plain(images()).pooled, atol=1e-5)


# ---- how they start, and what learns


def whole(about: Adapters) -> Net:
    """ViT-S/16 with 10 classes as in the paper, without memory."""
    backbone = backbones.bare(DINO).to("meta")
    adapters.add(backbone, about, generator())
    return Net(backbone, nn.Linear(384, 10, device="meta"))


@pytest.mark.parametrize(
    ("about", "added", "share"),
    [
        (Adapters("prompt", 10), 46_080, 0.2299),
        (Adapters("prompt", 10, deep=False), 3_840, 0.0355),
        (Adapters("prompt", 200, 512), 1_425_792, 6.190),  # the paper prints 6.19 %
        (Adapters("prefix", 15), 138_240, 0.6516),  # the paper prints 0.65 %
    ],
    ids=str,
)
def test_trainable_weights_of_the_paper(about: Adapters, added: int, share: float) -> None:
    net = whole(about)
    learning = sum(each.numel() for each in net.parameters() if each.requires_grad)
    total = sum(each.numel() for each in net.parameters())
    assert learning == added + 3_850 and total == 21_669_514 + added
    assert 100 * learning / total == pytest.approx(share, abs=1e-3 if share > 1 else 1e-4)


def test_the_options_stand_for_the_papers_prefix_and_a_sensible_prompt() -> None:
    config = train_config(recipe="fact-prompt", backbone=DINO).ff
    assert adapters.planned("prompt", config) == Adapters("prompt", 10)
    assert adapters.planned("prefix", config) == Adapters("prefix", 15)
    assert all(adapters.planned(phase, config) is None for phase in ("lp", "ff", "lora", "lm"))
    paper = train_config("paper", recipe="fact-prompt", backbone=DINO)
    assert adapters.planned("prompt", paper.ff) == Adapters("prompt", 200, 512)


@pytest.mark.parametrize("about", KINDS, ids=str)
def test_the_generator_says_how_they_start(about: Adapters) -> None:
    torch.manual_seed(0)
    first = carrying(about)
    torch.manual_seed(1)
    assert same(first, carrying(about)) and not same(first, carrying(about, seed=1))
    assert adapters.of(first) == about and adapters.of(first.clone()) == about and adapters.of(small()) is None


@torch.no_grad()
def test_prompts_start_evenly_and_the_layer_that_widens_them_by_kaiming() -> None:
    wide: Any = carrying(Adapters("prompt", 400)).network
    most = math.sqrt(6 / (3 * PATCH**2 + WIDE))
    assert 0.99 * most < wide.prompts.abs().max() <= most
    assert wide.prompts.std() == pytest.approx(most / math.sqrt(3), rel=0.02)  # of an even spread
    narrow: Any = carrying(Adapters("prompt", 400, dim=300)).network
    most = math.sqrt(6 / (3 * PATCH**2 + 300))
    assert 0.99 * most < narrow.prompts.abs().max() <= most
    assert narrow.widen.weight.std() == pytest.approx(math.sqrt(2 / WIDE), rel=0.05)
    prefix: Any = carrying(Adapters("prefix", 400)).network.inner
    assert prefix.blocks[1].attn.key.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("about", KINDS, ids=str)
def test_only_they_and_the_head_learn_and_nothing_is_dropped(about: Adapters) -> None:
    backbone = carrying(about, drop_path_rate=0.5, pos_drop_rate=0.5, attn_drop_rate=0.5)
    net = Net(backbone, nn.Linear(WIDE, 3)).train()
    assert net.training and not any(each.training for each in backbone.network.inner.modules())  # type: ignore[union-attr]
    once, again = net(images()), net(images())
    assert torch.equal(once, again)
    once.square().sum().backward()
    touched = {name for name, each in net.named_parameters() if each.grad is not None}
    assert touched == {name for name, each in net.named_parameters() if each.requires_grad}
    added = {name for name in touched if not name.startswith("head.")}
    words = {"prompts", "widen.weight", "widen.bias"} if about.dim else {"prompts"} if about.kind == "prompt" else set()
    names = words or {f"inner.blocks.{i}.attn.{kind}" for i in range(DEPTH) for kind in ("key", "value")}
    assert added == {f"backbone.network.{name}" for name in names}
    assert all(bool((each.grad != 0).any()) for each in net.parameters() if each.grad is not None)


# ---- what is refused


@pytest.mark.parametrize("length", [0, -1, LONGEST + 1])
@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_lengths_that_make_no_sense_are_refused(kind: str, length: int) -> None:
    with pytest.raises(ConfigError, match=f"between 1 and {LONGEST}"):
        carrying(Adapters(kind, length))
    with pytest.raises(ConfigError, match=f"between 1 and {LONGEST}"):
        train_config(recipe=f"fact-{kind}", backbone=DINO, **{f"ff.{kind}_length": length})


def rotary() -> nn.Module:
    return Eva(img_size=32, patch_size=16, embed_dim=32, depth=1, num_heads=2, num_classes=0, use_rot_pos_emb=True)


def relative() -> nn.Module:
    shape: dict[str, Any] = {"img_size": 32, "patch_size": 16, "embed_dim": 32, "depth": 1, "num_heads": 2}
    return Beit(**shape, num_classes=0, use_rel_pos_bias=True)


@pytest.mark.parametrize("make", [rotary, relative])
def test_positions_inside_the_attention_are_refused(make: Callable[[], nn.Module]) -> None:
    backbone = Backbone("odd", make(), Preprocess(32), "")
    for about in KINDS:
        with pytest.raises(ConfigError, match=r"plain vision transformer.*odd.*DINO ViT-S/16"):
            adapters.add(backbone, about, generator())


@pytest.mark.parametrize("recipe", ["fact-prompt", "fact-prefix"])
def test_a_recipe_that_does_not_fit_is_refused_before_anything_starts(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the page, by the command line, and by the training itself for a network of another kind."""
    for name, choice in BACKBONES.items():
        if choice.prompts:
            assert checked("train", {"recipe": recipe, "backbone": name})["recipe"] == recipe
            continue
        with pytest.raises(ConfigError, match=rf"(?s)needs a plain vision transformer.*{DINO}") as told:
            checked("train", {"recipe": recipe, "backbone": name})
        assert choice.title in told.value.found
    words = ("run", "--images", str(tmp_path), "--budget", "5", "--labels-from", "folders", "--recipe", recipe)
    assert cli.main([*words, "--backbone", "convnext_tiny.fb_in1k"]) == 2
    assert "needs a plain vision transformer" in capsys.readouterr().err
    data = coloured(tmp_path, [0, 1])
    with pytest.raises(FactError, match="needs a plain vision transformer"):
        next(steps(data, tiny(recipe, backbone=DINO)))  # the network that is handed over is no transformer


# ---- whole trainings

RECIPES = ("fact-prompt", "fact-prefix")
PIXELS = 32


def transformer() -> Backbone:
    """A small vision transformer with random weights, for small pictures."""
    return backbones.load(SMALL_TRANSFORMER, pixels=PIXELS, random=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    made = coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 3)
    return replace(made, x=np.asarray(tokens(transformer(), made.files, CPU)[0], dtype=np.float32))


def config(recipe: str, **values: Any) -> Any:
    short = {"ff.steps": 3, "ff.pixels": PIXELS, "ff.prompt_length": 3, "ff.prefix_length": 3, "lm.steps": 4}
    return tiny(recipe, backbone=SMALL_TRANSFORMER, **{**short, "ff.gate": "choose", **values})


def training(recipe: str, data: Coloured, folder: Path | None = None, **more: Any) -> Any:
    return steps(data, config(recipe, **more.pop("values", {})), folder, backbone=transformer(), **more)


@dataclass(frozen=True)
class Done:
    """A finished training, and the folder in which its phase 2 is kept."""

    recipe: str
    phase: str
    kept: Path
    events: list[Any]
    trained: Trained


@pytest.fixture(scope="module", params=RECIPES)
def done(request: pytest.FixtureRequest, data: Coloured, tmp_path_factory: pytest.TempPathFactory) -> Done:
    kept = tmp_path_factory.mktemp("kept")
    return Done(
        request.param, request.param.removeprefix("fact-"), kept, *drain(training(request.param, data, reuse=kept))
    )


def test_a_training_moves_only_what_was_added(done: Done) -> None:
    phase, trained = done.phase, done.trained
    assert [each.phase for each in trained.phases] == ["lp", phase, "lm"]
    assert [each.step for each in done.events if isinstance(each, Point) and each.phase == phase] == [1, 2, 3]
    started = next(each for each in done.events if isinstance(each, PhaseStarted) and each.phase == phase)
    assert started.trainable_parameters == 64 * 3 + 3 + 6 * 3 * 64 * (1 if phase == "prompt" else 2)
    decided = [each for each in trained.decisions if each.name == "ff.interpolation"]
    assert (
        [each.value for each in decided] == ["1"]
        and "too few to compare" in decided[0].reason
        and "nothing to mix" in decided[0].reason
    )
    backbone = trained.classifier.backbone
    assert adapters.of(backbone) == Adapters(phase, 3)
    now, before = backbone.state_dict(), transformer().state_dict()
    for name, value in before.items():
        inside = name.replace("network.", "network.inner.")
        inside = inside if inside in now else inside.replace(".attn.", ".attn.attn.")
        assert torch.equal(now.pop(inside), value), name
    started_as = transformer()
    drawn = int.from_bytes(hashlib.blake2b(f"0:{phase}.adapters".encode(), digest_size=4).digest(), "big")
    adapters.add(started_as, Adapters(phase, 3), generator(drawn))
    first = started_as.state_dict()
    assert now and all(0 < (now[name] - first[name]).abs().max() < 0.01 for name in now)  # 3 steps of at most 0.001


@pytest.mark.slow
def test_saved_loaded_predicted_and_exported_alike(done: Done, data: Coloured, tmp_path: Path) -> None:
    save_model(tmp_path / "model", done.trained.classifier, {"recipe": done.recipe})
    again, _ = load_model(tmp_path / "model")
    assert same(again, done.trained.classifier) and adapters.of(again.backbone) == Adapters(done.phase, 3)
    told = json.loads((tmp_path / "model" / "config.json").read_text())["adapters"]
    assert told == {"kind": done.phase, "length": 3, "dim": 0, "deep": True}
    with torch.inference_mode():
        wanted = done.trained.classifier(images(3, PIXELS))
        assert torch.allclose(again(images(3, PIXELS)), wanted, atol=1e-6)
    found = drain(predict(again, data.files, device=CPU, batch=4, x=data.x))[1]
    assert list(found.answers) == ["lp", done.phase, "lm"]
    _, result = drain(write_model(tmp_path / "out", again, {"recipe": done.recipe}, sample_files=data.files))
    assert result["checked"] == 9 and result["largest_difference"] <= 1e-4
    assert same(load_model(tmp_path / "out")[0], again)


@pytest.mark.slow
def test_stopped_and_resumed_it_comes_out_the_same(done: Done, data: Coloured, tmp_path: Path) -> None:
    """Stopped within the phase that adds them, and again behind it."""

    def within(event: Any) -> bool:
        return bool(event == Saved(done.phase, 2))

    def behind(event: Any) -> bool:
        return isinstance(event, PhaseStarted) and event.phase == "lm"

    for stop in (within, behind):
        run = training(done.recipe, data, tmp_path)
        assert any(stop(event) for event in run)
        run.close()
    events, found = drain(training(done.recipe, data, tmp_path))
    told = f"Going on after: Linear probe, {PHASES[done.phase].title}."
    assert any(isinstance(each, Log) and each.text == told for each in events)
    assert same(found.classifier, done.trained.classifier)
    assert [(each.train_loss, each.steps) for each in found.phases] == [
        (each.train_loss, each.steps) for each in done.trained.phases
    ]


def test_another_run_on_the_same_labels_takes_them_over(done: Done, data: Coloured) -> None:
    def again(**values: Any) -> tuple[bool, Backbone]:
        events, trained = drain(training(done.recipe, data, reuse=done.kept, values=values))
        trained_anew = any(isinstance(each, Point) and each.phase == done.phase for each in events)
        return trained_anew, trained.classifier.backbone

    anew, backbone = again(**{"lm.strength": 0.0})
    assert not anew and same(backbone, done.trained.classifier.backbone)
    anew, backbone = again(**{f"ff.{done.phase}_length": 2})
    assert anew and adapters.of(backbone) == Adapters(done.phase, 2)


# ---- kept or dropped


@pytest.fixture(scope="module")
def more_data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    """Five labels a class: enough to ask whether the added parts are worth keeping."""
    made = coloured(tmp_path_factory.mktemp("more"), [0, 1, 2] * 5)
    return replace(made, x=np.asarray(tokens(transformer(), made.files, CPU)[0], dtype=np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_what_labels_left_out_speak_against_goes(recipe: str, more_data: Coloured, tmp_path: Path) -> None:
    """Ruined by a wild rate they are taken out: the network is the pretrained one, its head phase 1's probe."""
    phase, wild = (
        recipe.removeprefix("fact-"),
        {"ff.prompt_lr": 1.0, "ff.head_lr": 1.0, "ff.clip": 0.0, "ff.ema": 0.0, "ff.steps": 10},
    )
    folder, kept = tmp_path / "run", tmp_path / "kept"

    def run(**more: Any) -> tuple[list[Any], Trained]:
        found: tuple[list[Any], Trained] = drain(training(recipe, more_data, values=wild, reuse=kept, **more))
        return found

    events, trained = run()
    decided = next(each for each in trained.decisions if each.name == "ff.interpolation")
    assert decided.value == "0" and decided.scores is not None and set(decided.scores) == {"0", "1"}
    classifier = trained.classifier
    assert adapters.of(classifier.backbone) is None and same(classifier.backbone, transformer())
    assert trained.probe is not None and same(classifier.heads[phase], trained.probe)
    save_model(tmp_path / "model", classifier, {})
    assert same(load_model(tmp_path / "model")[0], classifier)

    again, taken = run()
    assert not any(isinstance(each, Point) and each.phase == phase for each in again) and same(
        taken.classifier, classifier
    )
    stopped = training(recipe, more_data, folder, values=wild)
    assert any(isinstance(each, PhaseStarted) and each.phase == "lm" for each in stopped)
    stopped.close()
    resumed = run(folder=folder)[1]
    assert same(resumed.classifier, classifier) and resumed.decisions == trained.decisions
    assert any(isinstance(each, Point) and each.phase == phase for each in events)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_nothing_speaks_against_stays(recipe: str, more_data: Coloured) -> None:
    trained = drain(training(recipe, more_data))[1]
    decided = next(each for each in trained.decisions if each.name == "ff.interpolation")
    assert decided.value == "1" and decided.scores is not None and set(decided.scores) == {"0", "1"}
    assert adapters.of(trained.classifier.backbone) == Adapters(recipe.removeprefix("fact-"), 3)
    fixed = drain(training(recipe, more_data, values={"ff.gate": "half"}))[1]
    half = next(each for each in fixed.decisions if each.name == "ff.interpolation")
    assert half.value == "1" and "nothing to mix" in half.reason and same(fixed.classifier, trained.classifier)


@pytest.mark.parametrize("about", KINDS, ids=str)
def test_taken_out_the_network_is_as_before(about: Adapters) -> None:
    plain, carried = small(), carrying(about)
    adapters.remove(carried)
    assert same(carried, plain) and adapters.of(carried) is None
    assert torch.equal(carried(images()).pooled, plain(images()).pooled)
    assert all(each.requires_grad for each in carried.parameters())
    adapters.remove(carried)  # nothing to do
    assert same(carried, plain)
