"""Where a classifier looked: exact where it can be told exactly, and at the part that decides elsewhere."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fact_core.backbones import load
from fact_core.backbones.adapters import Adapters, add
from fact_core.classifier.model import Classifier
from fact_core.classifier.saliency import log_odds, saliency
from fact_core.lightweight.light import LightHead

pytestmark = pytest.mark.usefixtures("networks_of_few_blocks")

CONV, VIT = "tf_efficientnet_lite0", "vit_small_patch16_224.dino"


def made(name: str, head: nn.Module | None = None, classes: int = 3) -> Classifier:
    backbone = load(name, random=True, pixels=96, seed=3)
    torch.manual_seed(5)
    return Classifier(backbone, {"lp": head or nn.Linear(backbone.dim, classes)}, "lp", ("a", "b", "c")).eval()


def picture(seed: int = 0, h: int = 96, w: int = 96) -> Tensor:
    return torch.randn(1, 3, h, w, generator=torch.Generator().manual_seed(seed))


def test_with_a_linear_layer_on_the_mean_it_is_the_class_activation_map() -> None:
    """Zhou et al. 2016: the weights of the class, here against those of the others by their shares, at each place."""
    classifier, image = made(CONV), picture()
    found = saliency(classifier, image, 1)
    with torch.no_grad():
        features = classifier.backbone.network.forward_features(image)  # type: ignore[operator]
        line = classifier.heads["lp"]
        answer = line(features.mean((2, 3)))[0]
        rest = answer[[0, 2]].softmax(0)
        way = line.weight[1] - rest[0] * line.weight[0] - rest[1] * line.weight[2]  # type: ignore[index]
        wanted = torch.einsum("c,chw->hw", way, features[0]).relu()
    assert found.method == "cam" and found.cells.shape == (3, 3)
    np.testing.assert_allclose(found.cells, (wanted / wanted.max()).numpy(), atol=1e-4)


def test_log_odds_do_not_saturate() -> None:
    classifier, image = made(CONV), picture()
    line = classifier.heads["lp"]
    assert isinstance(line, nn.Linear)
    with torch.no_grad():
        line.bias.copy_(torch.tensor([0.0, 200.0, 0.0]))
        features = classifier.backbone.network.forward_features(image)  # type: ignore[operator]
        assert classifier(image)[0, 1] == 1.0
        assert float(log_odds(classifier, features, image, 1)) > 150
    assert saliency(classifier, image, 1).cells.max() == 1.0


@pytest.mark.parametrize("name", [VIT, "vil2_small16", "convnext_tiny.fb_in1k", "convnext_tiny_stage3"])
def test_every_family_gives_a_map_of_its_patches_and_is_left_as_it_was(name: str) -> None:
    classifier = made(name)
    image = picture(h=96, w=96 if name.startswith("vil") else 128)
    before, state = classifier(image), copy.deepcopy(classifier.state_dict())
    found = saliency(classifier, image, 2)
    side = classifier.backbone.reduction
    assert found.cells.shape == (image.shape[2] // side, image.shape[3] // side)
    assert found.method == {"vit": "attention", "vil": "tokens", "con": "cam"}[name[:3]]
    assert found.cells.min() >= 0 and found.cells.max() in (0.0, 1.0)
    assert torch.equal(before, classifier(image)), "the same answers by the same kernels"
    assert all(torch.equal(state[each], now) for each, now in classifier.state_dict().items())
    assert all(each.grad is None for each in classifier.parameters())


def test_attention_is_followed_back_to_the_patch_that_is_looked_at() -> None:
    """One block whose class token looks at nothing but a patch: the map is that patch alone."""
    classifier, image = made(VIT), picture()
    network = classifier.backbone.network
    network.blocks = network.blocks[:1]  # type: ignore[index,assignment]

    class Only(nn.Module):
        def forward(self, weights: Tensor) -> Tensor:
            mask = torch.zeros_like(weights)
            mask[:, :, :, 1 + 7] = 1
            return weights * 0 + mask

    network.blocks[0].attn.attn_drop = Only()  # type: ignore[index,union-attr]
    found = max((saliency(classifier, image, k) for k in range(3)), key=lambda each: each.cells.max())
    assert found.method == "attention"
    assert found.cells.reshape(-1).argmax() == 7 and found.cells.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_prompts_and_prefixes_are_no_part_of_the_map(kind: str) -> None:
    classifier = made(VIT)
    add(classifier.backbone, Adapters(kind=kind, length=4), torch.Generator().manual_seed(0))
    found = saliency(classifier, picture(), 0)
    assert found.cells.shape == (6, 6)
    assert found.method == ("attention" if kind == "prompt" else "tokens")


def test_the_light_model_is_asked_by_all_that_it_reads() -> None:
    backbone = load(VIT, random=True, pixels=96, seed=3)
    head = LightHead(backbone.dim, backbone.token_dim, 8, 3, "both", tuned=True)
    with torch.no_grad():
        for each in head.parameters():
            each.copy_(torch.randn(each.shape, generator=torch.Generator().manual_seed(1)) / 8)
        head.basis.copy_(torch.randn(head.basis.shape, generator=torch.Generator().manual_seed(2)))
    classifier = Classifier(backbone, {"lm": head}, "lm", ("a", "b", "c")).eval()
    maps = [saliency(classifier, picture(), k).cells for k in range(3)]
    assert not np.allclose(maps[0], maps[1]) and max(each.max() for each in maps) == 1.0
