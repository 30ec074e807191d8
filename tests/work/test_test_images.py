"""Images to measure with: what would make the figure wrong is left out, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.errors import InputError
from fact_core.images.source import digest_of
from fact_core.work.test_images import honest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "cat/a.png": b"a", "cat/b.png": b"b", "cat/b again.png": b"b", "dog/c.png": b"c", "dog/a copy.png": b"a",
        "dog/d.png": b"d", "dog/empty.png": b"", "cat/empty.png": b"",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def given(folder: Path) -> tuple[list[Path], list[str]]:
    files = sorted(folder.rglob("*.png"))
    return files, [file.parent.name for file in files]


def test_what_was_trained_on_and_what_lies_in_two_classes_is_left_out_by_name(folder: Path) -> None:
    found = honest(*given(folder), {digest_of(b"d"): "train/x.png", digest_of(b"z"): "train/y.png"})
    kept = [file.relative_to(folder).as_posix() for file in found.files]
    assert kept == ["cat/b again.png", "cat/b.png", "cat/empty.png", "dog/c.png", "dog/empty.png"]
    assert found.names == ("cat", "cat", "cat", "dog", "dog")
    assert len(found.left) == 3
    both = [line for line in found.left if "two" not in line and "a copy.png" in line]
    assert len(both) == 2 and all("a.png" in line and "(cat)" in line and "(dog)" in line for line in both)
    assert any("d.png" in line and "train/x.png" in line and "trained on" in line for line in found.left)


def test_where_nothing_is_left_that_is_said(folder: Path) -> None:
    files = [folder / "dog" / "c.png"]
    with pytest.raises(InputError, match=r"None of the test images.*train/c\.png"):
        honest(files, ["dog"], {digest_of(b"c"): "train/c.png"})
