"""Names that every system takes, and files made without overwriting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fact_core.images.sorting import DEVICES, SYSTEM, UNFIT, folded, folder_names, free_name, put, safe_name, write_new


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rose", "rose"),
        ("Gänse blümchen 花", "Gänse blümchen 花"),
        ("a/b\\c", "a_b_c"),
        ("..", "_"),
        (".hidden", "_.hidden"),
        ("", "_"),
        ("dots. . ", "dots"),
        ("CON", "CON_"),
        ("con.jpg", "con_.jpg"),
        ("Com1 .tar.gz", "Com1 _.tar.gz"),
        ("LPT²", "LPT²_"),
        ("console", "console"),
        ("__MACOSX", "___MACOSX"),
        ("Thumbs.db", "_Thumbs.db"),
        ('<i>:"|?*', "_i______"),
        ("a\x00b\nc\u202ed", "a_b_c_d"),
        ("half \ud83d", "half _"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_a_name_is_made_fit(text: str, name: str) -> None:
    assert safe_name(text) == name and safe_name(name) == name


@given(st.text(max_size=300))
def test_any_text_gives_a_name_that_stays(text: str) -> None:
    name = safe_name(text)
    assert safe_name(name) == name and 0 < len(name.encode()) <= 185
    assert not UNFIT & set(name) and name[0] != "." and name[-1] not in ". "
    assert name.lower() not in SYSTEM and name.partition(".")[0].strip(" ").lower() not in DEVICES


@given(
    st.lists(st.sampled_from(["a", "A", "a-2", "a/", "a_", "ß", "SS", "con", "con_", "e\u0301", "\u00e9", ".", ".."]))
)
def test_folders_never_fall_together(names: list[str]) -> None:
    """Also where the file system does not tell case or composed letters apart."""
    found = folder_names(names)
    assert set(found) == set(names) and len({folded(each) for each in found.values()}) == len(set(names))


def test_who_is_fit_as_it_is_keeps_its_name() -> None:
    assert folder_names(["a/b", "a_b"]) == {"a/b": "a_b-2", "a_b": "a_b"}
    assert folder_names(["Rose", "rose"]) == {"Rose": "Rose", "rose": "rose-2"}


def test_many_files_of_one_name_are_numbered_at_once() -> None:
    taken: dict[str, int] = {}
    assert [free_name("1", taken, ".jpg") for _ in range(3)] == ["1.jpg", "1-2.jpg", "1-3.jpg"]
    assert len({free_name("1", taken, ".jpg") for _ in range(20_000)}) == 20_000


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink"])
def test_nothing_is_overwritten(tmp_path: Path, way: str) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    source.write_bytes(b"mine")
    os.utime(source, (1_000_000_000, 1_000_000_000))
    put(source, target, way)
    assert target.read_bytes() == b"mine" and target.stat().st_mtime == 1_000_000_000
    assert target.is_symlink() == (way == "symlink") and target.samefile(source) == (way != "copy")
    other = tmp_path / "other.jpg"
    other.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        put(source, other, way)
    assert other.read_bytes() == b"theirs"
    assert {each.name for each in tmp_path.iterdir()} == {"source.jpg", "target.jpg", "other.jpg"}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_new(tmp_path / "a.jpg", None)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
