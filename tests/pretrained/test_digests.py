"""Digests of weights files: remembered by size and time, and never wrong for it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from fact_core.errors import StorageError
from fact_core.pretrained import digests
from fact_core.pretrained.digests import remembered_sha256

OLD = 1_600_000_000_000_000_000  # ns


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are hashed."""
    found: list[Path] = []
    real = digests.file_sha256

    def counted(path: Path) -> str:
        found.append(path)
        return real(path)

    monkeypatch.setattr(digests, "file_sha256", counted)
    return found


def write(file: Path, content: bytes, time: int = OLD) -> str:
    file.write_bytes(content)
    os.utime(file, ns=(time, time))
    return hashlib.sha256(content).hexdigest()


def test_an_unchanged_file_is_hashed_once_and_a_changed_one_again(tmp_path: Path, hashed: list[Path]) -> None:
    file, memory = tmp_path / "w.bin", tmp_path / "cache" / "digests.json"
    first = write(file, b"first")
    assert [remembered_sha256(file, memory) for _ in range(3)] == [first] * 3 and len(hashed) == 1
    other_size = write(file, b"longer than first")
    assert [remembered_sha256(file, memory) for _ in range(2)] == [other_size] * 2 and len(hashed) == 2
    other_time = write(file, b"LONGER THAN FIRST", OLD + 1)
    assert [remembered_sha256(file, memory) for _ in range(2)] == [other_time] * 2 and len(hashed) == 3
    set_back = write(file, b"longer than FIRST", OLD + 1)  # size and time of its content are as they were
    assert remembered_sha256(file, memory) == set_back and len(hashed) == 4


def test_several_files_are_remembered_and_those_used_longest_ago_go(
    tmp_path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "KEPT", 2)
    files, memory = [tmp_path / f"{n}.bin" for n in range(3)], tmp_path / "digests.json"
    wanted = [write(file, file.name.encode()) for file in files]
    assert [remembered_sha256(file, memory) for file in files] == wanted
    assert [remembered_sha256(file, memory) for file in files[1:]] == wanted[1:] and len(hashed) == 3
    assert remembered_sha256(files[0], memory) == wanted[0] and len(hashed) == 4


def test_a_file_of_just_now_is_not_remembered(tmp_path: Path, hashed: list[Path]) -> None:
    """It may be written once more without a change of its time."""
    file, memory = tmp_path / "w.bin", tmp_path / "digests.json"
    file.write_bytes(b"x")
    remembered_sha256(file, memory)
    assert remembered_sha256(file, memory) and len(hashed) == 2 and not memory.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"NAME": 5}', '{"NAME": [STATE, "abc"]}', '{"NAME": []}'])
def test_a_damaged_memory_is_made_again(tmp_path: Path, hashed: list[Path], content: str) -> None:
    file, memory = tmp_path / "w.bin", tmp_path / "digests.json"
    wanted = write(file, b"x")
    found = file.stat()
    state = json.dumps([found.st_size, found.st_mtime_ns, found.st_ctime_ns])
    memory.write_text(content.replace("NAME", str(file)).replace("STATE", state))
    assert [remembered_sha256(file, memory) for _ in range(2)] == [wanted] * 2 and len(hashed) == 1
    assert json.loads(memory.read_text("utf-8"))[str(file)][1] == wanted


def test_a_memory_that_cannot_be_written_costs_only_time(tmp_path: Path, hashed: list[Path]) -> None:
    file, memory = tmp_path / "w.bin", tmp_path / "file" / "digests.json"
    (tmp_path / "file").write_text("no folder")
    wanted = write(file, b"x")
    assert [remembered_sha256(file, memory) for _ in range(2)] == [wanted] * 2 and len(hashed) == 2
    with pytest.raises(StorageError):
        remembered_sha256(tmp_path / "gone.bin", memory)
