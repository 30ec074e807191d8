"""One contract over every backbone and every strategy: a new entry is tested by being there."""

import numpy as np
import pytest
import torch

from fact_core import backbones
from fact_core.choices import BACKBONES, STRATEGIES, resolve
from fact_core.select.picks import Picks
from fact_core.weights import status

NAMES = sorted(BACKBONES)


@pytest.fixture(scope="module", params=NAMES)
def backbone(request):
    return backbones.load(request.param, random=True)


@torch.no_grad()
def see(backbone, pixels, n=2, seed=0):
    return backbone(torch.randn(n, 3, pixels, pixels, generator=torch.Generator().manual_seed(seed)))


def test_says_what_it_is(backbone):
    choice = BACKBONES[backbone.name]
    assert backbone.dim == choice.dim
    assert sum(each.numel() for each in backbone.parameters()) == choice.parameters
    assert backbone.preprocess.pixels == choice.pixels == backbone.fit_pixels(choice.pixels)
    assert choice.cpu_pixels == 0 or backbone.fit_pixels(choice.cpu_pixels) == choice.cpu_pixels
    assert not backbone.training


def test_tokens(backbone):
    pixels = backbone.fit_pixels(64)
    out = see(backbone, pixels)
    h, w = backbone.grid(pixels)
    assert out.pooled.shape == (2, backbone.dim) and out.patches.shape == (2, h, w, backbone.token_dim)
    assert torch.isfinite(out.pooled).all() and torch.isfinite(out.patches).all()
    assert torch.allclose(out.pooled, see(backbone, pixels).pooled)
    assert not torch.allclose(out.pooled[0], out.pooled[1])


@pytest.mark.parametrize("asked", [1, 33, 98, 128, 224])
def test_fit_pixels(backbone, asked):
    fitted = backbone.fit_pixels(asked)
    assert fitted % backbone.reduction == 0 and fitted >= 2 * backbone.reduction
    assert fitted == 2 * backbone.reduction or abs(fitted - asked) <= backbone.reduction / 2
    assert backbone.fit_pixels(fitted) == fitted


def test_fixed_copy_answers_the_same(backbone):
    pixels = backbone.preprocess.pixels
    assert torch.allclose(
        backbone.fixed()(torch.ones(1, 3, pixels, pixels)).pooled,
        backbone(torch.ones(1, 3, pixels, pixels)).pooled,
        atol=1e-5,
    )


def test_lora_targets_are_layers(backbone):
    modules = dict(backbone.network.named_modules())
    targets = backbone.lora_targets()
    assert targets and all(isinstance(modules[name], torch.nn.Linear | torch.nn.Conv2d) for name in targets)


def test_frozen_norm_keeps_its_statistics(backbone):
    copy = backbone.clone().freeze_norm().train()
    before = {name: value.clone() for name, value in copy.named_buffers()}
    assert copy.training
    see(copy, copy.fit_pixels(64))
    assert all(torch.equal(value, before[name]) for name, value in copy.named_buffers())


def test_random_weights_repeat(backbone):
    again = backbones.load(backbone.name, random=True)
    assert all(torch.equal(a, b) for a, b in zip(backbone.parameters(), again.parameters(), strict=True))


def test_drop_path_adds_no_weights(backbone):
    assert list(backbones.bare(backbone.name, drop_path=0.1).state_dict()) == list(backbone.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_status_says_something(name):
    found = status(name)
    assert found.detail and (found.ready or found.download_bytes > 1e6)


@pytest.mark.weights
@pytest.mark.parametrize("name", [name for name in NAMES if status(name).ready])
def test_real_weights_load(name):
    real = backbones.load(name)
    assert len(real.key) == 16 and torch.isfinite(see(real, real.fit_pixels(64)).pooled).all()


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategy(name):
    """Distinct unlabeled rows in labeling order, as many as asked for; the same seed gives the same."""
    x = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    labeled, y = np.array([3, 7]), np.array([0, 1])
    found = [_run(resolve(STRATEGIES[name].target)(x, 6, labeled, y, np.random.default_rng(1))) for _ in range(2)]
    picks = found[0]
    assert isinstance(picks, Picks) and picks.rows.dtype == np.int64
    everything = picks.rows.tolist() + picks.next_best.tolist()
    assert len(picks.rows) == 6 and len(set(everything)) == len(everything) >= 26
    assert not {3, 7} & set(everything) and min(everything) >= 0 and max(everything) < 40
    assert (found[1].rows == picks.rows).all() and (found[1].next_best == picks.next_best).all()


def _run(step):
    try:
        while True:
            next(step)
    except StopIteration as end:
        return end.value
