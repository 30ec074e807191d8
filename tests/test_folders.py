"""Where the program's own files lie on each operating system, and that the places of earlier versions are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from fact_core.folders import PROGRAM, cache_folder, data_folder

FOLDERS = [
    (data_folder, "FACT_STUDIO_HOME", "XDG_DATA_HOME", ".local/share", "Library/Application Support"),
    (cache_folder, "FACT_STUDIO_CACHE", "XDG_CACHE_HOME", ".cache", "Library/Caches"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, and no variable that moves anything."""
    for name in ("FACT_STUDIO_HOME", "FACT_STUDIO_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("folder", "variable", "xdg", "linux", "mac"), FOLDERS)
def test_the_systems_own_place_unless_the_person_says_another(folder, variable, xdg, linux, mac, home, monkeypatch):
    assert folder(Unix(PROGRAM, appauthor=False)) == home / linux / PROGRAM
    assert folder(MacOS(PROGRAM, appauthor=False)) == home / mac / PROGRAM
    monkeypatch.setenv(xdg, str(home / "elsewhere"))
    assert folder(Unix(PROGRAM, appauthor=False)) == home / "elsewhere" / PROGRAM
    monkeypatch.setenv(variable, "~/mine")
    assert folder() == home / "mine"
    monkeypatch.chdir(home)
    monkeypatch.setenv(variable, "mine")
    assert folder() == home / "mine"


@pytest.mark.parametrize(("folder", "variable", "xdg", "linux", "mac"), FOLDERS)
def test_the_place_of_earlier_versions_stays_in_use(folder, variable, xdg, linux, mac, home):
    """Until the system's own is there: nobody's projects vanish, nobody's files are moved."""
    before, today = home / linux / PROGRAM, home / mac / PROGRAM
    before.mkdir(parents=True)
    assert folder(MacOS(PROGRAM, appauthor=False)) == before
    today.mkdir(parents=True)
    assert folder(MacOS(PROGRAM, appauthor=False)) == today
