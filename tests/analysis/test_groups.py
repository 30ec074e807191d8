from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fact_core.analysis import alike, groups
from fact_core.generators import finish
from fact_core.types import PoolFacts


def facts(*paths: str, **more: object) -> PoolFacts:
    n = len(paths)
    plain = PoolFacts(tuple(paths), np.zeros(n), ("",) * n, ("",) * n)
    return replace(plain, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "name", "start"),
    [
        ("patient12_frame003.jpg", "patient12_frame", "patient12"),
        ("vid7-0001.png", "vid7", "vid7"),
        ("2024-05-01 12.00.01.jpg", "2024-05-01 12.00", "2024-05-01"),
        ("IMG_20240501_120001.jpg", "IMG_20240501", "IMG_20240501"),
        ("a/b/patient12_day3_007.png", "a/b/patient12_day3", "a/b/patient12"),
        ("plate (3) 0001_rot.tif", "plate (3", "plate (3"),
        ("0001_anna.jpg", "anna", ""),
        ("0001.jpg", "", ""),
        ("rose.jpg", "", ""),
    ],
)
def test_names_without_their_running_number(path: str, name: str, start: str) -> None:
    assert finish(groups.by_name(facts(path))) == [name]
    assert finish(groups.by_start(facts(path))) == [start]


def test_a_folder_is_a_group_and_the_image_folder_itself_is_none() -> None:
    assert finish(groups.by_folder(facts("a/1.png", "a/b/2.png", "3.png"))) == ["a", "a/b", ""]


def test_a_burst_is_one_camera_with_short_gaps() -> None:
    taken = np.array([1000.0, 1009.0, 1019.0, 1030.0, 1008.0, 0.0, 0.0])
    cameras = ("X",) * 4 + ("Y", "X", "X")
    names = finish(groups.by_burst(facts(*"abcdefg", taken=taken, cameras=cameras)))
    assert names == ["X 1970-01-01 00:16:40"] * 3 + [""] * 4
    assert finish(groups.by_burst(facts("a", "b"))) == ["", ""]


def test_numbers_of_groups_and_of_images_that_stand_alone() -> None:
    assert groups.numbers(["a", "", "b", "a", ""]).tolist() == [0, 2, 1, 0, 3]
    assert groups.numbers([]).tolist() == []


def videos(videos: int = 8, frames: int = 5, word: str = "vid") -> list[str]:
    return [f"{word}{video}-{frame:04d}.png" for video in range(videos) for frame in range(frames)]


def found(way: str, told: PoolFacts) -> groups.Found:
    return groups.summary(way, finish(getattr(groups, f"by_{way}")(told)), told)


def test_videos_are_found_with_examples_and_proposed() -> None:
    told = facts(*videos(), "one.png", "two.png")
    seen = found("name", told)
    assert (seen.groups, seen.largest, seen.alone, seen.fits, seen.clear) == (8, 5, 2, True, True)
    assert seen.examples[0] == groups.Example("vid0", 5, (0, 1, 2))
    assert groups.proposed([found("folder", told), seen]) == "name"


def test_what_says_nothing_is_not_offered() -> None:
    assert not found("name", facts(*(f"IMG_{n:04d}.jpg" for n in range(50)))).fits  # one group of all
    assert not found("name", facts(*(f"{n * 7919:x}.jpg" for n in range(50)))).fits
    in_classes = facts(*(f"{name}/image_{n:04d}.jpg" for name in ("rose", "tulip", "lily") for n in range(9)))
    assert not found("name", in_classes).fits  # no more than the folders say
    assert found("folder", in_classes).fits and not found("folder", in_classes).clear
    assert not found("folder", replace(in_classes, classes=("Rose", "tulip", "lily", "daisy"))).fits
    assert groups.proposed([found(way, in_classes) for way in ("name", "start", "folder", "burst")]) == "none"
    flat = facts(*(f"{name}_{n:03d}.jpg" for name in ("ant", "bee", "cat", "dog", "elk", "fox") for n in range(9)))
    assert found("name", flat).fits and not found("name", flat).clear  # may be classes


def test_folders_of_patients_are_proposed_and_those_of_words_are_not() -> None:
    patients = facts(*(f"patient{p}/{n}.png" for p in range(9) for n in range(4)))
    assert found("folder", patients).clear
    assert not found("folder", facts(*(f"n0144{p}/{n}.png" for p in range(9) for n in range(4)))).clear
    assert not found("folder", facts(*(f"{p:03d}/{n}.png" for p in range(9) for n in range(4)))).clear


def test_a_column_and_bursts_are_proposed() -> None:
    told = facts(*(f"{n}.png" for n in range(8)), given=("p1", "p1", "p2", "p2", "", "", "", ""))
    assert found("column", told).clear
    taken = np.array([1000.0, 1001.0, 1002.0, 5000.0, 5001.0, 9000.0, 0, 0])
    assert found("burst", replace(told, taken=taken)).clear


def some_bursts(rng: np.random.Generator, bursts: int = 30, frames: int = 4) -> np.ndarray:
    scenes = rng.normal(size=(bursts, 1, 32))
    return (scenes + 0.05 * rng.normal(size=(bursts, frames, 32))).reshape(-1, 32).astype(np.float32)


def test_near_duplicates_hang_together() -> None:
    x = np.concatenate([some_bursts(np.random.default_rng(0)), np.random.default_rng(1).normal(size=(50, 32))])
    told = facts(*(f"{n}.png" for n in range(len(x))), x=x.astype(np.float32))
    names = finish(alike.by_likeness(told))
    assert [names[4 * burst : 4 * burst + 4] for burst in range(30)] == [[f"like {4 * b}.png"] * 4 for b in range(30)]
    assert set(names[120:]) == {""}
    assert groups.summary("alike", names, told).clear


def test_linked_in_small_blocks_is_linked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.repeat(some_bursts(np.random.default_rng(2), bursts=9), 3, axis=0)
    whole = finish(alike.linked(x, 0.95))
    monkeypatch.setattr(alike, "BLOCK", 5 * len(x))
    assert finish(alike.linked(x, 0.95)).tolist() == whole.tolist() and whole.max() == 8


def test_no_features_and_numbers_that_are_none() -> None:
    assert finish(alike.by_likeness(facts("a", "b"))) == ["", ""]
    x = np.full((3, 4), np.nan, dtype=np.float32)
    assert finish(alike.by_likeness(facts("a", "b", "c", x=x))) == ["", "", ""]
    assert finish(alike.by_likeness(facts())) == []


def test_what_is_gone_stays_with_its_mates_whatever_their_group_is_called_now() -> None:
    old = {1: "like a", 2: "like a", 3: "like a", 4: "like d", 5: "like d", 6: "", 7: "like g"}
    new = {2: "like b", 3: "like b", 5: "", 6: "", 7: "", 8: "like h"}
    wanted = {1: "like b", 2: "like b", 3: "like b", 4: "like d", 5: "like d", 6: "", 7: "", 8: "like h"}
    for way in ("alike", "burst"):
        assert groups.with_gone(way, old, new) == wanted
        assert groups.with_gone(way, {}, new) == new and groups.with_gone(way, old, {}) == old
    assert groups.with_gone("folder", old, new) == {**old, **new}, "told by each one's own path"
