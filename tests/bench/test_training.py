"""The speed of finetuning: every way takes its turn, and none changes the network for the next."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fact_core.bench import training
from fact_core.finetune.loop_state import Net
from fact_core.finetune.training_run import linear
from tests.finetune_help import CPU, backbone, drain


@pytest.mark.slow
def test_all_ways_are_measured_beside_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PIXELS", 32)
    monkeypatch.setattr(training, "ROUNDS", {False: 1})
    monkeypatch.setattr(training, "TIMED", 1)
    monkeypatch.setattr(training.backbones, "load", lambda *_, **__: backbone())
    events, found = drain(training.run(False))
    ways = [row["way"] for row in found["rows"]]
    assert ways[0] == "plain" and found["rows"][0]["ratio"] == 1.0
    assert len(events) == 2 + len(ways)
    assert 0.1 < found["convolutions"] < 1 and "the convolutions" in events[-1].text
    assert all(row["images_per_s"] > 0 for row in found["rows"])
    assert (found["device"], found["rounds"]) == (training.device.describe(training.device.device_named("auto")), 1)


def test_a_way_leaves_the_layers_as_they_were() -> None:
    net = Net(backbone().freeze_norm(), linear(torch.zeros(3, 1280), torch.zeros(3))).train()
    before = {name: module.forward for name, module in net.named_modules()}
    norms = [each for each in net.modules() if isinstance(each, nn.BatchNorm2d)]
    for name, (amp, around) in training.ways(net, CPU).items():
        assert not amp, name
        for each in around:
            with each():
                pass
    assert before == {name: module.forward for name, module in net.named_modules()}
    assert norms and not any(each.training for each in norms)


def test_a_gpu_is_measured_with_and_without_mixed_precision() -> None:
    net = Net(backbone(), linear(torch.zeros(3, 1280), torch.zeros(3)))
    assert [amp for amp, _ in training.ways(net, torch.device("cuda")).values()] == [False, True]
