"""Tensors that lie in a file where they are large."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fact_core.compute.tensor_files import kept_tensor
from fact_core.errors import DiskFull


def test_a_small_tensor_lies_in_memory_and_a_large_one_in_a_file(tmp_path: Path) -> None:
    small, large = (kept_tensor((3, 4), torch.float16, most) for most in (24, 23))
    for each in (small, large):
        assert each.shape == (3, 4) and each.dtype == torch.float16 and not each.any()
        each[torch.tensor([2, 0])] = torch.tensor([[1.0], [2.0]]).half().expand(2, 4)
        assert each[:, 1].tolist() == [2.0, 0.0, 1.0]
        assert torch.equal(each[torch.tensor([True, False, True])][:, 0], torch.tensor([2.0, 1.0]).half())


def test_a_full_disk_is_told_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(DiskFull, match="what the network says"):
        kept_tensor((3, 4), torch.float16, 0)
