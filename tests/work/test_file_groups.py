"""Groups follow the files: what was moved into another folder belongs to what lies there now."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fact_core.config import ScanConfig
from fact_core.generators import finish
from fact_core.labeling import operations
from fact_core.labeling.history import Op
from fact_core.storage import groups, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work import grouping
from fact_core.work import scan as scan_run
from tests.storage_help import paint


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two patients, of three pictures each."""
    for number in range(6):
        paint(tmp_path / "images" / f"patient{number // 3}" / f"{number}.png", number)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    scanned(made)
    return made


def scanned(project: Project) -> None:
    run = run_queue.get(project, run_queue.queue(project, "scan", {}))
    finish(scan_run.run(project, run, ScanConfig()))


def by_path(project: Project, way: str) -> dict[str, str]:
    names = groups.names(project, way)
    return {item.path: names[item.id] for item in items.get_many(project, sorted(names))}


def test_a_scan_groups_anew_what_was_moved_while_the_program_was_off(project: Project) -> None:
    groups.choose(project, "folder")
    pool = items.pool(project)
    finish(grouping.group_numbers(project, pool, "", "cpu", ""))
    (project.images / "patient0" / "2.png").rename(project.images / "patient1" / "2.png")
    (project.images / "patient0" / "1.png").unlink()
    paint(project.images / "patient1" / "new.png", 9)
    scanned(project)
    found = by_path(project, "folder")
    assert found == {path: path.rpartition("/")[0] for path in items.pool(project).paths} and len(found) == 6
    assert groups.names(project, "folder")[2] == "patient0", "it may have been learned from"
    one, other = groups.among(project, pool.ids), groups.among(project, items.pool(project).ids)
    assert one is not None and other is not None and len(set(other.tolist())) == 2
    assert one[0] == one[1] != one[2] == one[3]


def test_what_looked_alike_is_asked_again_of_other_bytes(project: Project) -> None:
    groups.choose(project, "alike")
    groups.store(project, "alike", {int(item): "a" for item in items.pool(project).ids})
    operations.apply(project, "desk", [Op(1, "exclude", 6)])
    paint(project.images / "patient0" / "2.png", 77)
    scanned(project)
    assert sorted(groups.names(project, "alike")) == [1, 2, 4, 5, 6], "the next selection looks at the third again"


def test_a_burst_stays_one_when_its_first_photo_is_gone(tmp_path: Path) -> None:
    """It may have been learned from: the others are on its side of every measurement."""
    for number, second in enumerate((1, 3, 5, 40, 42)):
        told = Image.Exif()
        told[0x0132] = f"2024:05:01 10:00:{second:02d}"
        paint(tmp_path / "images" / f"{number}.jpg", number, exif=told)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    scanned(made)
    groups.choose(made, "burst")
    scanned(made)
    ids = items.pool(made).ids
    assert (before := groups.among(made, ids)) is not None and before.tolist() == [0, 0, 0, 1, 1]
    for gone in (0, 3):
        (made.images / f"{gone}.jpg").unlink()
    for _ in range(2):
        scanned(made)
        assert (after := groups.among(made, ids)) is not None and after.tolist() == [0, 0, 0, 1, 1]
