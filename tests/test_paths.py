"""Paths as people type them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fact_core.errors import InputError
from fact_core.paths import LONGEST_NAME, absolute, standing, typed


def test_a_relative_path_is_below_the_home_on_the_page_and_below_the_folder_of_the_start_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    for text in (
        "models/new",
        " models/new ",
        "~/models/new",
        "./models/../models/new",
        str(tmp_path / "home/models/new"),
    ):
        assert typed(text) == (tmp_path / "home/models/new").resolve()
    assert absolute("models/new") == (tmp_path / "start/models/new").resolve()
    assert absolute(Path("~/a")) == (tmp_path / "home/a").resolve()
    assert typed("..") == tmp_path.resolve()


@pytest.mark.skipif(os.name == "nt", reason="paths of another kind")
@pytest.mark.parametrize(
    "text",
    [
        '"/photos/a b"',
        "'/photos/a b'",
        "file:///photos/a%20b",
        "file://localhost/photos/a%20b",
        "FILE:/photos/a%20b",
        '"file:///photos/a%20b"',
        ' " /photos/a b " ',
    ],
)
def test_what_copying_puts_around_a_path_is_none_of_it(text: str) -> None:
    assert typed(text) == Path("/photos/a b")


@pytest.mark.skipif(os.name == "nt", reason="paths of another kind")
@pytest.mark.parametrize("text", ["/it's", "/a'", '/say "x"', "/100%20", "/file:"])
def test_quotes_and_signs_within_a_path_stay(text: str) -> None:
    assert typed(text) == Path(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0b", "NUL"),
        ("a/\ud800/b", "half a character"),
        ("a" * (LONGEST_NAME + 1), "too long"),
        ("é" * 128, "too long"),
        ("a/" * 5_000, "too long"),
        ("~nobody-of-this-name/x", "home"),
    ],
)
def test_what_is_no_path_is_told_in_words(text: str, words: str) -> None:
    for read in (typed, absolute):
        with pytest.raises(InputError) as told:
            read(text)
        assert words in str(told.value) and len(str(told.value)) < 1_000


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_nothing_typed_is_told_in_words(text: str) -> None:
    with pytest.raises(InputError, match="is empty"):
        typed(text)


def test_a_loop_of_links_is_no_crash(tmp_path: Path) -> None:
    os.symlink(tmp_path / "b", tmp_path / "a")
    os.symlink(tmp_path / "a", tmp_path / "b")
    try:
        assert absolute(tmp_path / "a" / "c").is_absolute()
    except InputError as told:
        assert "not a path" in str(told)


def test_a_name_that_is_no_utf8_is_a_path(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.jpg")
    assert absolute(tmp_path / name).name == name


@settings(deadline=None)
@given(some.text(max_size=300))
def test_any_text_is_a_path_or_an_error_of_ours(text: str) -> None:
    try:
        assert typed(text).is_absolute()
    except InputError:
        pass


def test_a_folder_stands_also_where_that_of_the_start_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project on another disk is untouched by it."""
    (tmp_path / "start").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    (tmp_path / "start").rmdir()
    assert standing(tmp_path / "project") == tmp_path / "project"
    assert standing(tmp_path / "project" / "runs" / "new") == tmp_path / "project"
