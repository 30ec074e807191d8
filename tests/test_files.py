"""Names that may be given, and files that are written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fact_core.errors import InputError, StorageError
from fact_core.files import Lock, clean_name, lock_holder, take_lock, write_file, write_text


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\0b", "a\u202eb", "a\u2028b", "\ud800"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(InputError):
        clean_name(name)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "猫", "قط", "👩‍🌾", "=1+1", "x" * 200, "../../x"])
def test_names_that_can_be_used(name: str) -> None:
    assert clean_name(f" {name}\t") == name


@pytest.mark.parametrize("name", ["قط\u200f", "\u200eق\u061cط", "ق\u180eط", " قط\u00a0"])
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert clean_name(name) == "قط" and clean_name("red\u202fcat\u00a0") == "red cat"


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


def test_a_lock_is_held_once_names_its_holder_and_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("what an earlier version wrote, longer than what comes")
    held = take_lock(path, "a note")
    assert held is not None
    assert take_lock(path) is None
    assert lock_holder(path) == (str(os.getpid()), "a note")
    held.release()
    held.release()
    with take_lock(path) or pytest.fail("it is free"):
        assert take_lock(path) is None
        assert lock_holder(path) == (str(os.getpid()), "")
    assert path.exists()
    with take_lock(path) or pytest.fail("the end of the block frees it"):
        pass


def test_a_lock_is_let_go_by_another_thread_than_the_one_that_took_it(tmp_path: Path) -> None:
    taken: list[Lock | None] = []
    thread = threading.Thread(target=lambda: taken.append(take_lock(tmp_path / "x.lock")))
    thread.start()
    thread.join()
    assert take_lock(tmp_path / "x.lock") is None
    assert taken[0] is not None
    taken[0].release()
    assert take_lock(tmp_path / "x.lock") is not None


def test_a_program_that_the_holder_starts_does_not_inherit_the_lock(tmp_path: Path) -> None:
    """Else a lock would outlive its holder for as long as that program runs."""
    held = take_lock(tmp_path / "x.lock")
    assert held is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        held.release()
        assert take_lock(tmp_path / "x.lock") is not None
        child.communicate(b"\n")


def test_a_lock_where_nothing_can_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"locking"):
        take_lock(tmp_path / "gone" / "x.lock")
    assert lock_holder(tmp_path / "gone") == ("", "")
