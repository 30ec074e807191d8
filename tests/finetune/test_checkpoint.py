"""Checkpoints: whole, bound to what they were made from, and never fatal to read."""

import threading
import time
from pathlib import Path

import pytest
import torch

from fact_core.errors import StorageError
from fact_core.finetune import checkpoint as checkpoints
from fact_core.finetune.checkpoint import Checkpoint, clear, fingerprint


def test_a_part_comes_back_as_it_was(tmp_path: Path) -> None:
    weight = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
    state = torch.Generator().manual_seed(7).get_state()
    Checkpoint(tmp_path, "a").save("ff", {"weight": weight, "generator": state}, {"step": 5, "loss": 0.1})
    part = Checkpoint(tmp_path, "a").load("ff")
    assert part is not None and not part.finished
    assert torch.equal(part.tensors["weight"], weight) and torch.equal(part.tensors["generator"], state)
    assert part.values == {"step": 5, "loss": 0.1}
    assert Checkpoint(tmp_path, "a").finished("ff") is None


def test_other_labels_or_options_do_not_use_it(tmp_path: Path) -> None:
    files = [Path("a.png"), Path("b.png")]
    mark = fingerprint(files, [0, 1], ["cat", "dog"], {"seed": 0})
    Checkpoint(tmp_path, mark).save("ff", {"x": torch.ones(1)}, {}, finished=True)
    assert Checkpoint(tmp_path, mark).finished("ff") is not None
    for other in (
        fingerprint(files, [1, 0], ["cat", "dog"], {"seed": 0}),
        fingerprint(files, [0, 1], ["cat", "dog"], {"seed": 1}),
        fingerprint(files[:1], [0], ["cat", "dog"], {"seed": 0}),
    ):
        assert other != mark
        assert Checkpoint(tmp_path, other).load("ff") is None


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 64])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ff.safetensors").write_bytes(content)
    assert Checkpoint(tmp_path, "a").load("ff") is None


def test_a_truncated_checkpoint_is_none(tmp_path: Path) -> None:
    Checkpoint(tmp_path, "a").save("ff", {"x": torch.ones(1000)}, {})
    file = tmp_path / "ff.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert Checkpoint(tmp_path, "a").load("ff") is None


def test_without_a_folder_nothing_happens() -> None:
    checkpoint = Checkpoint(None, "a", every=0.0)
    checkpoint.save("ff", {"x": torch.ones(1)}, {})
    checkpoint.drop("ff")
    assert checkpoint.load("ff") is None and not checkpoint.due()


def test_due_only_after_the_interval(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, "a", every=0.0).due()
    assert not Checkpoint(tmp_path, "a", every=1000.0).due()


def test_clear_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "a")
    checkpoint.save("lp", {"x": torch.ones(1)}, {})
    checkpoint.save("ff", {"x": torch.ones(1)}, {})
    (tmp_path / ".ff.safetensors.1-1.new").write_bytes(b"half")  # of a process that was killed while it saved
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="saving a checkpoint"):
        Checkpoint(tmp_path / "file", "a").save("ff", {"x": torch.ones(1)}, {})


def test_the_clock_of_a_phase_goes_on_over_sittings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first = Checkpoint(tmp_path, "a")
    first.begin("ff")
    now[0] += 20
    first.save("ff", {"x": torch.ones(1)}, {"step": 1})
    now[0] += 7  # lost: nothing of it is kept
    second = Checkpoint(tmp_path, "a")
    second.begin("ff")
    now[0] += 3
    assert second.seconds() == 23
    second.save("ff.fold0", {"x": torch.ones(1)}, {"step": 1})
    third = Checkpoint(tmp_path, "a")
    third.begin("ff")
    assert third.seconds() == 23 and third.went_on() and not first.went_on()
    third.begin("lm")
    assert third.seconds() == 0 and not third.went_on()
    for other in (Checkpoint(tmp_path, "b"), Checkpoint(None, "a")):
        other.begin("ff")
        assert other.seconds() == 0
    (tmp_path / "checkpoint.json").write_text("{")
    damaged = Checkpoint(tmp_path, "a")
    damaged.begin("ff")
    assert damaged.seconds() == 0


def test_other_pictures_of_the_same_names_are_another_run(tmp_path: Path) -> None:
    marks = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(folder.encode())
        marks.append(fingerprint([tmp_path / folder / "a.png"], [0], ["x"]))
    (tmp_path / "two" / "a.png").write_bytes(b"one")
    assert marks[0] != marks[1]
    assert fingerprint([tmp_path / "two" / "a.png"], [0], ["x"]) == marks[0]
    assert fingerprint([tmp_path / "gone.png"], [0], ["x"]) != fingerprint([tmp_path / "lost.png"], [0], ["x"])


def test_a_save_beside_the_work_is_told_when_it_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved is what was there when it was asked for; a second save waits for the first."""
    go, threads = threading.Event(), list[str]()
    write = checkpoints.write_file

    def slow(file: Path, content: bytes, doing: str) -> None:
        threads.append(threading.current_thread().name)
        assert go.wait(30)
        write(file, content, doing)

    monkeypatch.setattr(checkpoints, "write_file", slow)
    checkpoint, weight = Checkpoint(tmp_path, "a", every=0.0), torch.ones(3)
    checkpoint.save_beside("ff", {"w": weight}, {"step": 4})
    weight += 1
    assert checkpoint.written() == [] and not (tmp_path / "ff.safetensors").exists()
    go.set()
    assert checkpoint.written(wait=True) == [4] and checkpoint.written() == []
    stored = checkpoint.load("ff")
    assert stored is not None and stored.tensors["w"].tolist() == [1, 1, 1] and set(threads) == {"checkpoint"}
    checkpoint.save_beside("ff", {"w": weight}, {"step": 5})
    checkpoint.save("ff", {"w": weight}, {"step": 6}, finished=True)
    assert checkpoint.finished("ff") is not None and checkpoint.written() == []


def test_a_full_disk_beside_the_work_is_told_by_the_next_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, content: bytes, doing: str) -> None:
        raise StorageError(f"The disk is full ({doing})")

    checkpoint = Checkpoint(tmp_path, "a", every=0.0)
    checkpoint.save("ff", {}, {"step": 1})
    monkeypatch.setattr(checkpoints, "write_file", full)
    for ask in (
        lambda: checkpoint.written(wait=True),
        lambda: checkpoint.save("ff", {}, {"step": 3}),
        lambda: checkpoint.load("ff"),
    ):
        checkpoint.save_beside("ff", {}, {"step": 2})
        with pytest.raises(StorageError, match="saving a checkpoint"):
            ask()
    monkeypatch.undo()
    stored = checkpoint.load("ff")
    assert stored is not None and stored.values["step"] == 1  # the last whole one is still there
