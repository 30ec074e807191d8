"""Notes: the newest is the note, the older ones stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.errors import InputError
from fact_core.labeling import notes
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 3)


def test_a_note_is_written_changed_and_taken_away(project: Project) -> None:
    assert notes.newest(project) == {}
    assert notes.write(project, 1, "  blurred\r\nsecond line ", "Ada") == "blurred\nsecond line"
    assert notes.write(project, 2, "dark") == "dark"
    assert notes.newest(project) == {1: "blurred\nsecond line", 2: "dark"}
    notes.write(project, 1, "sharp", "Bob")
    assert notes.newest(project, [1, 3, 99]) == {1: "sharp"}
    notes.write(project, 1, " \n ", "Bob")
    assert notes.newest(project) == {2: "dark"}
    assert [(each.text, each.annotator) for each in notes.history(project, 1)] == [
        ("blurred\nsecond line", "Ada"), ("sharp", "Bob"), ("", "Bob"),
    ]  # fmt: skip
    assert notes.history(project, 3) == []


def test_only_changes_are_kept_and_told(project: Project) -> None:
    before = projects.version(project)
    notes.write(project, 1, "")
    assert projects.version(project) == before
    notes.write(project, 1, "x")
    after = projects.version(project)
    assert after != before
    notes.write(project, 1, " x")
    assert projects.version(project) == after
    assert len(notes.history(project, 1)) == 1


@pytest.mark.parametrize("text", ['<img src=x onerror="alert(1)">', "=1+1", "e\u0301\u202e", "x" * 2000, "猫 😀\ttab"])
def test_any_words_are_kept(project: Project, text: str) -> None:
    stored = notes.write(project, 1, text)
    assert notes.newest(project) == {1: stored}
    assert len(stored) == len(text) or text.startswith("e\u0301")


@pytest.mark.parametrize("text", ["x" * 2001, "a\x00b", "\x1b[2J", "\ud800", 5, None])
def test_what_is_no_note_is_refused(project: Project, text: str) -> None:
    with pytest.raises(InputError, match="note"):
        notes.write(project, 1, text)
    assert notes.newest(project) == {}


def test_notes_are_of_images_that_exist(project: Project) -> None:
    for item in (0, -1, 99, 2**70):
        with pytest.raises(InputError, match="no such image"):
            notes.write(project, item, "x")
    with pytest.raises(InputError, match="name of the person"):
        notes.write(project, 1, "x", "a\nb")
