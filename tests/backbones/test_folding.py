"""Frozen batch norms computed within the convolutions: the same numbers, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import timm
import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone
from fact_core.backbones.folding import folded_norms
from fact_core.compute.image_batches import Preprocess
from fact_core.finetune import lora

PLAIN = Preprocess(64, 1.0, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def lively(name: str) -> Backbone:
    """Random weights, and batch norms that do something; double precision shows the smallest mistake."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = Backbone(name, timm.create_model(name, num_classes=0), PLAIN, "test")
        for each in backbone.modules():
            if isinstance(each, nn.BatchNorm2d):
                nn.init.uniform_(each.weight, 0.5, 1.5)
                nn.init.normal_(each.bias)
                assert each.running_mean is not None and each.running_var is not None
                nn.init.normal_(each.running_mean)
                nn.init.uniform_(each.running_var, 0.5, 2.0)
    return backbone.double().freeze_norm().train()


@contextmanager
def plain(network: nn.Module) -> Iterator[int]:
    yield 0


def answers(backbone: Backbone, fold: object) -> tuple[int, Tensor, dict[str, Tensor]]:
    images = torch.randn((3, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with fold(backbone.network) as n:  # type: ignore[operator]
        pooled = backbone(images).pooled
        pooled.square().mean().backward()
    slopes = {name: p.grad.clone() for name, p in backbone.named_parameters() if p.grad is not None}
    backbone.zero_grad()
    return n, pooled.detach(), slopes


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet18", "mobilenetv3_small_050"])
@pytest.mark.parametrize("rank", [0, 4])
def test_the_numbers_and_the_gradients_are_the_same(name: str, rank: int) -> None:
    backbone = lively(name)
    if rank:
        lora.add(backbone, rank, 16, 0)
        with torch.no_grad():
            for key, each in backbone.named_parameters():
                if "lora_" in key:
                    each.copy_(torch.randn(each.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
        backbone.freeze_norm().train()
    _, expected, wanted = answers(backbone, plain)
    n, found, slopes = answers(backbone, folded_norms)
    assert n == sum(isinstance(each, nn.BatchNorm2d) for each in backbone.modules()), "a norm was left out"
    assert torch.allclose(found, expected, rtol=1e-9)
    assert slopes.keys() == wanted.keys() and (not rank or all("lora_" in key for key in slopes))
    for key, slope in slopes.items():
        assert torch.allclose(slope, wanted[key], rtol=1e-6, atol=1e-12), key


def test_nothing_is_left_behind_also_after_an_error() -> None:
    backbone = lively("tf_efficientnet_lite0")
    keys, modes = list(backbone.state_dict()), [each.training for each in backbone.modules()]
    with pytest.raises(ZeroDivisionError), folded_norms(backbone.network) as n:
        assert n and list(backbone.state_dict()) == keys
        raise ZeroDivisionError
    assert not any("forward" in each.__dict__ for each in backbone.modules())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in backbone.modules())
    assert [each.training for each in backbone.modules()] == modes


def test_learning_norms_and_networks_without_any_are_left_alone() -> None:
    learning = lively("tf_efficientnet_lite0").freeze_norm(False).train()
    with folded_norms(learning.network) as n:
        assert n == 0
    with folded_norms(timm.create_model("convnext_atto", num_classes=0)) as n:
        assert n == 0


def test_a_norm_that_is_not_the_only_one_to_use_an_answer_is_not_folded() -> None:
    class Both(nn.Module):
        """The convolution's answer goes around its norm as well."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            nn.init.constant_(self.norm.weight, 3.0)

        def forward_features(self, x: Tensor) -> Tensor:
            answer = self.conv(x)
            found: Tensor = answer + self.norm(answer)
            return found

    network = Both().eval()
    with folded_norms(network) as n:
        assert n == 0
        assert "forward" not in network.conv.__dict__ and "forward" not in network.norm.__dict__
