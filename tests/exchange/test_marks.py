"""What a file says beside the class: groups and parts come from sure rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.exchange import label_files
from fact_core.exchange.marks import is_known
from fact_core.types import Pool

PATHS = ("a/1.jpg", "a/2.jpg", "x.png", "y.png")
POOL = Pool(Path("/data/pool"), np.arange(1, 5), PATHS, PATHS)
JSON = '{{"file_name": "x.png", "label": "cat", "patient": {}}}\n{{"file_name": "y.png", "label": "cat"}}'


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("path,label,patient\nx.png,cat,nan\ny.png,dog,nan\na/1.jpg,cat,P1\n", {"a/1.jpg": "P1"}),
        ("path,label,patient\nx.png,cat,None\ny.png,dog, N/A \n", {}),
        ("path,label,patient\nx.png,cat,P1\nx.png,cat,P2\ny.png,cat,P1\n", {"y.png": "P1"}),
        ("path,label,patient\nx.png,cat,\nx.png,cat,P2\n", {"x.png": "P2"}),
        ("path,label,patient\na/1.jpg,cat,P1\nold/a/1.jpg,cat,P9\n", {"a/1.jpg": "P1"}),
        ("path,label,patient\nx.png,,P1\ny.png,dog,P1\n", {"x.png": "P1", "y.png": "P1"}),
        (
            "path,label,patient\nx.png,cat,7\ny.png,dog,7.0\na/1.jpg,cat,07\n",
            dict.fromkeys(("x.png", "y.png", "a/1.jpg"), "7"),
        ),
        ("path;label;patient\nx.png;cat;7,0\ny.png;dog;7,5\n", {"x.png": "7", "y.png": "7.5"}),
        ("path,label,patient\nx.png,cat,1E5\ny.png,dog,100000\n", {"x.png": "1E5", "y.png": "100000"}),
        ("path,label,patient\nx.png,cat,P1\ny.png,dog,p1\nx.png,cat,p1\n", {"x.png": "P1", "y.png": "P1"}),
        (JSON.format("[]"), {}),
        (JSON.format("null"), {}),
        (JSON.format('{"x": 1}'), {}),
        (JSON.format('["P1", "P2"]'), {}),
        (JSON.format('["P1"]'), {"x.png": "P1"}),
        (JSON.format('"\\ud800"'), {"x.png": "?"}),
    ],
)
def test_groups_come_from_sure_rows(text: str, groups: dict[str, str]) -> None:
    seen = label_files.understand("file", text.encode(), POOL, {}, ImportConfig())
    assert {PATHS[item - 1]: name for item, name in seen.found.groups.items()} == groups


def test_an_image_in_two_groups_is_told() -> None:
    text = b"path,label,patient\nx.png,cat,P1\nx.png,cat,P2\n"
    found = label_files.understand("file", text, POOL, {}, ImportConfig()).found
    assert [each.shown for each in found.left["groups"]] == ["x.png: P1, P2"]
    assert set(found.taken) == {3}  # its label is sure


def test_a_row_of_another_folder_makes_no_check_image() -> None:
    text = b"path,label,split\na/1.jpg,cat,train\nwoods/a/1.jpg,cat,test\na/2.jpg,cat,test\n"
    assert label_files.understand("file", text, POOL, {}, ImportConfig()).found.test == {2}


@pytest.mark.parametrize("head", ["split", "Subset", "part"])
def test_a_misspelt_part_is_told_and_the_others_count(head: str, tmp_path: Path) -> None:
    """Of four words two are none: it is the column of the part by its name."""
    rows = "a/1.jpg,cat,train\na/2.jpg,cat,test\nx.png,dog,tset\ny.png,dog,hold\n"
    file = tmp_path / "labels.csv"
    file.write_text(f"path,label,{head}\n{rows}")
    found = label_files.understand("file", file.read_bytes(), POOL, {}, ImportConfig()).found
    assert (found.test, found.parts) == ({2}, {"train": 1, "test": 1, "tset": 1, "hold": 1})
    said: list[str] = []
    label_files.read_labels(file, POOL, {}, say=said.append)
    assert any("parts that are not known count like train: tset 1, hold 1 (known: dev, eval" in each for each in said)


def test_a_misspelt_part_far_down_is_told() -> None:
    """Only the first rows are looked at to know what a column is."""
    rows = "".join(f"a/1.jpg,cat,{'train' if n < 500 else 'tset'}\n" for n in range(502))
    found = label_files.understand("file", f"path,label,kind\n{rows}".encode(), POOL, {}, ImportConfig()).found
    assert found.parts == {"train": 500, "tset": 2}


@pytest.mark.parametrize("column", ["group,a,b,a,b", "kind,train,bus,car,bus", "fold,1,2,3,4", "split,1,2,3,1"])
def test_what_is_no_column_of_parts(column: str) -> None:
    head, *cells = column.split(",")
    rows = "".join(f"{path},cat,{cell}\n" for path, cell in zip(PATHS, cells, strict=True))
    found = label_files.understand("file", f"path,label,{head}\n{rows}".encode(), POOL, {}, ImportConfig()).found
    assert (found.test, found.parts) == (set(), {})


def test_our_own_words_for_parts_are_known() -> None:
    text = b"path,label,split\na/1.jpg,cat,train\na/2.jpg,cat,check\nx.png,cat,pool\ny.png,cat,left out\n"
    found = label_files.understand("file", text, POOL, {}, ImportConfig()).found
    assert found.test == {2} and all(map(is_known, found.parts))


def frames(*folders: str) -> Pool:
    """Frames 1, 2, ... of each "NAME:COUNT"; "" is the image folder itself."""
    parted = [each.partition(":") for each in folders]
    paths = [f"{name}/{n}.jpg".lstrip("/") for name, _, count in parted for n in range(1, int(count) + 1)]
    return Pool(Path("/data/films"), np.arange(1, len(paths) + 1), tuple(paths), tuple(map(str, range(len(paths)))))


@pytest.mark.parametrize(
    ("pool", "row", "taken", "left"),
    [
        (frames("north:4", "south:6"), "{n}.jpg", [], {"ambiguous": 4, "chance": 2}),
        (frames("north/a:4", "south/a:6"), "a/{n}.jpg", [], {"ambiguous": 4, "chance": 2}),
        (frames(":4", "south:6"), "{n}.jpg", [1, 2, 3, 4], {"chance": 2}),
        (frames("north:2", "south:6"), "{n}.jpg", [5, 6, 7, 8], {"ambiguous": 2}),  # most names are one image's
        (frames("north:4", "south:6"), "/m/films/south/{n}.jpg", [5, 6, 7, 8, 9, 10], {}),
        (frames("north:4", "south:6"), "http://x/{n}.jpg", [9, 10], {"ambiguous": 4}),  # of several computers perhaps
    ],
)
def test_where_most_names_lie_in_several_folders_the_others_are_not_sure(
    pool: Pool, row: str, taken: list[int], left: dict[str, int]
) -> None:
    """A list of one folder names files that are gone there; another folder's of that name are other pictures."""
    rows = "".join(f"{row.format(n=n)},cat,test,P{n}\n" for n in range(1, 7))
    found = label_files.understand("file", f"path,label,split,group\n{rows}".encode(), pool, {}, ImportConfig()).found
    assert (sorted(found.taken), {why: len(rows) for why, rows in found.left.items()}) == (taken, left)
    assert sorted(found.test) == sorted(found.groups) == taken


def test_a_repeat_under_the_same_name_is_no_other_picture() -> None:
    """Nor is the name of a file in the image folder itself another one's for that."""
    pool, aliases = frames(":2", "south:1"), {"copies/1.jpg": 1, "copies/2.jpg": 2}
    pool = Pool(pool.root, pool.ids, ("1.jpg", "2.jpg", "south/3.jpg"), pool.digests)
    text = b"path,label\n1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n"
    assert sorted(label_files.understand("file", text, pool, aliases, ImportConfig()).found.taken) == [1, 2, 3]
