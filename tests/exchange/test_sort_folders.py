"""Sorting into folders: nothing overwritten, gone on with, taken back only as far as it is unchanged."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.pages.results.sort_routes import preview
from fact_core.config import SortConfig
from fact_core.errors import DiskFull, InputError, StorageError
from fact_core.events import Log
from fact_core.exchange import sort_folders, sort_undo
from fact_core.exchange.sort_plan import Plan, Said, plan
from fact_core.exchange.sort_said import planned
from fact_core.generators import finish
from fact_core.labeling import acceptances, classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import Evidence
from fact_core.work.scan import scan
from tests.kill_points import killed_at
from tests.small_disk import small_disk
from tests.steps_help import heard
from tests.storage_help import flat_project, paint


@pytest.fixture
def labeled(tmp_path: Path) -> Project:
    """Images 1 and 2 are roses, 3 is a tulip, 4 skipped, 5 and 6 open; 7 repeats 1."""
    project = flat_project(tmp_path, 6)
    paint(project.images / "more" / "000.png", 0)
    finish(scan(project))
    ids = classes.ensure_classes(project, ["rose", "CON"])
    ops = [Op(1, "label", 1, ids["rose"]), Op(2, "label", 2, ids["rose"]), Op(3, "label", 3, ids["CON"])]
    operations.apply(project, "tab", [*ops, Op(4, "skip", 4)])
    return project


def answered(project: Project, strange: int = 0) -> int:
    """A training whose model says rose to all, surer of 5 than of 6. strange: an image unlike every class."""
    run = run_queue.queue(project, "train", {})
    assert run_queue.claim(project, "test") is not None
    run_queue.finish(project, run, "done", result={"classes": ["rose"]})
    ids = np.arange(1, 7)
    sure = np.array([0.99, 0.99, 0.99, 0.99, 0.95, 0.4], dtype=np.float32)
    file = project.predictions_file(run)
    file.parent.mkdir(parents=True)
    np.savez(
        file,
        ids=ids,
        y=np.zeros(6, dtype=np.int64),
        confidence=sure,
        probabilities=sure[:, None],
        strange=ids == strange,
    )
    return run


def sort(project: Project, target: Path, way: str = "copy", found: Plan | None = None) -> dict[str, object]:
    """Sort by the labels."""
    chosen = found or planned(project)
    done, _ = heard(
        sort_folders.sort(chosen, project.images, project.folder, target, way, lambda path: project.images / path)
    )
    return done


def lying(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if not each.is_dir()}


SORTED = {
    *("rose/000.png", "rose/000-2.png", "rose/001.png", "CON_/002.png"),
    *("unsure/003.png", "unsure/004.png", "unsure/005.png"),
}
OURS = {"undo.jsonl", "list.csv"}


def test_labels_first_then_answers_that_are_sure_enough(labeled: Project) -> None:
    assert planned(labeled).counts() == {"CON": 1, "rose": 3, "": 3}
    run = answered(labeled)
    assert planned(labeled, run, 0.9).counts() == {"CON": 1, "rose": 4, "": 2}
    found = planned(labeled, 0, 0.1)  # the newest training; what a person has skipped stays apart
    assert found.counts() == {"CON": 1, "rose": 5, "": 1} and found.sources() == {"person": 4, "model": 2, "": 1}
    assert found.folders == {"CON": "CON_", "rose": "rose"} and found.renamed == 1


def test_accepted_answers_come_before_those_above_a_threshold_and_strangers_stay_apart(labeled: Project) -> None:
    run = answered(labeled, strange=5)
    assert planned(labeled, run, 0.1).sources() == {"person": 4, "model": 1, "": 2}
    about = {"threshold": 0.3, "accepted": 1, "checks": 30, "wrong": 0}
    look = acceptances.note_look(labeled, run, 0.9, 0.05, "x", **about)  # type: ignore[arg-type]
    some = np.array([6])
    sure, none = np.array([0.4], dtype=np.float32), np.zeros(0, dtype=np.float32)
    named = next(each.id for each in classes.classes(labeled) if each.name == "CON")
    evidence = Evidence(some, np.array([0]), sure, ("CON",), (named,), none, none > 0)
    acceptances.accept(labeled, look, evidence)
    found = planned(labeled, run, 0.1)
    assert found.sources() == {"person": 4, "accepted": 1, "": 2} and found.counts()["CON"] == 2


def test_a_class_called_unsure_and_names_that_clash(labeled: Project) -> None:
    rows = [
        Said(path, "", name) for path, name in (("a/1.jpg", "Unsure"), ("b/1.jpg", "Unsure"), ("c/1.JPG", "Unsure"))
    ]
    found = plan([*rows, Said("1-2.jpg", "", "Unsure"), Said("d/1.jpg", "", ""), Said("x/aux.png", "", "")])
    assert [each.target for each in found.places] == [
        *("Unsure/1-2.jpg", "Unsure/1.jpg", "Unsure/1-3.jpg", "Unsure/1-4.JPG"),
        *("unsure-2/1.jpg", "unsure-2/aux_.png"),
    ]
    assert found.unsure == "unsure-2" and found.renamed == 3


@pytest.mark.parametrize("way", ["copy", "list"])
def test_classes_called_as_the_sortings_own_files(labeled: Project, tmp_path: Path, way: str) -> None:
    ids = classes.ensure_classes(labeled, ["Undo.jsonl", "list.csv"])
    operations.apply(labeled, "tab", [Op(5, "label", 5, ids["Undo.jsonl"]), Op(6, "label", 6, ids["list.csv"])])
    found, target = planned(labeled), tmp_path / "sorted"
    assert (found.folders["Undo.jsonl"], found.folders["list.csv"]) == ("Undo.jsonl-2", "list.csv-2")
    assert preview(labeled, SortConfig()).named == 3  # with CON: the preview tells them as classes named otherwise
    assert not sort(labeled, target, way, found)["missed"]
    rows = list(csv.DictReader((target / "list.csv").read_text("utf-8-sig").splitlines()))
    assert {each["label"] for each in rows} == {"rose", "CON", "", "Undo.jsonl", "list.csv"}
    assert lying(target) - OURS == {each["file"] for each in rows if each["file"]}
    assert finish(sort_undo.take_back(target))["kept"] == 0 and not target.exists()


@pytest.mark.parametrize("way", ["hardlink", "symlink"])
def test_no_link_to_another_image_of_the_same_size_and_time(labeled: Project, tmp_path: Path, way: str) -> None:
    """Two files that were unpacked together have swapped their names since the scan."""
    one, other = labeled.images / "001.png", labeled.images / "002.png"
    for number, each in enumerate((one, other)):
        each.write_bytes(each.read_bytes().ljust(1000, b"\0") + bytes([number]))
        os.utime(each, (1_700_000_000, 1_700_000_000))
    finish(scan(labeled))
    found = planned(labeled)
    seen = [(each.said.bytes, each.said.mtime_ns) for each in found.places if each.said.path in ("001.png", "002.png")]
    assert seen[0] == seen[1]
    swap(one, other)
    done = sort(labeled, tmp_path / "sorted", way, found)
    assert done["missed"] == 2 and all("changed since the scan" in each for each in done["first"])  # type: ignore[attr-defined]
    assert lying(tmp_path / "sorted") == SORTED - {"rose/001.png", "CON_/002.png"} | OURS
    swap(one, other)
    assert sort(labeled, tmp_path / "sorted", way, found)["made"] == 2
    swap(one, other)  # the links of an earlier start are seen again
    assert sort(labeled, tmp_path / "sorted", way, found)["missed"] == 2


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


@pytest.mark.parametrize("way", ["copy", "hardlink", "symlink"])
def test_sorts_goes_on_and_takes_back(labeled: Project, tmp_path: Path, way: str) -> None:
    target, before = tmp_path / "sorted", lying(labeled.images)
    done = sort(labeled, target, way)
    assert lying(target) == SORTED | OURS and done["files"] == done["made"] == 7 and not done["missed"]
    assert (target / "rose" / "000.png").read_bytes() == (labeled.images / "000.png").read_bytes()
    assert (target / "rose" / "000.png").is_symlink() == (way == "symlink")
    listed = list(csv.DictReader((target / "list.csv").read_text("utf-8-sig").splitlines()))
    assert [each["file"] for each in listed if each["label"] == "CON"] == ["CON_/002.png"]
    (target / "rose" / "001.png").unlink()
    assert sort(labeled, target, way)["made"] == 1  # only what was not there
    assert finish(sort_undo.take_back(target)) == {"removed": 7, "list": True, "kept": 0, "first": []}
    assert not target.exists() and lying(labeled.images) == before


@pytest.mark.parametrize("begun", [False, True])
def test_what_a_killed_sorting_left_half_written_is_in_nobodys_way(
    labeled: Project, tmp_path: Path, begun: bool
) -> None:
    """A kill while the undo file or the list is written; its name as ``write_file`` gives it."""
    target = tmp_path / "sorted"
    if begun:
        sort(labeled, target, "copy")
    target.mkdir(exist_ok=True)
    for name in (".undo.jsonl.17-4711.new", ".list.csv.17-4711.new"):
        (target / name).write_bytes(b'{"what"')
    assert sort(labeled, target, "copy")["files"] == 7 and lying(target) == SORTED | OURS
    (target / ".list.csv.18-4711.new").write_bytes(b"file")
    assert finish(sort_undo.take_back(target))["kept"] == 0 and not target.exists()
    target.mkdir()
    (target / ".mine.17-4711.new").write_bytes(b"")
    with pytest.raises(InputError, match=r"not empty.*\.mine"):
        sort(labeled, target, "copy")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no signal that nothing can hear")
def test_a_kill_at_any_change_of_an_undo_leaves_what_the_next_one_takes_back(tmp_path: Path) -> None:
    """The last of them finds nothing but the folder under another name; so does a new sorting."""
    project = flat_project(tmp_path, 1)
    finish(scan(project))
    target, killed, number = tmp_path / "sorted", True, 0
    while killed:
        number += 1
        sort(project, target)
        assert lying(target) == {"unsure/000.png", *OURS}
        if killed := killed_at(number, tmp_path, "take back", target, target):
            left = shutil.copytree(tmp_path, tmp_path.with_name("left"))
            assert finish(sort_undo.take_back(target))["kept"] == 0
            sort(project, left / "sorted")
            assert {each.name for each in left.iterdir()} == {"images", "project", "sorted"}
            shutil.rmtree(left)
        assert {each.name for each in tmp_path.iterdir()} == {"images", "project"}
    assert number > 6


def test_undo_leaves_what_is_not_ours_any_more(labeled: Project, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    sort(labeled, target)
    (target / "rose" / "000.png").write_bytes(b"drawn upon")
    (target / "rose" / "notes.txt").write_text("mine")
    (target / "list.csv").write_text("mine")
    (labeled.images / "001.png").unlink()  # its copy is the last one
    done, events = heard(sort_undo.take_back(target))
    assert done["removed"] == 5 and done["kept"] == 2 and sum(isinstance(each, Log) for each in events) == 2
    assert lying(target) == {"rose/000.png", "rose/001.png", "rose/notes.txt", *OURS}


@pytest.mark.parametrize("way", ["hardlink", "symlink"])
def test_undo_takes_no_file_for_a_link(labeled: Project, tmp_path: Path, way: str) -> None:
    target = tmp_path / "sorted"
    sort(labeled, target, way)
    place = target / "rose" / "000.png"
    place.unlink()
    place.write_bytes((labeled.images / "000.png").read_bytes())
    if way == "hardlink":
        (labeled.images / "001.png").unlink()  # its link is the last name of these bytes
    done = finish(sort_undo.take_back(target))
    assert done["kept"] == (2 if way == "hardlink" else 1) and place.is_file()


def test_a_list_alone(labeled: Project, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    sort(labeled, target, "list")
    assert lying(target) == OURS and len((target / "list.csv").read_text().splitlines()) == 8
    finish(sort_undo.take_back(target))
    assert not target.exists()


def test_folders_that_are_refused(labeled: Project, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    refused = {
        full: "not empty",
        full / "x": "no folder",
        tmp_path / "link": "no folder",
        labeled.images: "lies in the images' folder",
        labeled.images / "sorted": "lies in the images' folder",
        labeled.folder / "sorted": "lies in the project's folder",
        tmp_path: "not empty",
    }
    for target, words in refused.items():
        with pytest.raises(InputError, match=words):
            sort(labeled, target)
    assert lying(full) == {"x"} and not (tmp_path / "elsewhere").exists()
    sort(labeled, tmp_path / "sorted")
    operations.apply(labeled, "tab", [Op(5, "label", 5, 1)])
    with pytest.raises(InputError, match="other labels"):
        sort(labeled, tmp_path / "sorted")


def test_images_that_are_gone_or_changed_are_left_out_in_words(labeled: Project, tmp_path: Path) -> None:
    chosen = planned(labeled)
    (labeled.images / "001.png").unlink()
    paint(labeled.images / "002.png", 99)
    done = sort(labeled, tmp_path / "sorted", found=chosen)
    assert done["files"] == 5 and done["missed"] == 2
    assert [text.partition(":")[0] for text in done["first"]] == ["001.png", "002.png"]  # type: ignore[attr-defined]
    assert "changed since the scan" in done["first"][1]  # type: ignore[index]
    links = sort(labeled, tmp_path / "links", "hardlink", chosen)
    assert links["files"] == 5 and len((tmp_path / "links" / "list.csv").read_text().splitlines()) == 6


def test_a_file_in_the_way_stays(labeled: Project, tmp_path: Path) -> None:
    """Put there while the sorting was stopped; and an empty one, as a kill in the middle leaves it, is filled."""
    target = tmp_path / "sorted"
    step = sort_folders.sort(
        planned(labeled), labeled.images, labeled.folder, target, "copy", lambda path: labeled.images / path
    )
    next(step)
    step.close()
    assert lying(target) == {"undo.jsonl"}
    (target / "rose").mkdir()
    (target / "rose" / "000.png").write_bytes(b"mine")
    (target / "rose" / "001.png").touch()
    (target / "rose" / ".001.png.part").write_bytes(b"half")
    (target / "CON_").mkdir()
    (target / "CON_" / "002.png").touch()
    assert finish(sort_undo.take_back(target))["kept"] == 1  # what a kill has left is no file of anybody's
    assert lying(target) == {"rose/000.png", "undo.jsonl"}
    (target / "rose" / "001.png").touch()
    done = sort(labeled, target)
    assert done["made"] == 6 and (target / "rose" / "000.png").read_bytes() == b"mine"
    assert "lies there already" in done["first"][0]  # type: ignore[index]


def test_a_folder_that_became_a_link_is_not_written_through(labeled: Project, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "sorted", tmp_path / "elsewhere"
    sort(labeled, target)
    elsewhere.mkdir()
    os.rename(target / "rose", elsewhere / "rose")
    (target / "rose").symlink_to(elsewhere / "rose")
    with pytest.raises(StorageError, match="link lies where"):
        (elsewhere / "rose" / "000.png").unlink()
        sort(labeled, target)
    assert finish(sort_undo.take_back(target))["kept"] == 2
    assert lying(elsewhere) == {"rose/000-2.png", "rose/001.png"}


@pytest.mark.parametrize(
    "line",
    [
        '["../../x", "a", "b"]',
        '["/etc/passwd", "a", "b"]',
        '["rose/../../x", "a", "b"]',
        '["rose//x", "a", "b"]',
        '["x", "a", "b"]',
        '["c:/x", "a", "b"]',
        '["a\\\\b/x", "a", "b"]',
        "[1]",
        "nothing",
    ],
)
def test_an_undo_file_leads_nowhere_else(tmp_path: Path, line: str) -> None:
    (tmp_path / "x").write_text("mine")
    sort_undo.write(tmp_path, sort_undo.Made(str(tmp_path), "copy", ()))
    with open(tmp_path / "undo.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="no undo file"):
        finish(sort_undo.take_back(tmp_path))
    assert (tmp_path / "x").read_text() == "mine"


def test_a_full_disk_and_another_disk_in_words(labeled: Project, tmp_path: Path) -> None:
    """What is made stays, and the same sorting goes on once there is room."""
    large: Callable[[Plan], Plan] = lambda found: plan(  # noqa: E731
        [Said(**{**vars(each.said), "bytes": 10**9}) for each in found.places]
    )
    with small_disk(tmp_path / "small", "48k") as disk:
        with pytest.raises(DiskFull, match="are needed"):
            sort(labeled, disk / "sorted", found=large(planned(labeled)))
        assert not (disk / "sorted").exists()
        with pytest.raises(StorageError, match=r"another disk.*Choose copies"):
            sort(labeled, disk / "sorted", "hardlink")
        ballast = disk / "ballast"
        sorted_before: set[str] = set()
        for left in (24, 20, 16):
            ballast.write_bytes(b"x" * (48 - left) * 1024)
            try:
                sort(labeled, disk / "sorted")
            except DiskFull:
                sorted_before = lying(disk / "sorted")
                break
        assert "undo.jsonl" in sorted_before and not any(".part" in each for each in sorted_before)
        ballast.unlink()
        sort(labeled, disk / "sorted")
        assert lying(disk / "sorted") == SORTED | OURS
