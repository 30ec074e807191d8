"""Which folders are classes: the level is found where it is clear and asked where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange import folders, label_files
from fact_core.types import Pool
from tests.images.image_help import closed_folder
from tests.storage_help import paint


def a_pool(*paths: str) -> Pool:
    n = len(paths)
    return Pool(Path("/data/images"), np.arange(1, n + 1), paths, tuple(f"{i:x}" for i in range(n)))


def truth(*paths: str, say: list[str] | None = None, aliases: dict[str, int | None] | None = None, **said: object):  # type: ignore[no-untyped-def]
    lines = [] if say is None else say
    return label_files.folder_truth(a_pool(*paths), aliases or {}, ImportConfig(**said), lines.append)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (("ash/1.png", "yew/2.png"), ["ash", "yew"]),
        (("ash/raw/1.png", "ash/cut/2.png", "yew/raw/3.png", "yew/cut/4.png"), ["ash", "ash", "yew", "yew"]),
        (("train/ash/1.png", "test/ash/2.png", "train/yew/3.png"), ["ash", "ash", "yew"]),
        (("ash/train/1.png", "ash/val/2.png", "yew/train/3.png"), ["ash", "ash", "yew"]),
        (("set/ash/1.png", "set/yew/2.png"), ["ash", "yew"]),
        (("set/train/ash/1.png", "set/valid/yew/2.png"), ["ash", "yew"]),
        (("train/1.png", "bus/2.png"), ["train", "bus"]),  # trains are a class where images lie beside buses
        (("train/ash/1.png", "yew/2.png"), ["ash", "yew"]),
    ],
)
def test_the_level_is_found(paths: tuple[str, ...], classes: list[str]) -> None:
    assert list(truth(*paths).values()) == classes


@pytest.mark.parametrize(
    "paths",
    [
        ("tree/ash/1.png", "tree/yew/2.png", "bush/box/3.png"),
        ("ash/1.png", "ash/old/2.png", "yew/3.png"),
        ("2024/may/1.png", "2025/june/2.png"),
    ],
)
def test_a_level_that_is_not_clear_is_asked(paths: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"not clear which folders.*--labels-level 1 or 2"):
        truth(*paths)
    with pytest.raises(InputError, match="not clear"):
        folders.folder_labels(a_pool(*paths))
    assert truth(*paths, labels_level=1)[1] == paths[0].split("/")[0]


def test_known_classes_say_which_level_it_is() -> None:
    pool = a_pool("tree/ash/1.png", "tree/yew/2.png", "bush/box/3.png")
    assert folders.folder_labels(pool, known=("ash", "yew", "Box", "may")) == {1: "ash", 2: "yew", 3: "box"}
    assert folders.folder_labels(pool, known=("tree", "bush")) == {1: "tree", 2: "tree", 3: "bush"}


def test_parts_of_a_data_set_are_no_classes() -> None:
    with pytest.raises(InputError, match=r"parts of a data set, not classes.*test, train"):
        truth("train/1.png", "test/2.png")
    with pytest.raises(InputError, match="parts of a data set"):
        folders.folder_labels(a_pool("train/1.png"))
    seen = label_files.understand("folders", b"", a_pool("train/ash/1.png", "test/ash/2.png"), {}, ImportConfig())
    assert seen.found.test == {2}


@pytest.mark.parametrize(
    ("paths", "test", "parts"),
    [
        (("train/ash/1.png", "val/ash/2.png", "test/yew/3.png"), {2, 3}, {"train": 1, "val": 1, "test": 1}),
        (("set/Training/ash/1.png", "set/Validation/yew/2.png"), {2}, {"Training": 1, "Validation": 1}),
        (("ash/train/1.png", "ash/val/2.png", "yew/train/3.png"), {2}, {"train": 2, "val": 1}),
        (("train/ash/1.png", "test/ash/2.png", "oak/3.png"), {2}, {"train": 1, "test": 1}),
        (("test/1.png", "dog/2.png"), set(), {}),  # a class called test
        (("test/old/1.png", "dog/old/2.png"), set(), {}),
        (("test/ash/1.png", "test/yew/2.png"), set(), {}),
        (("train/ash/1.png", "train/yew/2.png"), set(), {}),
        (("train/1.png", "test/2.png", "bus/3.png"), set(), {}),
    ],
)
def test_folders_for_testing_are_parts_only_beside_those_for_training(
    paths: tuple[str, ...], test: set[int], parts: dict[str, int]
) -> None:
    found = label_files.understand("folders", b"", a_pool(*paths), {}, ImportConfig()).found
    assert (found.test, found.parts) == (test, parts)
    assert len(found.taken) == len(paths), "no image lost its class"


def test_the_images_for_testing_of_the_command_line() -> None:
    pool = a_pool("train/ash/1.png", "val/ash/2.png", "test/yew/3.png", "train/yew/4.png")
    assert label_files.test_part("folders", pool, {}) == [2, 3]
    with pytest.raises(InputError, match="No part of the images is called val or test"):
        label_files.test_part("folders", a_pool("test/1.png", "dog/2.png"), {})
    said: list[str] = []
    truth("train/ash/1.png", "val/ash/2.png", say=said)
    assert said == ["parts: train 1, val 1 (--keep-test makes check images of what is called val or test)"]


def test_words_like_none_are_classes_where_a_folder_is_called_so() -> None:
    assert truth("None/1.png", "a, b/2.png", "NA/3.png") == {1: "None", 2: "a, b", 3: "NA"}


def test_names_that_differ_in_case_are_told() -> None:
    with pytest.raises(InputError, match="A = a; B = b"):
        truth("A/1.png", "a/2.png", "B/3.png", "b/4.png")
    assert truth("A/1.png", "a/2.png", "B/3.png", labels_case="join") == {1: "A", 2: "A", 3: "B"}


def test_the_same_picture_in_two_classes_is_left_out_and_both_files_are_named() -> None:
    said: list[str] = []
    found = truth("ash/1.png", "yew/2.png", aliases={"yew/copy.png": 1, "yew/torn.png": None}, say=said)
    assert found == {2: "yew"}
    (line,) = said
    assert "ash/1.png (ash)" in line and "yew/copy.png (yew)" in line
    assert truth("ash/1.png", "yew/2.png", aliases={"ash/copy.png": 1}) == {1: "ash", 2: "yew"}


def test_folder_names_are_classes() -> None:
    pool = a_pool("train/cat/a.png", "val/cat/b.png", "Dog/c.png", "dog/d.png", "<b>/e.png")
    assert folders.folder_labels(pool) == {1: "cat", 2: "cat", 3: "Dog", 4: "dog", 5: "<b>"}
    joined = label_files.folder_truth(pool, {}, ImportConfig(labels_case="join"))
    assert joined == {1: "cat", 2: "cat", 3: "Dog", 4: "Dog", 5: "<b>"}
    with pytest.raises(InputError, match="directly in the image folder"):
        folders.folder_labels(a_pool("cat/a.png", "b.png"))
    with pytest.raises(InputError, match="directly in the image folder"):
        truth("cat/a.png", "b.png")
    with pytest.raises(InputError, match="cannot be shown"):
        folders.folder_labels(a_pool("c\nat/a.png"))


def test_class_folders_of_test_images(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/b.png", "dog/.hidden.png"):
        paint(tmp_path / "test" / name)
    files, names = folders.read_class_folders(tmp_path / "test")
    assert [file.name for file in files] == ["a.png", "b.png"]
    assert names == ["cat", "dog"]
    with pytest.raises(InputError, match="no such folder"):
        folders.read_class_folders(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images"):
        folders.read_class_folders(tmp_path / "empty")
    paint(tmp_path / "test" / "c.png")
    with pytest.raises(InputError, match="directly"):
        folders.read_class_folders(tmp_path / "test")


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be is a matter of the system")
def test_test_images_of_a_folder_that_may_not_be_read_are_an_error(tmp_path: Path) -> None:
    """The figure would be one of the other images."""
    paint(tmp_path / "ash" / "1.png", 1)
    closed_folder(tmp_path, "yew")
    with pytest.raises(InputError, match=r"may not be read.*yew/ddd"):
        folders.read_class_folders(tmp_path, known=None)


def test_test_images_of_classes_that_are_not_known_are_an_error(tmp_path: Path) -> None:
    for name in ("CAT/new/a.png", "dog/old/b.png"):
        paint(tmp_path / "test" / name)
    assert folders.read_class_folders(tmp_path / "test", known=("dog", "cat"))[1] == ["cat", "dog"]
    with pytest.raises(InputError, match=r"no classes of the classifier.*CAT; it knows cow, dog"):
        folders.read_class_folders(tmp_path / "test", known=("dog", "cow"))


def test_a_level_that_images_do_not_reach_gives_them_no_class() -> None:
    seen = label_files.understand("folders", b"", a_pool("a/b/1.png", "c/2.png"), {}, ImportConfig(labels_level=2))
    assert {item: each.label for item, each in seen.found.taken.items()} == {1: "b"}
    assert len(seen.found.left["none"]) == 1
