"""LayerNorm tuning, BitFit, DoRA and rank-stabilised LoRA: what learns, going on after a stop, what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fact_core import backbones
from fact_core.backbones import Backbone, partial_tuning
from fact_core.choices import RECIPES
from fact_core.classifier.model import load_model, save_model
from fact_core.config import TrainConfig, train_config
from fact_core.errors import ConfigError
from fact_core.events import Log, PhaseStarted, Saved
from fact_core.features.extract import tokens
from fact_core.finetune import lora
from fact_core.finetune.pipeline import Trained, bound_options, train
from fact_core.types import Step
from tests.finetune_help import CPU, NAMES, PIXELS, SMALL_TRANSFORMER, Coloured, all_heads, coloured, drain, tiny

WAYS: dict[str, dict[str, Any]] = {
    "ln": {"recipe": "ln"},
    "bitfit": {"recipe": "bitfit"},
    "DoRA": {"recipe": "l3fact", "ff.lora_dora": True},
    "rank-stabilised": {"recipe": "l3fact", "ff.lora_rslora": True},
}


def vit() -> Backbone:
    return backbones.load(SMALL_TRANSFORMER, pixels=PIXELS, random=True)


def pictures() -> torch.Tensor:
    return torch.randn(2, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 3)


def config_of(way: str, **values: Any) -> TrainConfig:
    small = {"ff.gate": "off", "lm.mode": "lr", "ff.few_lr": 0.01, "ff.lora_lr": 0.01, **values}
    return tiny(**{"backbone": SMALL_TRANSFORMER, **WAYS[way], **small})


def run(data: Coloured, config: TrainConfig, **more: Any) -> Step[Trained]:
    network = vit()
    x = np.asarray(tokens(network, data.files, CPU)[0], dtype=np.float32)
    return train(backbone=network, files=data.files, y=data.y, classes=NAMES, x=x, config=config, device=CPU, **more)


@pytest.mark.parametrize("way", WAYS)
def test_what_learns_and_what_stays(way: str, data: Coloured) -> None:
    before = vit().network.state_dict()
    events, trained = drain(run(data, config_of(way)))
    after = trained.classifier.backbone.network.state_dict()
    changed = {name for name, each in after.items() if not torch.equal(each, before[name])}
    assert set(after) == set(before)  # a plain network again
    plain = vit()
    may = {"ln": partial_tuning.norms, "bitfit": partial_tuning.biases}
    if way in may:
        names = may[way](plain.network)
        assert changed and changed <= set(names)
        numbers = sum(before[name].numel() for name in names) + 64 * 3 + 3  # and the head's
        phase = next(each for each in events if isinstance(each, PhaseStarted) and each.phase == way)
        assert phase.trainable_parameters == numbers
    else:
        assert changed == {f"{name}.weight" for name in plain.lora_targets()}


@pytest.mark.parametrize("way", WAYS)
def test_goes_on_after_a_stop_as_if_there_had_been_none(way: str, data: Coloured, tmp_path: Path) -> None:
    whole = drain(run(data, config_of(way)))[1]
    part, kept = RECIPES[WAYS[way]["recipe"]].phases[1], {"folder": tmp_path / "c", "checkpoint_every": 0.0}
    stopped = run(data, config_of(way), **kept)
    for event in stopped:
        if isinstance(event, Saved) and event.phase == part and event.step >= 2:
            break
    stopped.close()
    again = drain(run(data, config_of(way), **kept))[1]
    with torch.inference_mode():
        assert torch.allclose(again.classifier(pictures()), whole.classifier(pictures()), atol=1e-6)


def test_a_saved_model_answers_the_same_and_a_kept_phase_is_of_its_own_options(data: Coloured, tmp_path: Path) -> None:
    """DoRA's network is not taken for LoRA's; the same again is taken over."""
    trained = drain(run(data, config_of("DoRA"), reuse=tmp_path / "kept"))[1]
    save_model(tmp_path / "model", trained.classifier, {})
    again = load_model(tmp_path / "model")[0]
    with torch.inference_mode():
        one, two = (all_heads(each, pictures()) for each in (again, trained.classifier))
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)

    def taken(way: str) -> bool:
        events, _ = drain(run(data, config_of(way), reuse=tmp_path / "kept"))
        return any(isinstance(each, Log) and "taken over" in each.text for each in events)

    assert taken("DoRA") and not taken("rank-stabilised")


def test_rank_stabilised_lora_is_scaled_by_the_root_of_the_rank() -> None:
    """alpha / root of 4 in place of alpha / 4: the same matrices change the weights twice as much."""
    changes = []
    for stabilised in (False, True):
        network: Any = vit()
        before = network.network.blocks[0].attn.qkv.weight.detach().clone()
        added = lora.add(network, rank=4, alpha=8, seed=0, stabilised=stabilised)
        with torch.no_grad():
            for name, each in network.named_parameters():
                if "lora_B" in name:
                    each.fill_(0.01)
        lora.merge(network, added)
        changes.append(network.network.blocks[0].attn.qkv.weight.detach() - before)
    assert changes[0].abs().max() > 0 and torch.allclose(changes[1], 2 * changes[0], atol=1e-6)


def test_a_network_without_layer_norms_is_refused_before_anything_is_done() -> None:
    for recipe in ("ln", "bitfit"):
        with pytest.raises(ConfigError, match="needs a network with layer norms") as caught:
            train_config("quick", recipe=recipe)
        assert "DINO ViT-S/16" in caught.value.do


def test_a_training_of_before_these_options_goes_on() -> None:
    """At their usual values they are not part of what a checkpoint is bound to; at others they are."""
    assert "few_lr" not in bound_options(TrainConfig())["ff"]
    assert bound_options(config_of("DoRA"))["ff"]["lora_dora"] is True
