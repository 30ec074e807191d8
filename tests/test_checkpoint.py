"""Checkpoints: whole, bound to what they were made from, and never fatal to read."""

from pathlib import Path

import pytest
import torch

from fact_core.errors import StorageError
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
