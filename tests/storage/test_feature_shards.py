"""Shards of rows: read as one, whole or not there, found by the store of a project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError, RunError, StorageError
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import FeatureShards, known, write_shard
from fact_core.storage.feature_store import FeatureStore

ABOUT = {"dim": 3, "key": "k"}


def lines(*names: str) -> list[dict[str, str]]:
    return [{"image": f"{name}.png", "digest": name * 2} for name in names]


def rows(*numbers: float) -> np.ndarray:
    return np.outer(np.array(numbers, np.float32), np.array([1, 2, 3], np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rows 1 to 5 in shards of two, none, and three."""
    feature_shards.begin(tmp_path, ABOUT)
    write_shard(tmp_path, "b", lines("x", "y", "z"), rows(3, 4, 5))
    write_shard(tmp_path, "a", lines("v", "w"), rows(1, 2), [{"image": "bad.png", "error": "It is empty"}])
    return tmp_path


def test_rows_of_all_shards_are_one_array(folder: Path) -> None:
    found = FeatureShards(folder)
    assert found.shape == (5, 3) and found.meta["key"] == "k"
    assert found.rows(np.array([4, 0, 2, 0]))[:, 0].tolist() == [5, 1, 3, 1]
    assert [line["image"] for line in found.about(np.array([3, 1]))] == ["y.png", "w.png"]
    assert [(start, x[:, 0].tolist()) for start, x in found.blocks(2)] == [(0, [1, 2]), (2, [3, 4]), (4, [5])]
    assert found.rows(np.zeros(0, np.int64)).shape == (0, 3)
    for beyond in (5, -1):
        with pytest.raises(IndexError):
            found.rows(np.array([beyond]))


def test_what_is_done_and_what_failed_is_known_by_name(folder: Path) -> None:
    found = FeatureShards(folder)
    assert known(found.marks(), ["w.png", "v", "z.png"]).tolist() == [True, False, True]
    assert known(FeatureShards(folder / "none").marks(), ["w.png"]).tolist() == [False]
    assert found.failed() == {"bad.png": "It is empty"}
    write_shard(folder, "c", [{"image": "bad.png", "digest": "q"}], rows(9))
    assert FeatureShards(folder).failed() == {}


def test_a_kill_leaves_whole_shards_and_the_next_start_clears_the_rest(folder: Path) -> None:
    """Whatever a kill has left of a shard: its rows alone, half a file, failures alone."""
    for name in ("c.npy", "d.npy.new", "e.bad.jsonl", ".f.jsonl.12-3.new", "g.jsonl"):
        (folder / "shards" / name).write_bytes(b"half")
    assert len(FeatureShards(folder)) == 5
    feature_shards.begin(folder, ABOUT)
    left = {each.name for each in (folder / "shards").iterdir()}
    assert left == {"a.npy", "a.jsonl", "a.bad.jsonl", "b.npy", "b.jsonl"}


def test_failures_without_a_row_are_tried_again(folder: Path) -> None:
    write_shard(folder, "c", [], np.zeros((0, 3), np.float32), [{"image": "other.png", "error": "gone"}])
    assert set(FeatureShards(folder).failed()) == {"bad.png", "other.png"}
    feature_shards.begin(folder, ABOUT)
    assert set(FeatureShards(folder).failed()) == {"bad.png"} and len(FeatureShards(folder)) == 5


def test_rows_of_something_else_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="something else"):
        feature_shards.begin(folder, {"dim": 3, "key": "other"})
    with pytest.raises(RunError, match="numbers that are none"):
        write_shard(folder, "c", lines("q"), rows(np.nan))
    assert len(FeatureShards(folder)) == 5
    (folder / "shards" / "b.npy").write_bytes(b"damaged")
    with pytest.raises(StorageError, match="damaged or gone"):
        FeatureShards(folder)


def test_a_projects_store_reads_shards_and_its_own_rows_as_one(folder: Path) -> None:
    store = FeatureStore.open(folder, 3)
    assert len(store) == 5 and store.missing(["vv", "qq", "zz"]) == ["qq"]
    store.append(["qq", "vv"], rows(7, 8))  # the second has a row already
    assert store.gather(["zz", "qq", "vv", "qq"])[:, 0].tolist() == [5, 7, 1, 7]
    again = FeatureStore(folder)
    assert len(again) == 6 and again.gather(["qq", "yy"])[:, 0].tolist() == [7, 4]
    write_shard(folder, "c", lines("r"), rows(6))
    assert again.missing(["rr"]) == [] and again.gather(["rr"])[:, 0].tolist() == [6]
    with pytest.raises(KeyError):
        again.gather(["nothing"])


def test_main_directions_are_those_of_all_rows(folder: Path) -> None:
    names = ["vv", "ww", "xx", "yy", "zz", "qq"]
    store = FeatureStore.open(folder, 3)
    store.append(["qq"], np.array([[-4, 7, 1]], np.float32))
    kept = np.linalg.norm(store.projected(names) - store.projected(["vv"]), axis=1)
    true = np.linalg.norm(store.gather(names) - store.gather(["vv"]), axis=1)
    assert np.allclose(kept, true, atol=1e-4)  # three directions of three: distances stay


def test_a_row_of_a_shard_that_is_forgotten_is_computed_anew(folder: Path) -> None:
    store = FeatureStore.open(folder, 3)
    assert store.forget(["ww", "nothing"]) == 1 and store.missing(["ww", "vv"]) == ["ww"]
    store.append(["ww"], rows(70))
    again = FeatureStore.open(folder, 3)
    assert again.gather(["ww", "vv"])[:, 0].tolist() == [70, 1]
    assert again.forget(["ww"]) == 1 and FeatureStore(folder).missing(["ww"]) == ["ww"]
