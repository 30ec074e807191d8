"""The run that measures odd images, and that it measures each picture once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.config import OddConfig
from fact_core.events import Log, Progress
from fact_core.generators import finish
from fact_core.labeling import operations
from fact_core.labeling.history import Op
from fact_core.storage import items, odd_file
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.thumbs import Thumbs
from fact_core.work import odd
from fact_core.work.pool_features import identify_here, open_store
from fact_core.work.scan import scan
from tests.storage_help import paint
from tests.work_help import queued


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """Twelve images of one colour, the last one black; with features, but without thumbnails."""
    for number in range(12):
        paint(
            tmp_path / "images" / f"{number:02d}.png", (0, 0, 0) if number == 11 else (150, 90 + number, 60), (64, 48)
        )
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    store = open_store(made, identify_here(made, OddConfig().backbone, "auto"))
    x = np.random.default_rng(0).normal(size=(12, store.dim)) + 2
    store.append(items.pool(made).digests, x.astype(np.float32))
    return made


def told(made: Project) -> tuple[dict[str, object], list[object]]:
    """(what the run gives, its events)."""
    step, events = odd.run(made, queued(made, "odd"), OddConfig()), list[object]()
    while True:
        try:
            events.append(next(step))
        except StopIteration as end:
            return end.value, events


def test_the_pool_is_measured_and_each_picture_once(made: Project) -> None:
    result, events = told(made)
    assert result["images"] == 12
    progress = [each for each in events if isinstance(each, Progress) and each.step == "odd"]
    assert (progress[-1].done, progress[-1].total) == (12, 12) and progress[-1].seconds_left == 0
    kept = odd_file.load(made)
    assert kept is not None and len(kept.digests) == 12
    light = kept.columns["light"]
    assert light[11] < 0.01 < 0.3 < light[:11].min()
    assert (kept.columns["side"] == 48).all()
    assert not Thumbs(made).missing(items.pool(made).digests)  # made on the way, for the page too

    operations.apply(made, "desk.one", [Op(1, "exclude", 12)])
    paint(made.images / "new.png", (10, 200, 10))
    finish(scan(made))
    pool = items.pool(made)
    store = open_store(made, identify_here(made, OddConfig().backbone, "auto"))
    store.append([pool.digests[-1]], np.ones((1, store.dim), dtype=np.float32))
    _, events = told(made)
    progress = [each for each in events if isinstance(each, Progress) and each.step == "odd"]
    assert [(each.done, each.total) for each in progress] == [(1, 1)]  # the others are known
    again = odd_file.load(made)
    assert again is not None and again.digests == pool.digests
    assert np.array_equal(again.columns["light"][:11], light[:11])


def test_a_picture_that_is_gone_is_named_and_left_out(made: Project) -> None:
    (made.images / "03.png").unlink()
    _, events = told(made)
    assert any(isinstance(each, Log) and each.text.startswith("03.png: ") for each in events)
    kept = odd_file.load(made)
    assert kept is not None and np.flatnonzero(np.isnan(kept.columns["light"])).tolist() == [3]


def test_a_damaged_file_is_made_anew(made: Project) -> None:
    told(made)
    odd_file.file_of(made).write_bytes(b"PK nothing")
    assert odd_file.load(made) is None
    told(made)
    assert odd_file.load(made) is not None
