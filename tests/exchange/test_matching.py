"""A name means one image or none: a surer match beats a vaguer one, and what is not sure is not taken."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from fact_core.exchange.addresses import upload_name
from fact_core.exchange.matching import CASE, RENAMED, STEM, TAIL, WHOLE, Finder, common_folder
from fact_core.types import Pool


def finder(
    *paths: str, root: str = "/data/pets", aliases: dict[str, int | None] | None = None, **more: object
) -> Finder:
    n = len(paths)
    pool = Pool(Path(root), np.arange(1, n + 1), paths, tuple(f"{i:x}" for i in range(n)))
    return Finder(pool, aliases or {}, **more)  # type: ignore[arg-type]


MIXED = (
    "north/a1.jpg", "south/a1.jpg", "south/a2.jpg", "dot.jpg", "009.png", "PIC_3.JPG", "red cup (2).jpg", "x+y.jpg",
    "Öl 5.png", "0a1b2c3d-own.jpg", "deep/er/z.tif",
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "image", "rank"),
    [
        ("north/a1.jpg", "north/a1.jpg", WHOLE),
        ("./north//a1.jpg", "north/a1.jpg", WHOLE),
        ("/data/pets/south/a1.jpg", "south/a1.jpg", WHOLE),
        ("pets/south/a1.jpg", "south/a1.jpg", TAIL),
        ("/srv/pets/dot.jpg", "dot.jpg", TAIL),  # the image folder's own name is above it
        ("/old disk/south/a1.jpg", "south/a1.jpg", TAIL),
        ("D:\\work\\north\\a1.jpg", "north/a1.jpg", TAIL),
        ("a2.jpg", "south/a2.jpg", TAIL),
        ("er/z.tif", "deep/er/z.tif", TAIL),
        ("dot", "dot.jpg", STEM),
        ("south/a2", "south/a2.jpg", STEM),
        ("009", "009.png", STEM),
        ("DOT.jpg", "dot.jpg", CASE),
        ("pic_3.jpg", "PIC_3.JPG", CASE),
        ("south%2Fa2.jpg", "south/a2.jpg", WHOLE),
        ("O\u0308l 5.png", "Öl 5.png", WHOLE),
        ("/data/local-files/?d=north/a1.jpg", "north/a1.jpg", WHOLE),
        ("/data/local-files/?d=disk/south%2Fa1.jpg", "south/a1.jpg", TAIL),
        ("http://localhost:8080/data/local-files/?d=red%20cup%20%282%29.jpg", "red cup (2).jpg", WHOLE),
        ("/data/local-files/?d=x%2By.jpg", "x+y.jpg", WHOLE),
        ("/data/local-files/?d=x+y.jpg", "x+y.jpg", WHOLE),
        ("/data/upload/12/deadbeef-dot.jpg", "dot.jpg", TAIL),
        ("http://ls.example/data/upload/12/deadbeef-dot.jpg", "dot.jpg", TAIL),
        ("/data/upload/12/deadbeef-red_cup_2.jpg", "red cup (2).jpg", RENAMED),
        ("/data/upload/1/deadbeef-%C3%96l_5.png", "Öl 5.png", RENAMED),
        ("/data/upload/1/deadbeef-0a1b2c3d-own.jpg", "0a1b2c3d-own.jpg", TAIL),
        ("deadbeef-a2.jpg", "south/a2.jpg", TAIL),
        ("s3://bucket/dot.jpg", "dot.jpg", WHOLE),
        ("gs://bucket/x/south/a2.jpg?sig=1", "south/a2.jpg", TAIL),
        ("https://h.example/north/a1.jpg?x=1#f", "north/a1.jpg", WHOLE),
        ("file:///data/pets/dot.jpg", "dot.jpg", TAIL),
    ],
)
def test_what_a_name_means(given: str, image: str, rank: int) -> None:
    hit = finder(*MIXED).look(given)
    assert (hit.outcome, hit.rank) == ("found", rank)
    assert MIXED[hit.item - 1] == image


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ("a1.jpg", "several"),
        ("/data/upload/12/deadbeef-a1.jpg", "several"),
        ("west/a1.jpg", "elsewhere"),  # neither north nor south
        ("test/dot.jpg", "elsewhere"),
        ("a/b/dot.jpg", "elsewhere"),
        ("/home/me/other/dot.jpg", "elsewhere"),
        ("https://h.example/set/dot.jpg", "elsewhere"),
        ("test/south/a1.jpg", "elsewhere"),  # the test part of a set is not this folder
        ("er/a2.jpg", "elsewhere"),
        ("/data/upload/12/deadbeef-own.jpg", "unknown"),  # one prefix is the tool's, the other one is the person's
        ("9", "unknown"),
        ("09.png", "unknown"),
        ("dot.png", "unknown"),
        ("", "unknown"),
        (".", "unknown"),
        ("..", "unknown"),
        ("/", "unknown"),
        ("../../etc/passwd", "unknown"),
        ("local-files", "unknown"),
        ("http://[half", "unknown"),
        ("/data/local-files/?x=1", "unknown"),
    ],
)
def test_what_is_not_sure_is_not_found(given: str, outcome: str) -> None:
    hit = finder(*MIXED).look(given)
    assert (hit.outcome, hit.item) == (outcome, 0)


def test_a_part_of_the_other_tools_address_is_no_folder_of_ours() -> None:
    find = finder("upload/3/dot.jpg", "local-files/dot.jpg", "data/one.jpg")
    assert find.look("/data/upload/3/deadbeef-dot.jpg").outcome == "several"
    assert find.look("/data/local-files/?d=here/dot.jpg").outcome == "elsewhere"
    assert find.look("/data/local-files/?d=one.jpg").item == 3


def test_the_longest_path_wins() -> None:
    find = finder("s/1.jpg", "old/s/1.jpg", "old/2.jpg")
    assert [find.look(each).item for each in ("s/1.jpg", "old/s/1.jpg", "/m/old/s/1.jpg", "/m/s/1.jpg")] == [1, 2, 2, 1]
    assert finder("train/cat/cat.1.jpg").look("test/cat.1.jpg").outcome == "elsewhere"
    assert finder("train/cat/cat.1.jpg").look("cat.1").rank == STEM


def test_an_upload_that_may_be_called_so_itself_is_not_sure() -> None:
    """The part in front may be Label Studio's, or the person's own."""
    both = finder("ab12cd34-oak.jpg", "oak.jpg")
    assert both.look("/data/upload/4/ab12cd34-oak.jpg").outcome == "several"
    assert both.look("/data/upload/4/ffffffff-ab12cd34-oak.jpg").item == 1
    assert both.look("ab12cd34-oak.jpg").item == 1 and both.look("oak.jpg").item == 2
    assert finder("ab12cd34-oak.jpg").look("/data/upload/4/ab12cd34-oak.jpg").item == 1
    repeat = finder("ab12cd34-oak.jpg", aliases={"oak.jpg": 1})
    assert repeat.look("/data/upload/4/ab12cd34-oak.jpg").item == 1


@pytest.mark.parametrize("above", ["val2017", "test_images", "Holdout", "set-test", "x/TRAIN2"])
def test_the_part_of_a_data_set_is_known_by_its_word(above: str) -> None:
    find = finder("cat/1.jpg", "dog/1.jpg", root="/data/train2017")
    assert find.look(f"{above}/cat/1.jpg").outcome == "elsewhere"
    assert find.look("train2017/cat/1.jpg").item == find.look("contest/cat/1.jpg").item == 1


def test_two_files_that_are_called_alike_but_for_the_form_of_an_accent() -> None:
    find = finder("cafe\u0301.jpg", "caf\u00e9.jpg", "x/re\u0301.jpg", "x/r\u00e9.jpg")
    assert [find.look(each).item for each in ("cafe\u0301.jpg", "caf\u00e9.jpg")] == [1, 2]
    assert find.look("./caf\u00e9.jpg").outcome == find.look("r\u00e9.jpg").outcome == "several"


def test_the_person_may_say_that_the_folder_moved() -> None:
    find = finder("dot.jpg", "b/two.jpg", above="test", moved=True)
    assert [find.look(each).item for each in ("test/dot.jpg", "test/two.jpg", "/x/y/dot.jpg")] == [1, 2, 1]
    assert common_folder(["/m/a/1.jpg", "/m/a/b/2.jpg"]) == "/m/a"
    assert common_folder(["C:\\m\\1.jpg", "C:\\m\\2.jpg"]) == "C:/m"
    assert common_folder(["a/1.jpg", "b/1.jpg"]) == common_folder([]) == common_folder(["1.jpg"]) == ""


def test_repeats_and_files_that_cannot_be_read_are_known() -> None:
    find = finder("a.png", "b/c.png", aliases={"z/copy.png": 2, "z/torn.png": None, "y/a.png": None})
    assert find.look("z/copy.png").item == find.look("copy.png").item == 2
    assert find.look("torn.png").outcome == "unreadable"
    assert find.look("a.png").item == 1  # the whole path, though another file is called so too


def test_endings_and_case_that_leave_two_are_not_sure() -> None:
    find = finder("a.jpg", "a.png", "B.jpg", "b.JPG", "c d.jpg", "c_d.jpg")
    assert find.look("a").outcome == find.look("B.JPG").outcome == "several"
    assert find.look("B.jpg").item == 3
    assert find.look("/data/upload/1/deadbeef-c_d.jpg").outcome == "several"  # "c d.jpg" is uploaded under that name
    assert find.look("c_d.jpg").item == 6


def test_names_of_uploads() -> None:
    assert upload_name(" my photo (1).jpg ") == "my_photo_1.jpg"
    assert upload_name("Straße#1.png") == "Straße1.png"


def test_a_url_means_the_decoded_name() -> None:
    both = ("x y.png", "x%20y.png")
    for given in ("http://h/x%20y.png", "/data/local-files/?d=x%20y.png", "s3://b/x%20y.png"):
        assert finder(*both).look(given).item == 1, given
    assert finder(*both).look("http://h/x%2520y.png").item == 2
    assert finder("x%20y.png").look("http://h/x%20y.png").item == 1  # written by a program that does not encode
    assert finder(*both).look("x%20y.png").item == 2  # no URL: the name as it stands


def test_a_path_of_thousands_of_folders_costs_no_more_than_one_of_ours() -> None:
    """One row took a second, and 64 MB of them hours."""
    known, begun = finder(*MIXED), time.process_time()
    for number in range(200):
        assert known.look("a/" * 4000 + f"{number}.jpg").outcome == "unknown"
    assert known.look("b/" * 4000 + "south/a2.jpg").item == 3
    assert time.process_time() - begun < 10
