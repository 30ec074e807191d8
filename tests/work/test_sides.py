"""Images that belong together lie on one side: what is picked and trained on, or what checks the result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import CompareConfig, FeaturesConfig, train_config
from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import groups, items, project
from fact_core.storage.project import Project
from fact_core.work import compare, features
from fact_core.work.grouping import group_numbers
from fact_core.work.scan import scan
from fact_core.work.training_labels import labels_of_run
from tests.storage_help import paint
from tests.work_help import choose, copied, queued

VIDEOS, FRAMES = 12, 4


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Twelve videos of four frames each, with features; nothing chosen yet."""
    folder = tmp_path_factory.mktemp("ready")
    rng = np.random.default_rng(0)
    for video in range(VIDEOS):
        colour = rng.integers(0, 200, 3)
        for frame in range(FRAMES):
            look = tuple(int(each) for each in colour + frame)
            paint(folder / "images" / f"vid{video:02d}-{frame:03d}.png", look, size=(24, 24))
    made = project.create(folder / "project", folder / "images")
    finish(scan(made))
    finish(features.run(made, queued(made, "features"), FeaturesConfig(device="cpu")))
    groups.choose(made, "name")
    return made


@pytest.fixture
def made(ready: Project, tmp_path: Path) -> Project:
    return copied(ready, tmp_path)


def videos(made: Project, found: selections.Stored, role: str) -> list[str]:
    names = dict(zip(items.pool(made).ids.tolist(), items.pool(made).paths, strict=True))
    sides = zip(found.selection.ids.tolist(), found.selection.roles, strict=True)
    return [names[item][:5] for item, side in sides if side == role]


def answer(made: Project, ids: list[int]) -> None:
    known = classes.ensure_classes(made, ["a", "b"])
    operations.apply(made, "t", [Op(n, "label", item, known["ab"[n % 2]]) for n, item in enumerate(ids, 1)])


@pytest.mark.slow
def test_no_video_lies_on_both_sides_and_picks_are_of_many(made: Project) -> None:
    found = choose(made, check=3)
    picked, checked = videos(made, found, "pick"), videos(made, found, "audit")
    assert (len(picked), len(checked)) == (6, 3)
    assert not set(picked) & set(checked) and len(set(picked)) == 6 and len(set(checked)) == 3
    assert found.config["groups"] == "name"
    spare = [items.pool(made).paths[row][:5] for row in items.pool(made).rows(found.selection.next_best)]
    assert not set(spare) & set(checked)


def test_what_is_added_keeps_to_its_side(made: Project) -> None:
    choose(made, check=2)
    choose(made, budget="2", check=1, extend=True)
    found = choose(made, budget="0", check=1, extend=True)
    picked, checked = videos(made, found, "pick"), videos(made, found, "audit")
    assert (len(picked), len(checked)) == (8, 4) and not set(picked) & set(checked)


def test_a_rejected_check_image_is_replaced_by_one_of_no_picked_video(made: Project) -> None:
    found = choose(made, budget="10", check=2)
    audit = int(found.selection.ids[np.array(found.selection.roles) == "audit"][0])
    assert selections.reject(made, found.id, audit) is not None
    now = selections.latest(made)
    assert now is not None and not set(videos(made, now, "pick")) & set(videos(made, now, "audit"))


def test_too_few_videos_are_said_in_words(made: Project) -> None:
    with pytest.raises(ConfigError, match="in groups without a check image"):
        choose(made, budget="40", check=4)
    choose(made, budget="30")  # of every video
    with pytest.raises(ConfigError, match="groups without a chosen image"):
        choose(made, budget="0", check=2, extend=True)


def test_a_comparison_picks_from_the_same_side(made: Project) -> None:
    found = choose(made, check=3)
    told = finish(compare.run(made, queued(made, "compare"), CompareConfig(strategy="activeft")))
    evidence = found.config["evidence"]["chosen"]
    assert told["mean"] == pytest.approx(evidence["mean"], rel=1e-5)


def test_training_learns_of_groups_and_nothing_from_a_checked_video(made: Project, tmp_path: Path) -> None:
    found = choose(made, check=3)
    answer(made, found.selection.ids.tolist())
    pool = items.pool(made)
    known = labels_of_run(made, tmp_path, train_config(recipe="fact+"), pool)
    paths = dict(zip(pool.ids.tolist(), pool.paths, strict=True))
    video = {item: path[:5] for item, path in paths.items()}
    assert known.groups is not None and known.check_groups is not None
    assert len(set(known.groups.tolist())) == 6 and not set(known.groups.tolist()) & set(known.check_groups.tolist())
    checked = {video[item] for item in known.check_ids.tolist()}
    assert not checked & {video[item] for item in known.pool_ids.tolist()} and len(known.pool_ids) == 48 - 12 - 6
    again = labels_of_run(made, tmp_path, train_config(recipe="fact+"), pool)
    assert again.groups is not None and again.groups.tolist() == known.groups.tolist()
    kept = json.loads((tmp_path / "labels.json").read_text("utf-8"))
    del kept["groups"], kept["check_groups"]  # of an earlier version
    (tmp_path / "labels.json").write_text(json.dumps(kept), encoding="utf-8")
    assert labels_of_run(made, tmp_path, train_config(), pool).groups is None


def test_groups_by_looks_are_found_by_the_run_and_images_that_come_later_too(made: Project) -> None:
    groups.choose(made, "alike")
    numbers = finish(group_numbers(made, items.pool(made), "tf_efficientnet_lite0", "cpu", "project"))
    assert numbers is not None and len(numbers) == VIDEOS * FRAMES
    ids = items.pool(made).ids
    mates = ids[numbers == numbers[0]]
    assert 1 < len(mates) < len(ids)
    operations.apply(made, "desk", [Op(1, "exclude", int(mates[0]))])  # the group is called by it
    paint(made.images / "late.png", (1, 2, 3), size=(24, 24))
    finish(scan(made))
    finish(group_numbers(made, items.pool(made), "tf_efficientnet_lite0", "cpu", "project"))
    (made.images / "late.png").unlink()
    after = groups.among(made, mates)
    assert after is not None and len(set(after.tolist())) == 1, "what was learned from belongs to them still"
    operations.apply(made, "desk", [Op(2, "clear", int(mates[0]))])
    groups.choose(made, "name")
    finish(group_numbers(made, items.pool(made), "tf_efficientnet_lite0", "cpu", "project"))
    paint(made.images / "vid00-900.png", (1, 2, 3), size=(24, 24))
    finish(scan(made))
    pool = items.pool(made)
    numbers = finish(group_numbers(made, pool, "tf_efficientnet_lite0", "cpu", "project"))
    (made.images / "vid00-900.png").unlink()
    assert numbers is not None
    assert numbers[pool.paths.index("vid00-900.png")] == numbers[pool.paths.index("vid00-000.png")]
