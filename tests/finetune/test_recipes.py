"""One contract over every recipe and preset: a new entry is tested by being there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fact_core import backbones
from fact_core.bench import BENCHES
from fact_core.bench.datasets import DATASETS
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, EXPORTS, PHASES, PRESETS, RECIPES, resolve, training
from fact_core.config import TrainConfig, train_config
from fact_core.events import PhaseStarted
from fact_core.features.extract import tokens
from fact_core.finetune.pipeline import train
from fact_core.options import value_of
from tests.finetune_help import CPU, NAMES, PIXELS, SMALL_TRANSFORMER, Coloured, backbone, coloured, drain, tiny

TRANSFORMER = "vit_small_patch16_224.dino"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2, 0, 1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name: str, data: Coloured, tmp_path: Path) -> None:
    """It runs its phases in order, says how much learns in each, and answers for all classes; twice the same."""
    fits = not {"prompt", "prefix", "ln", "bitfit"} & set(RECIPES[name].phases)
    small = {"ff.steps": 2, "st.steps": 2, "ff.gate": "off", "lm.steps": 3}
    config = tiny(name, **small, **({} if fits else {"backbone": SMALL_TRANSFORMER}))
    assert config.phases == RECIPES[name].phases and set(config.phases) <= set(PHASES)
    answers = []
    for _ in range(2):
        network = backbone() if fits else backbones.load(SMALL_TRANSFORMER, pixels=PIXELS, random=True)
        x = np.asarray(tokens(network, data.files, CPU)[0], dtype=np.float32)
        run = train(
            backbone=network, files=data.files, y=data.y, classes=NAMES, x=x, config=config, device=CPU,
            pool_files=data.files[:3], unlabelled=data.files[3:], unlabelled_x=x[3:],
        )  # fmt: skip
        events, trained = drain(run)
        started = [each for each in events if isinstance(each, PhaseStarted)]
        assert tuple(each.phase for each in started) == config.phases
        assert all(each.trainable_parameters > 0 for each in started)
        assert tuple(each.phase for each in trained.phases) == config.phases
        assert trained.classifier.final == config.phases[-1]
        images = torch.randn(4, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            answers.append(trained.classifier(images))
    assert answers[0].shape == (4, 3) and torch.equal(answers[0], answers[1])
    assert torch.allclose(answers[0].sum(1), torch.ones(4), atol=1e-5)


@pytest.mark.parametrize("with_head", [True, False])
@pytest.mark.parametrize("recipe", ["fact", "l3fact", "lm"])
def test_phase_2s_head_answers_where_it_may_and_where_there_is_one(
    recipe: str, with_head: bool, data: Coloured
) -> None:
    network = backbone()
    x = np.asarray(tokens(network, data.files, CPU)[0], dtype=np.float32)
    config = tiny(recipe, **{"ff.steps": 2, "lm.mode": "lr", "lm.with_head": with_head})
    run = train(backbone=network, files=data.files, y=data.y, classes=NAMES, x=x, config=config, device=CPU)
    heads = drain(run)[1].classifier.heads
    assert heads["lm"].tuned == (with_head and recipe != "lm")
    if heads["lm"].tuned:
        assert torch.equal(heads["lm"].tuned_line.weight, heads[config.phases[1]].weight)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("preset", PRESETS)
def test_preset(preset: str, recipe: str) -> None:
    """Every preset fits every recipe, and what the recipe fixes stays fixed."""
    config = train_config(preset, recipe=recipe, backbone=TRANSFORMER)
    assert config.preset == preset and config.recipe == recipe
    for name, value in RECIPES[recipe].values.items():
        group, _, field = name.partition(".")
        assert getattr(getattr(config, group), field) == value
    assert (config.ff.gate == "off") == (preset == "paper")  # the paper has no gate, and nothing else does without
    assert config.lm.with_head == (preset != "paper")  # there the light model answers alone
    assert config.ff.keep == "last"  # never by itself chosen on a test


@pytest.mark.parametrize("choices", [PHASES, EXPORTS, BENCHES, DATASETS], ids=["phases", "exports", "benches", "data"])
def test_every_target_is_there(choices: dict[str, object]) -> None:
    for each in choices.values():
        assert callable(resolve(each.target)) and each.title and each.help  # type: ignore[attr-defined]


def test_the_standard_effort_has_its_own_rates_for_the_small_default() -> None:
    ours, transformer = (train_config("standard", backbone=name).ff for name in (DEFAULT_BACKBONE, TRANSFORMER))
    assert (ours.backbone_lr, ours.lora_lr, ours.layer_decay, ours.start_C) == (3e-4, 3e-3, 1.0, 0.1)
    assert (transformer.backbone_lr, transformer.lora_lr) == (1e-4, 1e-3)
    assert (transformer.layer_decay, transformer.start_C) == (0.75, 0.0)
    yardstick = train_config("standard", recipe="ff").ff
    assert yardstick == ours  # what FACT is compared with trains at the same rates


def test_the_paper_has_its_own_rates_for_convnext() -> None:
    """FACT, III-B: 0.1 instead of 0.01; what a person gives comes first."""
    for name in ("convnext_tiny.fb_in1k", "convnext_tiny_stage3"):
        config = train_config("paper", backbone=name)
        assert (config.lp.lr, config.ff.backbone_lr, config.ff.head_lr) == (0.1, 0.1, 0.1)
        assert train_config("paper", backbone=name, **{"lp.lr": 0.5}).lp.lr == 0.5
        assert train_config("standard", backbone=name).ff.backbone_lr < 0.01
    assert train_config("paper").lp.lr == train_config("paper").ff.backbone_lr == 0.01
    assert train_config("paper").ff.lora_alpha == 8 and train_config("standard").ff.lora_alpha == 16


def test_each_effort_has_a_recipe_of_its_own_where_none_is_named() -> None:
    """What learns from the pool is proposed; the paper's effort is the paper's."""
    assert {name: train_config(name).recipe for name in PRESETS} == {
        "quick": "fact+",
        "standard": "fact+",
        "paper": "fact",
    }
    assert TrainConfig().recipe == train_config().recipe
    assert train_config("paper", recipe="fact+").recipe == "fact+" and train_config(recipe="lm").phases == ("lm",)


@pytest.mark.parametrize("effort", ["quick", "standard"])
def test_published_rates_are_those_of_listed_networks_and_of_no_other_family(effort: str) -> None:
    """Each beginning names a backbone of the list, gives it what it says, and leaves plain transformers alone."""
    for start, values in training.PUBLISHED.items():
        names = [name for name in BACKBONES if name.startswith(start)]
        assert names, start
        for name in names:
            config = train_config(effort, backbone=name)
            assert {key: value_of(config, key) for key in values} == values
    plain, paper = train_config(effort, backbone="vit_small_patch16_224.dino"), train_config("paper")
    assert (plain.ff.backbone_lr, plain.ff.layer_decay, plain.ff.drop_path) == (1e-4, 0.75, 0.1)
    assert train_config(effort, backbone="timm:convnext_small.fb_in1k").ff.layer_decay == 0.9
    clip = train_config("paper", backbone="vit_base_patch16_clip_224.datacompxl")
    assert (clip.ff.backbone_lr, clip.ff.drop_path) == (paper.ff.backbone_lr, paper.ff.drop_path)


def test_networks_of_inverted_bottlenecks_have_the_rates_that_were_measured_for_one() -> None:
    for name in ("tf_efficientnet_lite0", "tf_efficientnet_lite2", "mobilenetv4_conv_medium.e500_r224_in1k"):
        config = train_config("standard", backbone=name)
        assert {key: value_of(config, key) for key in training.BOTTLENECKS} == training.BOTTLENECKS
