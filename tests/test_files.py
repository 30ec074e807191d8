"""Names that may be given, and files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fact_core.errors import InputError, StorageError
from fact_core.files import clean_name, write_file, write_text


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\0b", "a\u202eb", "a\u2028b", "\ud800"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(InputError):
        clean_name(name)


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "猫", "قط\u200f", "👩‍🌾", "=1+1", "x" * 200, "../../x"]
)
def test_names_that_can_be_used(name: str) -> None:
    assert clean_name(f" {name}\t") == name


def test_names_are_composed() -> None:
    assert clean_name("e\u0301") == "\u00e9"


def test_write_text_is_whole_or_not_at_all(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "x.txt", "one\n", "testing")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "new" / "x.txt", "two\ud800", "testing")
    assert (tmp_path / "new" / "x.txt").read_text() == "one\n"
    assert len(list((tmp_path / "new").iterdir())) == 1
    with pytest.raises(StorageError, match=r"\(testing\)"):
        write_text(tmp_path / "new", "a folder", "testing")


def test_write_file_replaces_the_whole_file(tmp_path: Path) -> None:
    write_file(tmp_path / "x", b"a longer text", "testing")
    write_file(tmp_path / "x", b"short", "testing")
    assert (tmp_path / "x").read_bytes() == b"short"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_killed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "x", b"old", "testing")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_file(tmp_path / "x", b"new", "testing")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
