"""Looking for a folder: what is listed, and where nobody may look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.pages.project.browse_routes import look, roots
from fact_core.errors import InputError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with photos, beside a folder that is none of the person's."""
    made = tmp_path / "home"
    for name in ("photos/zoo", "photos/Alps", "photos/.hidden", "work"):
        (made / name).mkdir(parents=True)
    for name in ("a.JPG", "b.png", "notes.txt"):
        (made / "photos" / name).write_bytes(b"")
    (made / "work" / "project.sqlite").write_bytes(b"")
    (tmp_path / "secret").mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setenv("USERPROFILE", str(made))
    return made


def test_folders_are_listed_with_what_lies_in_them(home: Path) -> None:
    allowed = roots()
    assert allowed[0] == home
    found = look(str(home / "photos"), allowed)
    assert [each.name for each in found.folders] == ["Alps", "zoo"]  # nothing hidden; whatever the case
    assert (found.images, found.project, found.more) == (2, False, False)
    assert found.parent == str(home) and found.folders[0].path == str(home / "photos" / "Alps")
    assert look("", allowed).path == str(home) == look("~", allowed).path
    assert look("", allowed).parent == ""  # what is above may not be looked at
    assert look(str(home / "work"), allowed).project
    assert str(home) in [each.path for each in found.places]


def test_nobody_looks_above_or_beside_what_is_allowed(home: Path) -> None:
    secret = home.parent / "secret"
    os.symlink(secret, home / "photos" / "way-out")
    for path in ("/", "/etc", str(home.parent), str(secret), f"{home}/photos/../../secret", f"{home}/photos/way-out"):
        with pytest.raises(InputError, match="may not be looked through"):
            look(path, roots())
    assert look(str(secret), roots([secret])).path == str(secret)  # named at the start
    assert str(home) + "x" not in [str(each) for each in roots()]
    (home.parent / "homework").mkdir()
    with pytest.raises(InputError, match="may not be looked through"):
        look(str(home) + "work", roots())  # begins with the same letters


def test_what_cannot_be_read_says_so(home: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        look(str(home / "gone"), roots())
    with pytest.raises(InputError, match="cannot be read"):
        look(str(home / "photos" / "notes.txt"), roots())


def test_what_may_not_be_asked_hides_nothing_else(home: Path) -> None:
    """A path of this length is an error of the disk, like one without permission or on a disk that is gone."""
    odd = "x" * 300
    os.symlink(odd, home / "photos" / "project.sqlite")
    assert not look(str(home / "photos"), roots()).project
    assert roots([home / odd])[0] == home


def test_a_huge_folder_is_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pages.project.browse_routes.MOST_FOLDERS", 1)
    assert [each.name for each in look(str(home / "photos"), roots()).folders] == ["Alps"]
    assert look(str(home / "photos"), roots()).more
