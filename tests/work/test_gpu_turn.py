"""Workers of several projects on one GPU: one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fact_core.events import Event, Log, Progress
from fact_core.folders import cache_folder
from fact_core.types import Step
from fact_core.work import gpu_turn
from fact_core.work.gpu_turn import in_turn


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that can be waited for; nothing is computed on it."""
    monkeypatch.setattr(gpu_turn, "_gpus", lambda name: (torch.device("cuda:0"),) if name != "cpu" else ())
    monkeypatch.setattr(gpu_turn, "_mark", lambda device: "a")
    monkeypatch.setattr(gpu_turn, "release", lambda device: None)
    monkeypatch.setattr(gpu_turn, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(gpu_turn, "ASK_SECONDS", 0.01)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)


def work(name: str, done: list[str]) -> Step[str]:
    done.append(f"{name} begins")
    yield Progress(name, 0, 1)
    done.append(f"{name} ends")
    return name


@pytest.mark.slow
def test_a_second_worker_waits_and_says_for_whom() -> None:
    done: list[str] = []
    first, second = in_turn("auto", "flowers", work("a", done)), in_turn("cuda", "cars", work("b", done))
    assert next(first) == Progress("a", 0, 1)
    told: list[Event] = [next(second), next(second), next(second)]
    assert isinstance(told[0], Log) and "used by another project (flowers, process" in told[0].text
    assert told[1:] == [Progress("gpu", 0, 1, "turns")] * 2 and done == ["a begins"]
    with pytest.raises(StopIteration, match="a"):
        next(first)
    while not isinstance(event := next(second), Log):
        pass
    assert event == Log("The GPU is free now.") and next(second) == Progress("b", 0, 1)
    assert done == ["a begins", "a ends", "b begins"]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["waiting", "working"])
def test_who_is_stopped_lets_go(where: str) -> None:
    done: list[str] = []
    first = in_turn("auto", "flowers", work("a", done))
    next(first)
    if where == "waiting":
        second = in_turn("auto", "cars", work("b", done))
        next(second)
        second.close()
        assert done == ["a begins"]
    first.close()
    assert next(in_turn("auto", "birds", work("c", done))) == Progress("c", 0, 1)


def test_who_takes_several_takes_them_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order in which they are named: else two workers would hold one each and wait for the other."""
    monkeypatch.setattr(gpu_turn, "_gpus", lambda name: tuple(map(torch.device, name.split(","))))
    monkeypatch.setattr(gpu_turn, "_mark", lambda device: f"{device.index}")
    taken: list[str] = []
    real = gpu_turn.take_lock
    monkeypatch.setattr(gpu_turn, "take_lock", lambda path, note: taken.append(path.stem) or real(path, note))
    done: list[str] = []
    first = in_turn("cuda:1,cuda:0", "flowers", work("a", done))
    assert next(first) == Progress("a", 0, 1) and taken == ["gpu-0", "gpu-1"]
    second = in_turn("cuda:1", "cars", work("b", done))
    assert isinstance(next(second), Log)
    first.close()
    while next(second) != Progress("b", 0, 1):
        pass
    second.close()


def test_without_a_gpu_nobody_waits(tmp_path: Path) -> None:
    done: list[str] = []
    first, second = (in_turn("cpu", "x", work(name, done)) for name in "ab")
    assert next(first) == Progress("a", 0, 1) and next(second) == Progress("b", 0, 1)
    assert not list(cache_folder().glob("gpu-*"))
