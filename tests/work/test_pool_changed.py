"""Other bytes under the name of an image of a large pool: its shard is known, and nothing else is read."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from fact_core.images.source import digest_of
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import FeatureShards
from fact_core.work import pool_changed
from fact_core.work.pool_changed import changed
from fact_core.work.pool_sources import Source, all_found

NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
DAY = 86_400.0


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four files, a day old."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(name.encode())
    return folder


def shards(folder: Path, listed: dict[str, bytes], begun: float) -> FeatureShards:
    """Two images a shard, begun then."""
    feature_shards.begin(folder, {"dim": 2})
    rows = [{"image": image, "digest": digest_of(content)} for image, content in listed.items()]
    for number in range(0, len(rows), 2):
        name = f"{int(begun * 1e6):015d}-000-{number:06d}"
        feature_shards.write_shard(folder, name, rows[number : number + 2], np.zeros((2, 2), dtype=np.float32))
    return FeatureShards(folder)


def made(images: Path, to: Path, begun: float) -> tuple[list[Source], FeatureShards]:
    sources = all_found([str(images)])
    return sources, shards(to, {str(images / name): name.encode() for name in NAMES}, begun)


def test_other_bytes_are_found_and_their_shard_can_go(images: Path, tmp_path: Path) -> None:
    sources, stored = made(images, tmp_path / "to", time.time())
    assert changed(sources, stored) == {}
    (images / "c.jpg").write_bytes(b"C.jpg")
    os.utime(images / "c.jpg", (0, 0))  # as a copy keeps its time
    found = changed(sources, stored)
    assert found == {stored.names[1]: [str(images / "c.jpg")]}
    feature_shards.drop(stored.folder, list(found))
    left = FeatureShards(stored.folder)
    assert [line["image"] for line in left.each()] == [str(images / name) for name in NAMES[:2]]
    feature_shards.begin(stored.folder, {"dim": 2})
    assert changed(sources, FeatureShards(stored.folder)) == {}


def test_files_that_are_older_than_their_rows_are_not_read(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, stored = made(images, tmp_path / "to", time.time() + DAY)
    monkeypatch.setattr(pool_changed, "whole", lambda image: pytest.fail(f"{image} is read"))
    assert changed(sources, stored) == {}


def test_a_touched_file_is_the_same(images: Path, tmp_path: Path) -> None:
    sources, stored = made(images, tmp_path / "to", time.time() - DAY)
    for name in NAMES:
        os.utime(images / name)
    assert changed(sources, stored) == {}
    (images / "a.jpg").unlink()
    assert changed(sources, stored) == {}, "what is gone has not changed"


def test_an_archive_that_was_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "all.tar"
    with tarfile.open(file, "w"):
        pass
    listed = {f"{file}/{name}": name.encode() for name in NAMES}
    sources = all_found([str(file)])
    assert changed(sources, shards(tmp_path / "later", listed, time.time() + DAY)) == {}
    earlier = shards(tmp_path / "earlier", listed, time.time() - DAY)
    assert [image for each in changed(sources, earlier).values() for image in each] == list(listed)


def test_times_of_an_address(images: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow comes with Ray Data")
    sources = all_found([f"file://{images}"])
    stored = shards(tmp_path / "to", {str(images / name): name.encode() for name in NAMES}, time.time())
    assert sources[0].files is not None and changed(sources, stored) == {}
    (images / "d.jpg").write_bytes(b"D.jpg")
    assert list(changed(all_found([f"file://{images}"]), stored).values()) == [[str(images / "d.jpg")]]
