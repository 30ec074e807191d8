"""What a file says beside the class: groups and parts come from sure rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.exchange import label_files
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
