"""Memory that is full: smaller pieces, remembered and told once, at last the CPU."""

from __future__ import annotations

import pytest
import torch

from fact_core.compute.less_memory import CPU, LessMemory, in_pieces, on_cpu
from fact_core.errors import DeviceError
from fact_core.events import Event, Log
from fact_core.types import Step
from tests.steps_help import heard

GPU = torch.device("cuda")  # nothing is computed on it


def room(most: int, where: torch.device | None = None) -> tuple[list[tuple[int, int, str]], object]:
    """(what was done as (first, rows, device), work that fits for ``most`` rows on a GPU, or on ``where``)."""
    done: list[tuple[int, int, str]] = []

    def work(rows: slice, device: torch.device) -> int:
        if rows.stop - rows.start > most and device.type == (where or GPU).type:
            raise torch.OutOfMemoryError("CUDA out of memory")
        done.append((rows.start, rows.stop - rows.start, device.type))
        return sum(range(rows.start, rows.stop))

    return done, work


def test_pieces_are_halved_until_they_fit_and_nothing_is_done_twice() -> None:
    done, work = room(3)
    parts, size = in_pieces(10, 10, lambda rows: work(rows, GPU), CPU)  # type: ignore[operator]
    assert sum(parts) == 45 and size == 3 and done == [(0, 3, "cuda"), (3, 3, "cuda"), (6, 3, "cuda"), (9, 1, "cuda")]
    with pytest.raises(torch.OutOfMemoryError):
        in_pieces(10, 10, lambda rows: work(rows, GPU), CPU, least=4)  # type: ignore[operator]
    with pytest.raises(ValueError, match="else"):
        in_pieces(2, 2, lambda rows: int("else"), CPU)


def test_the_size_is_remembered_for_each_part_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    less, (done, work) = LessMemory(GPU), room(2)
    parts, events = heard(less.pieces("a", 4, 4, work))  # type: ignore[arg-type]
    assert sum(parts) == 6 and [each.text for each in events if isinstance(each, Log)] == [
        "Out of memory: going on with 2 images at a time. The result is the same but for rounding."
    ]
    tried = len(done)
    assert heard(less.pieces("a", 4, 4, work))[1] == [] and len(done) == tried + 2  # type: ignore[arg-type]
    assert heard(less.pieces("b", 4, 4, work))[1] == []  # type: ignore[arg-type]  # another part, the same notice
    assert less.sizes == {"a": 2, "b": 2}


def test_at_last_the_cpu_does_it_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    less, (done, work) = LessMemory(GPU), room(0)
    parts, events = heard(less.pieces("a", 5, 5, work))  # type: ignore[arg-type]
    assert parts == [10] and done == [(0, 5, "cpu")] and less.at("a") == CPU
    assert [type(each) for each in events] == [Log] and "the CPU" in events[0].text  # type: ignore[union-attr]
    assert heard(less.pieces("a", 5, 5, work)) == ([10], [])  # type: ignore[arg-type]


def test_a_full_memory_of_the_cpu_is_an_error_in_words() -> None:
    _, work = room(0, CPU)
    with pytest.raises(DeviceError, match="Not even one image"):
        heard(LessMemory(CPU).pieces("a", 3, 3, work))  # type: ignore[arg-type]


def test_what_cannot_be_parted_is_done_once_more_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    asked: list[str] = []

    def work(device: torch.device) -> Step[str]:
        asked.append(device.type)
        yield Log("begun")
        if device.type == "cuda":
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return "done"

    less = LessMemory(GPU)
    found, events = heard(less.whole("a", work))
    assert found == "done" and asked == ["cuda", "cpu"]
    assert [each.text[:13] for each in _logs(events)] == ["begun", "Out of memory", "begun"]
    found, events = heard(less.whole("a", work))
    assert asked == ["cuda", "cpu", "cpu"] and [each.text for each in _logs(events)] == ["begun"]


def _logs(events: list[Event]) -> list[Log]:
    return [each for each in events if isinstance(each, Log)]


def test_what_is_compiled_is_given_many_pictures_on_a_cpu_and_a_network_of_torch_few() -> None:
    sizes: list[int] = []

    def work(rows: slice, where: torch.device) -> int:
        sizes.append(rows.stop - rows.start)
        return 0

    less, many = LessMemory(CPU), 4 * on_cpu()
    for compiled, wanted in ((False, [on_cpu()] * 4), (True, [many])):
        sizes.clear()
        heard(less.pieces("some", many, many, work, compiled=compiled))
        assert sizes == wanted
