"""The chosen images of a large pool come into a folder, in their order, with the bytes that were looked at."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from fact_core.events import Log
from fact_core.images.source import digest_of
from fact_core.work.pool_fetch import fetch
from tests.kill_points import killed_at
from tests.steps_help import heard
from tests.storage_help import paint


def test_files_and_members_of_archives_are_copied_in_order(tmp_path: Path) -> None:
    files = [paint(tmp_path / "pool" / name / "1.png", colour) for colour, name in enumerate("abc")]
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        for file in files[1:]:
            archive.add(file, f"{file.parent.name}/1.png")
    inside = [f"{tmp_path}/0.tar/{name}/1.png" for name in "cb"]
    named = [inside[0], str(files[0]), inside[1]]
    contents = [files[2].read_bytes(), files[0].read_bytes(), files[1].read_bytes()]
    chosen = [{"image": image, "digest": digest_of(content)} for image, content in zip(named, contents, strict=True)]
    assert heard(fetch(chosen, tmp_path / "to"))[0] == 3
    found = sorted((tmp_path / "to").iterdir())
    assert [each.name for each in found] == ["000001-1.png", "000002-1.png", "000003-1.png"]
    assert [each.read_bytes() for each in found] == contents
    other = [{"image": str(files[1]), "digest": chosen[2]["digest"]}]  # 000001-1.png is no picture of this one
    done, events = heard(fetch(other, tmp_path / "to"))
    assert done == 0 and any(isinstance(event, Log) and "another image" in event.text for event in events)
    (tmp_path / "0.tar").unlink()  # the same again: nothing is read that is there
    assert heard(fetch(chosen, tmp_path / "to"))[0] == 3


def test_what_is_gone_or_other_is_told(tmp_path: Path) -> None:
    file = paint(tmp_path / "1.png")
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        archive.add(file, "1.png")
    (tmp_path / "1.tar").write_bytes(b"no archive")
    places = [tmp_path / "gone.png", file, tmp_path / "0.tar" / "2.png", tmp_path / "1.tar" / "1.png"]
    done, events = heard(fetch([{"image": str(each), "digest": "other"} for each in places], tmp_path / "to"))
    told = [event.text for event in events if isinstance(event, Log)]
    assert done == 0 and not (tmp_path / "to").exists() and len(told) == 4
    for words in ("No such file", "has changed", "does not hold it", "archive cannot be read"):
        assert sum(words in text for text in told) == 1, words


@pytest.mark.slow
def test_what_a_killed_one_has_left_half_copied_is_taken_away_by_the_next(tmp_path: Path) -> None:
    """Hostile input 11. A kill before each change of the folder; after the next call only whole copies are there."""
    files = [paint(tmp_path / "pool" / f"{number}.png", number) for number in range(2)]
    chosen = [{"image": str(each), "digest": digest_of(each.read_bytes())} for each in files]
    kills = 0
    while killed_at(kills + 1, tmp_path / "to", "fetch", tmp_path / "pool", tmp_path / "to"):
        kills += 1
        assert heard(fetch(chosen, tmp_path / "to"))[0] == 2
        assert sorted(each.name for each in (tmp_path / "to").iterdir()) == ["000001-0.png", "000002-1.png"]
        shutil.rmtree(tmp_path / "to")
    assert kills > 4
