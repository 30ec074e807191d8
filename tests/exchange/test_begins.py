"""A list of one sub-folder names its images as seen from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange import label_files
from fact_core.exchange.label_files import Reading
from fact_core.types import Pool
from tests.exchange.test_marks import frames

FILMS = frames("north:4", "south:6", "east/day:2")  # ids 1 to 4, 5 to 10, 11 and 12


def read(pool: Pool, text: str, folder: str = "", aliases: dict[str, int | None] | None = None) -> Reading:
    return label_files.understand("file", text.encode(), pool, aliases or {}, ImportConfig(labels_folder=folder))


def listed(*names: str) -> str:
    return "file,label\n" + "".join(f"{name},cat\n" for name in names)


@pytest.mark.parametrize(
    ("folder", "names", "taken", "left"),
    [
        ("south", ("1.jpg", "2.jpg", "6.jpg"), [5, 6, 10], []),
        ("south/", ("./1.jpg", "south/2.jpg", "/data/films/south/3.jpg"), [5, 6, 7], []),
        ("north", ("1.jpg", "6.jpg"), [1], ["unknown"]),  # 6 is gone there, and south's is another picture
        ("/data/films/south", ("1.jpg",), [5], []),
        ("east", ("day/1.jpg", "2.jpg"), [11, 12], []),
        ("east\\day", ("1",), [11], []),
        ("", ("1.jpg", "2.jpg"), [], ["ambiguous"]),
    ],
)
def test_the_names_begin_in_the_folder_that_is_given(
    folder: str, names: tuple[str, ...], taken: list[int], left: list[str]
) -> None:
    found = read(FILMS, listed(*names), folder).found
    assert sorted(found.taken) == taken
    assert sorted(found.left) == left


def test_a_repeat_and_a_file_that_cannot_be_read_are_seen_from_there_too() -> None:
    aliases = {"south/copy.jpg": 2, "south/broken.jpg": None, "north/other.jpg": 3}
    found = read(FILMS, listed("copy.jpg", "broken.jpg", "other.jpg"), "south", aliases).found
    assert sorted(found.taken) == [2]
    assert {reason: len(rows) for reason, rows in found.left.items()} == {"unreadable": 1, "unknown": 1}


def test_it_is_asked_where_names_lie_in_several_folders_and_may_be_said_otherwise() -> None:
    asked = {each.option: each for each in read(FILMS, listed("1.jpg", "2.jpg", "6.jpg")).questions}
    assert asked["labels_folder"].answers == ("", "south", "east/day", "north")  # most of the names first
    assert not asked["labels_folder"].must
    again = {each.option: each for each in read(FILMS, listed("1.jpg", "6.jpg"), "south").questions}
    assert again["labels_folder"].answer == "south"
    assert "labels_folder" not in {each.option for each in read(FILMS, listed("south/1.jpg")).questions}


@pytest.mark.parametrize("typed", ["Ra\u0301d", "R\u00e1d", "./R\u00e1d/"])
def test_an_accent_is_the_same_letter_however_it_is_written(typed: str) -> None:
    """A disk may keep it as two signs, a keyboard gives one."""
    films = frames("Ra\u0301d:2", "so:2")
    assert sorted(read(films, listed("1.jpg", "2.jpg"), typed).found.taken) == [1, 2]


@pytest.mark.parametrize("folder", ["..", "south/../north", "sou", "\0", "x" * 10_000, "/data/south", "west"])
def test_what_is_no_folder_of_the_images_is_refused(folder: str) -> None:
    with pytest.raises(InputError, match="No image of this project lies in that folder"):
        read(FILMS, listed("1.jpg"), folder)


def test_the_command_line_says_how_to_tell_it(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(listed("1.jpg", "2.jpg"))
    with pytest.raises(InputError) as refused:
        label_files.read_labels(file, FILMS)
    assert "--labels-folder" in refused.value.do
    assert label_files.read_labels(file, FILMS, config=ImportConfig(labels_folder="north")) == {1: "cat", 2: "cat"}
