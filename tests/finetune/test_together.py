"""Training on several devices, here processes on the CPU (gloo): what one device learns, whoever is lost on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from timm.layers import DropPath  # type: ignore[attr-defined]
from torch import Tensor

from fact_core import phase_config
from fact_core.compute import crew as crews
from fact_core.compute import group
from fact_core.compute.crew import Crew
from fact_core.compute.training_images import ImageCache
from fact_core.errors import ImageError
from fact_core.events import Event, Log, Point, Progress, Saved
from fact_core.finetune.batches import Batches, Share
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.loop import Pictures, loop
from fact_core.finetune.loop_state import LoopPlan, Net
from fact_core.finetune.naming import NAMED
from fact_core.finetune.together import FOLLOW
from fact_core.finetune.training_mode import PartOfDropPath
from fact_core.finetune.training_run import linear
from fact_core.types import Step
from tests.finetune_help import (
    CPU,
    PIXELS,
    SMALL,
    SMALL_TRANSFORMER,
    Coloured,
    LittleMemory,
    backbone,
    coloured,
    drain,
    steps,
    tiny,
)

#: All that a loop knows: warm-up, decay of layers and weights, smoothing, clipping, averaged weights, drop path.
PLAN = LoopPlan("ff", 6, 5, PIXELS, "adamw", 1e-4, 1e-3, 0.9, 0.05, 0.1, 0.3, clip=2.0, ema=0.9)
#: Sums of float32 in another order, after some steps of an optimiser that divides by them. Weights move by 4e-3.
SAME = 1e-5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 4 + [0])


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Three processes: the tests of this file come in the order in which they lose some."""
    with Crew((CPU, CPU, CPU), FOLLOW) as started:
        yield started


@dataclass(frozen=True)
class Learned:
    weights: dict[str, Tensor]
    points: list[Point]
    told: list[str]


def learning(
    data: Coloured, crew: Crew | None, plan: LoopPlan = PLAN, name: str = SMALL_TRANSFORMER, kind: type[Net] = Net
) -> tuple[Net, Step[object]]:
    own = backbone(name=name)
    net = kind(own, linear(torch.randn(3, own.dim, generator=torch.Generator().manual_seed(0)) * 0.1, torch.zeros(3)))
    pictures = Pictures(ImageCache(data.files, plan.pixels), torch.from_numpy(data.y))
    made, kept = torch.Generator().manual_seed(1), Checkpoint(None, "")
    return net, loop(net, pictures, plan, device=CPU, generator=made, checkpoint=kept, part="ff", crew=crew)


def learned(data: Coloured, crew: Crew | None = None, plan: LoopPlan = PLAN, name: str = SMALL_TRANSFORMER) -> Learned:
    net, step = learning(data, crew, plan, name)
    return as_learned(net, drain(step)[0])


def until(step: Step[object], steps: int) -> list[Event]:
    """The events up to the point of that step."""
    events: list[Event] = []
    while not (events and isinstance(events[-1], Point) and events[-1].step == steps):
        events.append(next(step))
    return events


def as_learned(net: Net, events: Sequence[Event]) -> Learned:
    points = [each for each in events if isinstance(each, Point)]
    return Learned(net.state_dict(), points, [each.text for each in events if isinstance(each, Log)])


def same(one: Learned, two: Learned) -> None:
    """Weights, and every loss and accuracy that is told, within rounding."""
    assert one.weights.keys() == two.weights.keys()
    for name, weight in one.weights.items():
        assert torch.allclose(weight.float(), two.weights[name].float(), rtol=0, atol=SAME), name
    assert [each.step for each in one.points] == [each.step for each in two.points]
    for a, b in zip(one.points, two.points, strict=True):
        assert a.loss == pytest.approx(b.loss, abs=1e-5) and a.accuracy == pytest.approx(b.accuracy, abs=1e-6)


def test_parts_are_the_whole_batch_and_nearly_equal() -> None:
    for n in range(1, 20):
        for world in range(1, n + 1):
            parts = [range(n)[Share(rank, world).of(n)] for rank in range(world)]
            assert [row for part in parts for row in part] == list(range(n))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_each_device_crops_its_part_of_the_very_batch_that_one_would_draw(data: Coloured) -> None:
    def drawn(share: Share | None) -> list[Tensor]:
        made = torch.Generator().manual_seed(3)
        with Batches(ImageCache(data.files, 16), 5, 16, made, share=share) as batches:
            found = [batches.next() for _ in range(4)]
        assert all(each.whole == 5 and len(each.rows) == len(each.pictures) for each in found)
        return [torch.cat([each.rows.view(-1, 1), each.pictures.flatten(1)], dim=1) for each in found]

    parts = [drawn(Share(rank, 3)) for rank in range(3)]
    for whole, *others in zip(drawn(None), *parts, strict=True):
        assert [len(each) for each in others] == [1, 2, 2] and torch.equal(whole, torch.cat(others))


def test_a_part_of_drop_path_is_that_of_the_whole_batch() -> None:
    x, ours = torch.randn(7, 3, 2), PartOfDropPath(0.4).train()
    torch.manual_seed(5)
    wanted = DropPath(0.4).train()(x)
    assert 0 < int((wanted.flatten(1).abs().sum(dim=1) == 0).sum()) < 7
    for part in (None, (0, 7), (2, 7), (6, 7)):
        start = part[0] if part else 0
        torch.manual_seed(5)
        ours.part = part
        assert torch.equal(ours(x[start:]), wanted[start:])
    assert torch.equal(ours.eval()(x), x)


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        (SMALL_TRANSFORMER, PLAN),
        (SMALL, replace(PLAN, optimiser="sgd", backbone_lr=0.01)),
        (SMALL_TRANSFORMER, replace(PLAN, steps=3, batch=2)),  # smaller than the number of devices
    ],
    ids=["transformer", "convolutions", "small batch"],
)
def test_three_processes_learn_what_one_does(data: Coloured, crew: Crew, name: str, plan: LoopPlan) -> None:
    """Uneven parts: 5 images are 1, 2 and 2. All end with the same weights: else it is told."""
    together = learned(data, crew, plan, name)
    same(learned(data, None, plan, name), together)
    assert together.told == [] and len(crew.mates) == 2
    assert together.points[-1].images_per_s > 0


def test_memory_that_is_full_is_each_devices_own_matter_until_it_is_not(data: Coloured) -> None:
    """Hostile input 15: a part that does not fit goes in pieces, whose gradients are averaged once. Where memory is
    full later, in the midst of a step that all take, this device goes on alone."""
    plan = replace(PLAN, drop_path=0.0)  # which pieces draw in their own way
    with Crew((CPU, CPU), FOLLOW) as two:
        net, step = learning(data, two, plan, kind=LittleMemory)
        events = until(step, 3)
        assert [each.text for each in events if isinstance(each, Log)] == [] and two.devices == 2
        net.room = 1  # type: ignore[assignment]
        found = as_learned(net, [*events, *drain(step)[0]])
    same(learned(data, None, plan), found)
    assert len(found.told) == 2 and "cannot work together: the memory is full. Going on with cpu alone" in found.told[0]
    assert found.told[1].startswith("Out of memory: going on with ") and two.mates == []


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signals here")
def test_a_process_that_is_killed_or_hangs_costs_nothing_but_its_device(
    data: Coloured, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of the steps: the others learn from the batch once more, and the result is the same."""
    alone = learned(data)
    for end, left, words in (
        (signal.SIGKILL, 2, "killed by SIGKILL). Going on with 2 devices, from the same step"),
        (signal.SIGSTOP, 1, "it did not answer any more. Going on with one device, from the same step"),
    ):
        net, step = learning(data, crew)
        events = until(step, 3)
        monkeypatch.setitem(group.LIMIT, "gloo", 2.0)
        monkeypatch.setattr(crews, "SETTLE", 1.0 if end == signal.SIGSTOP else crews.SETTLE)
        os.kill(crew.mates[0].process.pid or 0, end)
        found = as_learned(net, [*events, *drain(step)[0]])
        same(alone, found)
        assert len(found.told) == 1 and words in found.told[0] and crew.devices == left
    same(alone, learned(data, crew))


def test_an_image_that_another_process_cannot_read_is_the_runs_error(data: Coloured, tmp_path: Path) -> None:
    """As with one device: not a lost process, and in the same words."""
    with Batches(ImageCache(data.files, PIXELS), 5, PIXELS, torch.Generator().manual_seed(1)) as batches:
        theirs = int(batches.next().rows[-1])
    gone = tmp_path / "gone.png"
    files = tuple(gone if row == theirs else file for row, file in enumerate(data.files))
    with Crew((CPU, CPU), FOLLOW) as two:
        _, step = learning(replace(data, files=files), two, PLAN, SMALL_TRANSFORMER)
        with pytest.raises(ImageError, match="not there any more"):
            drain(step)
        assert two.devices == 1


def test_a_whole_run_on_two_processes_stopped_and_resumed(
    data: Coloured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phase 2, naming, self-training and the light model: as one device, also where it was stopped on the way."""
    monkeypatch.setattr(phase_config, "LOOKS", 0)
    pool = coloured(tmp_path / "pool", [0, 1, 2] * 3, seed=1).files
    config = tiny("fact+", **{"st.steps": 4, "st.rounds": 1, "st.names": "network", "ff.gate": "off"})
    _, wanted = drain(steps(data, config, unlabelled=pool))
    run = steps(data, config, tmp_path / "kept", unlabelled=pool, others=(CPU,))
    events: list[Event] = []
    while not any(isinstance(each, Point) and (each.phase, each.step) == ("st", 2) for each in events):
        events.append(next(run))
    run.close()
    assert any(isinstance(each, Saved) and each.phase == "ff" for each in events)
    assert any(isinstance(each, Progress) and each.step == NAMED for each in events)
    events, found = drain(steps(data, config, tmp_path / "kept", unlabelled=pool, others=(CPU,)))
    assert any(isinstance(each, Log) and each.text == "Going on at step 2 of 4." for each in events)
    one, two = (each.classifier.backbone.state_dict() for each in (wanted, found))
    assert all(torch.allclose(one[name].float(), two[name].float(), rtol=0, atol=SAME) for name in one)
    assert [each.value for each in wanted.decisions] == [each.value for each in found.decisions]
