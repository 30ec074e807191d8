"""The parts of the one loop, each with numbers that can be checked by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import load
from fact_core.compute.training_images import ImageCache
from fact_core.config import train_config
from fact_core.errors import DeviceError, RunError
from fact_core.events import Log
from fact_core.finetune import lora, weight_mix
from fact_core.finetune.batches import Batch, Batches
from fact_core.finetune.loop_state import LoopPlan, Net, Training, share_of_rate
from fact_core.finetune.probe import by_logistic_regression, silence
from fact_core.finetune.training_mode import set_drop_path
from fact_core.finetune.training_run import linear
from tests.finetune_help import CPU, DEFAULT, PIXELS, backbone, coloured, drain

PLAN = LoopPlan("ff", steps=10, batch=8, pixels=PIXELS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(plan: LoopPlan = PLAN, kind: type[Net] = Net) -> Training:
    """A training on three classes with random weights, in the loop's mode."""
    start = backbone()
    head = linear(torch.randn(3, start.dim, generator=generator()) * 0.1, torch.zeros(3))
    start.freeze_norm()
    return Training(kind(start, head).train(), torch.arange(3), plan, CPU)


def batch(n: int = 8) -> Batch:
    pictures = torch.randint(0, 256, (n, 3, PIXELS, PIXELS), generator=generator(1), dtype=torch.uint8)
    return Batch(torch.arange(n), pictures, 5)


def test_the_rate_warms_up_then_follows_a_cosine() -> None:
    assert share_of_rate(0, 100) == pytest.approx(1 / 11)
    assert share_of_rate(9, 100) == pytest.approx(10 / 11)
    assert share_of_rate(10, 100) == 1.0
    assert share_of_rate(55, 100) == pytest.approx(0.5)
    assert 0 < share_of_rate(99, 100) < 0.001
    assert share_of_rate(0, 1) > 0
    assert (
        share_of_rate(0, 300, 5) == pytest.approx(1 / 6) and share_of_rate(5, 300, 5) == 1.0
    )  # 5 steps in place of 30
    assert share_of_rate(2, 3, 5) == pytest.approx(3 / 6)  # shorter than its warm-up


def test_every_image_comes_once_an_epoch(tmp_path: Path) -> None:
    data = coloured(tmp_path, [0, 1, 2, 0, 1])
    with Batches(ImageCache(data.files, 8), 2, 8, generator()) as batches:
        drawn = [batches.next() for _ in range(10)]
    rows = torch.cat([each.rows for each in drawn]).tolist()
    assert [sorted(rows[i : i + 5]) for i in (0, 5, 10, 15)] == [[0, 1, 2, 3, 4]] * 4
    assert all(each.pictures.shape == (2, 3, 8, 8) and each.pictures.dtype == torch.uint8 for each in drawn)


def test_batches_go_on_from_their_state(tmp_path: Path) -> None:
    data = coloured(tmp_path, [0, 1, 2, 0, 1])
    cache = ImageCache(data.files, 8)
    with Batches(cache, 2, 8, generator()) as batches:
        for _ in range(3):
            batches.next()
            batches.done()
        state = batches.state()
        wanted = [batches.next() for _ in range(3)]
    with Batches(cache, 2, 8, generator(9)) as again:
        again.restore(state)
        for each in wanted:
            found = again.next()
            assert torch.equal(found.rows, each.rows) and torch.equal(found.pictures, each.pictures)
            assert found.noise == each.noise
        undone = again.state()
    assert torch.equal(undone["generator"], state["generator"])  # drawn, but nothing was learned from them


def test_a_batch_larger_than_the_labels_is_all_of_them(tmp_path: Path) -> None:
    data = coloured(tmp_path, [0, 1])
    with Batches(ImageCache(data.files, 8), 64, 8, generator()) as batches:
        assert sorted(batches.next().rows.tolist()) == [0, 1]


def test_pieces_add_up_to_the_gradient_of_the_whole_batch() -> None:
    target = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    found = []
    for piece in (8, 3):
        run = net()
        run.piece = piece
        drain(run.gradient(batch(), target))
        ((loss, accuracy),) = run.losses()
        found.append((loss, accuracy, run.net.head.weight.grad, run.net.backbone.network.conv_stem.weight.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4) and found[0][1] == found[1][1]
    assert torch.allclose(found[0][2], found[1][2], rtol=1e-3, atol=1e-5)
    assert torch.allclose(found[0][3], found[1][3], rtol=1e-2, atol=1e-4 * float(found[0][3].abs().max()))


class SmallMemory(Net):
    """Memory for ``room`` images."""

    room = 3

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(images)


def test_out_of_memory_goes_on_in_smaller_pieces_and_says_so() -> None:
    """Hostile input 15: CUDA out of memory in training."""
    target = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    run = net(kind=SmallMemory)
    events, _ = drain(run.gradient(batch(), target))
    ((loss, _),) = run.losses()
    told = [each.text for each in events if isinstance(each, Log)]
    assert [text.split(":")[0] for text in told] == ["Out of memory"] and run.piece == 2  # told once
    other = net()
    drain(other.gradient(batch(), target))
    ((whole, _),) = other.losses()
    assert loss == pytest.approx(whole, rel=1e-4)


def test_no_memory_for_one_image_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile input 15: CUDA out of memory for one image."""
    monkeypatch.setattr(SmallMemory, "room", 0)
    with pytest.raises(DeviceError, match="Not even one image"):
        drain(net(kind=SmallMemory).gradient(batch(2), torch.tensor([0, 1])))


def test_a_loss_that_is_no_number_is_an_error_in_words() -> None:
    run = net()
    with torch.no_grad():
        run.net.head.bias.fill_(float("nan"))
    drain(run.gradient(batch(2), torch.tensor([0, 1])))
    with pytest.raises(RunError, match="no longer a number"):
        run.losses()


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_early_layers_learn_slower_and_biases_do_not_decay(optimiser: str) -> None:
    run = net(replace(PLAN, optimiser=optimiser, layer_decay=0.5, weight_decay=0.1, backbone_lr=0.1, head_lr=1.0))
    group = {id(p): g for g in run.optimiser.param_groups for p in g["params"]}
    network = run.net.backbone.network
    stem, last, head = group[id(network.conv_stem.weight)], group[id(network.conv_head.weight)], run.net.head
    assert stem["base"] < 0.1 * last["base"] and last["base"] <= 0.1
    assert group[id(head.weight)]["base"] == 1.0 and group[id(head.weight)]["weight_decay"] == 0.1
    assert group[id(head.bias)]["weight_decay"] == 0.0 and group[id(network.bn1.weight)]["weight_decay"] == 0.0
    assert sum(len(g["params"]) for g in run.optimiser.param_groups) == len(list(run.net.parameters()))


def test_the_average_follows_the_weights() -> None:
    run = net(replace(PLAN, ema=0.5))
    name = "head.weight"
    start = run.named[name].detach().clone()
    drain(run.gradient(batch(3), torch.tensor([0, 1, 2])))
    run.update()
    now = run.named[name].detach().clone()
    keep = min(0.5, 2 / 11)
    assert torch.allclose(run.average[name], keep * start + (1 - keep) * now, atol=1e-6)
    run.swap()
    assert not torch.equal(run.named[name], now)
    run.swap()
    assert torch.equal(run.named[name], now)


def test_classes_without_a_label_are_never_trained() -> None:
    start = backbone()
    head = linear(torch.randn(3, start.dim, generator=generator()), torch.zeros(3))
    silence(head, torch.tensor([0, 2]))
    assert head.bias.tolist() == [0.0, -2.0, 0.0] and not bool(head.weight[1].any())
    run = Training(Net(start, head), torch.tensor([0, 2]), replace(PLAN, weight_decay=0.1), CPU)
    drain(run.gradient(batch(4), torch.tensor([0, 2, 0, 2])))
    run.update()
    assert not bool(head.weight[1].any()) and head.bias[1].tolist() == -2.0
    assert bool(head.weight[0].any())


def test_drop_path_grows_with_depth_and_goes_away() -> None:
    network = backbone(name=DEFAULT).network
    set_drop_path(network, 0.2)
    rates = [each.drop_prob for each in network.modules() if "DropPath" in type(each).__name__]
    assert rates == sorted(rates) and rates[-1] == pytest.approx(0.2) and len(rates) > 5
    set_drop_path(network, 0.0)
    assert not any("DropPath" in type(each).__name__ for each in network.modules())


def test_lora_on_dino_has_the_papers_number_of_parameters() -> None:
    """147,456 = 12 blocks x 8 x (384 + 1152), and the head of 10 classes: 151,306."""
    dino = load("vit_small_patch16_224.dino", random=True)
    before = {name: each.clone() for name, each in dino.state_dict().items()}
    added = lora.add(dino, rank=8, alpha=16, seed=0)
    head = nn.Linear(dino.dim, 10)
    assert sum(p.numel() for p in Net(dino, head).parameters() if p.requires_grad) == 151_306
    lora.merge(dino, added)
    assert sum(p.numel() for p in dino.parameters()) == 21_665_664
    after = dino.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)  # B is zero: nothing changed yet


def test_a_lora_step_changes_only_the_target_layers() -> None:
    start = backbone()
    before = {name: each.clone() for name, each in start.state_dict().items()}
    targets = {f"network.{name}.weight" for name in start.lora_targets()}
    added = lora.add(start, rank=4, alpha=8, seed=0)
    head = linear(torch.randn(3, start.dim, generator=generator()) * 0.1, torch.zeros(3))
    run = Training(Net(start, head), torch.arange(3), replace(PLAN, backbone_lr=0.1), CPU)
    for _ in range(2):
        drain(run.gradient(batch(3), torch.tensor([0, 1, 2])))
        run.update()
    lora.merge(start, added)
    changed = {name for name, each in start.state_dict().items() if not torch.equal(before[name], each)}
    assert changed and changed <= targets


def test_the_probe_folds_its_scale_into_the_weights() -> None:
    """Features ten times larger give the same answers."""
    x = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.8]])
    y = torch.tensor([0, 0, 1, 1])
    _, (one, _) = drain(by_logistic_regression(x, y, 2, 10.0))
    _, (ten, _) = drain(by_logistic_regression(10 * x, y, 2, 10.0))
    assert torch.allclose(one(x), ten(10 * x), atol=1e-4)
    assert one(x).argmax(1).tolist() == [0, 0, 1, 1]


def test_the_gate_mixes_in_proportion() -> None:
    net = backbone(0)
    one = Net(net, linear(torch.ones(2, net.dim), torch.zeros(2)))
    start = {"head": {"weight": torch.zeros(2, net.dim), "bias": torch.full((2,), 4.0)}}
    weight_mix.mix(one, start, 0.25)
    assert torch.equal(one.head.weight, torch.full((2, net.dim), 0.25)) and one.head.bias.tolist() == [3.0, 3.0]


def test_the_gate_compares_how_right_the_answers_are_and_not_how_sure() -> None:
    """The same answers, said with more or less confidence, count alike; better ones less; none at all: infinitely."""
    draw = generator()
    logits = torch.randn(200, 5, generator=draw)
    y = torch.where(torch.rand(200, generator=draw) < 0.7, logits.argmax(1), torch.randint(5, (200,), generator=draw))
    here = mean_loss(logits, y)
    for scale in (0.5, 4.0):
        assert abs(mean_loss(scale * logits, y) - here) < 1e-4
    grid = [functional.cross_entropy(logits / t, y).item() for t in np.geomspace(0.05, 20, 400)]
    assert min(grid) - 1e-3 < here <= min(grid) + 1e-6
    better = logits + functional.one_hot(y, 5)  # the right class is likelier everywhere
    assert mean_loss(4 * better, y) < here < mean_loss(torch.zeros(200, 5), y)
    assert mean_loss(logits / 0, y) == math.inf


def mean_loss(logits: torch.Tensor, y: torch.Tensor) -> float:
    return float(weight_mix.calibrated_losses(logits, y).mean())


def test_what_cannot_be_told_apart_is_decided_for_the_finetuned_weights() -> None:
    """The largest share of no more loss than the smallest, but for two standard errors of the difference."""
    draw = generator()
    half = torch.rand(100, generator=draw)
    differs = torch.randn(100, generator=draw)
    differs -= differs.mean()
    error = float(differs.std()) / 10
    fewer = {0.0: 70, 0.5: 69, 1.0: 68}
    for factor, share in ((-1.0, 1.0), (1.9, 1.0), (2.1, 0.5)):
        losses = {0.0: half + 1, 0.5: half, 1.0: half + differs + factor * error}
        assert weight_mix.largest(losses, {0.0: 60, 0.5: 70, 1.0: 69}) == share
        assert weight_mix.largest(losses, {0.0: 60, 0.5: 70, 1.0: 70}) == 1.0  # more loss, and right as often
    worse = {0.0: half, 0.5: half + 0.1, 1.0: half + 0.2}  # for every image
    assert weight_mix.largest(worse, fewer) == 0.0 and weight_mix.largest(worse, {**fewer, 0.5: 70}) == 0.5
    nothing = torch.full((100,), math.inf)
    assert weight_mix.largest({0.0: half, 0.5: half, 1.0: nothing}, {0.0: 5, 0.5: 5, 1.0: 5}) == 0.5
    assert weight_mix.largest({0.0: nothing, 0.5: nothing, 1.0: nothing}, {0.0: 5, 0.5: 5, 1.0: 5}) == 0.0


def test_half_of_every_class_is_left_out_but_never_its_only_image() -> None:
    y = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    one, two = weight_mix.halves(y, generator())
    assert sorted(one.tolist() + two.tolist()) == [0, 1, 2, 3, 4, 5]
    assert sorted(y[one].tolist()) == sorted(y[two].tolist()) == [0, 0, 1]


def test_copies_of_an_image_stay_in_one_half() -> None:
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    groups = torch.tensor([0, 0, 2, 2, 4, 5, 5, 4])
    for seed in range(5):
        one, two = (set(groups[part].tolist()) for part in weight_mix.halves(y, generator(seed), groups))
        assert not one & two and one | two == {0, 2, 4, 5}
    only = weight_mix.halves(torch.tensor([0, 0, 1, 1]), generator(), torch.tensor([0, 0, 2, 3]))
    assert sorted(torch.cat(only).tolist()) == [2, 3]  # class 0 has one image: it is never left out


def test_a_finished_part_is_whole_on_the_device_of_the_work(tmp_path: Path) -> None:
    """The head of a fold lies on the CPU: on a GPU it must follow when the part is only loaded.

    "meta" stands in for a GPU: it refuses tensors of the CPU in the same way.
    """
    from types import SimpleNamespace

    from fact_core.finetune.finetune import train_part

    net = backbone()
    one = Net(net, linear(torch.zeros(3, net.dim), torch.zeros(3)))
    stored = SimpleNamespace(tensors=one.state_dict(), values={"seconds": 1.0, "parameters": 5})
    work = SimpleNamespace(
        checkpoint=SimpleNamespace(finished=lambda part: stored),
        device=torch.device("meta"),
        config=train_config(),
        files=[tmp_path / f"{row}.png" for row in range(3)],  # never opened
        y=torch.zeros(3, dtype=torch.int64),
    )
    one.requires_grad_(False)
    step = train_part(work, "ff.fold0", one, torch.arange(3), PLAN)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        next(step)
    assert {each.device.type for each in one.parameters()} == {"meta"} and not one.training
    assert all(each.requires_grad for each in one.parameters())
