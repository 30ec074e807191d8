from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError
from fact_core.events import Progress
from fact_core.generators import finish
from fact_core.images.folder import find_images
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, usable
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import ScanResult, scan
from tests.storage_help import flat_project, paint


def again(project: Project) -> ScanResult:
    return finish(scan(project, workers=2))


def named(project: Project) -> list[str]:
    return list(items.pool(project).paths)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    paint(tmp_path / "images" / "b" / "one.png", 1)
    paint(tmp_path / "images" / "a" / "two.jpg", 2, size=(20, 10))
    paint(tmp_path / "images" / "c.png", 1)  # the same bytes as b/one.png
    (tmp_path / "images" / "broken.png").write_bytes(b"")
    (tmp_path / "images" / "notes.txt").write_text("not counted")
    return projects.create(tmp_path / "project", tmp_path / "images")


def test_a_first_scan_finds_everything(project: Project) -> None:
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved) == (4, 0, 0, 0)
    assert (found.unreadable, found.duplicates, found.total) == (1, 1, 2)
    pool = items.pool(project)
    assert pool.paths == ("a/two.jpg", "b/one.png")  # ids follow the paths
    assert pool.ids.tolist() == [1, 2]
    assert pool.ids.dtype == np.int64
    assert pool.file(0) == project.images / "a" / "two.jpg"
    assert len(set(pool.digests)) == 2
    assert items.problems(project) == [("broken.png", "The file is empty")]
    assert items.duplicates(project) == {4: 2}
    assert usable.aliases(project) == {"broken.png": None, "c.png": 2}
    two = items.get(project, 1)
    assert two is not None
    assert (two.path, two.width, two.height) == ("a/two.jpg", 20, 10)
    assert items.get(project, 3) is None
    assert items.get(project, 99) is None
    assert [each.id for each in items.get_many(project, [4, 99, 1, 3])] == [4, 1]
    counts = items.counts(project)
    assert (counts.files, counts.pool, counts.duplicates, counts.unreadable, counts.missing) == (4, 2, 1, 1, 0)
    assert counts.sizes == ((8, 6, 2), (20, 10, 1))
    assert counts.bytes == sum((project.images / path).stat().st_size for path in ("a/two.jpg", "b/one.png", "c.png"))


def test_progress_goes_from_nothing_to_all(project: Project) -> None:
    events = list(scan(project))
    assert all(isinstance(event, Progress) for event in events)
    assert (events[0].done, events[0].total) == (0, 4)
    assert (events[-1].done, events[-1].total) == (4, 4)


def test_a_second_scan_reads_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    again(project)
    (project.images / "broken.png").unlink()
    again(project)
    monkeypatch.setattr("fact_core.work.scan._read", lambda *_: pytest.fail("a file was read"))
    found = again(project)
    assert (found.added, found.changed, found.removed, found.total) == (0, 0, 0, 2)


def test_added_changed_removed_and_back_again(project: Project) -> None:
    again(project)
    paint(project.images / "new.png", 9)
    paint(project.images / "a" / "two.jpg", 7, size=(30, 10))
    paint(project.images / "broken.png", 8)
    (project.images / "c.png").unlink()
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved) == (1, 2, 1, 0)
    assert (found.unreadable, found.duplicates, found.total) == (0, 0, 4)
    assert named(project) == ["a/two.jpg", "b/one.png", "broken.png", "new.png"]
    changed = items.get(project, 1)
    assert changed is not None
    assert changed.width == 30
    assert items.counts(project).missing == 1
    paint(project.images / "c.png", 1)
    assert again(project).duplicates == 1
    assert items.counts(project).missing == 0


def test_labels_of_a_missing_image_are_kept_and_come_back(project: Project) -> None:
    again(project)
    cat = classes.add_class(project, "cat")
    operations.apply(project, "tab", [Op(1, "label", 1, cat)])
    aside = project.images.parent / "aside.jpg"
    (project.images / "a" / "two.jpg").rename(aside)
    assert again(project).removed == 1
    assert labels_now.snapshot(project).ids.tolist() == []
    assert labels_now.states(project)[1].class_id == cat
    aside.rename(project.images / "a" / "two.jpg")
    again(project)
    assert labels_now.snapshot(project).ids.tolist() == [1]


def test_a_moved_file_keeps_its_id_and_label(project: Project) -> None:
    again(project)
    cat = classes.add_class(project, "cat")
    operations.apply(project, "tab", [Op(1, "label", 1, cat)])
    (project.images / "a").rename(project.images / "z")
    found = again(project)
    assert (found.added, found.removed, found.moved, found.total) == (0, 0, 1, 2)
    assert items.path_of(project, 1) == project.images / "z" / "two.jpg"
    assert labels_now.snapshot(project).ids.tolist() == [1]
    assert again(project) == ScanResult(0, 0, 0, 0, 1, 1, 2, pytest.approx(0, abs=20))  # type: ignore[arg-type]


def test_a_repeat_takes_the_place_of_an_image_that_is_gone(project: Project) -> None:
    again(project)
    cat = classes.add_class(project, "cat")
    operations.apply(project, "tab", [Op(1, "label", 2, cat)])
    (project.images / "b" / "one.png").unlink()
    found = again(project)
    assert (found.added, found.removed, found.moved, found.duplicates) == (0, 1, 0, 0)
    assert items.path_of(project, 2) == project.images / "c.png"
    assert labels_now.snapshot(project).ids.tolist() == [2]
    paint(project.images / "b" / "one.png", 1)
    again(project)
    assert items.duplicates(project) == {4: 2}


def test_what_is_ignored(tmp_path: Path) -> None:
    root = tmp_path / "images"
    kept = paint(root / "kept.png", 1)
    for name in (".hidden.png", ".ipynb_checkpoints/a.png", "__MACOSX/a.png", ".git/a.png", "Thumbs.db/a.png"):
        paint(root / name, 2)
    (root / "Thumbs.db" / "a.png").unlink()
    (root / "folder.png").mkdir()
    os.mkfifo(root / "pipe.png")
    project = projects.create(root / "project", root)  # a project among the images
    paint(project.folder / "cache" / "map.png", 3)
    projects.create(root / "other" / "deep", root)
    paint(root / "other" / "deep" / "x.png", 4)
    assert again(project).total == 1
    assert named(project) == [kept.name]


def test_pictures_that_are_not_supported_are_reported(tmp_path: Path) -> None:
    root = tmp_path / "images"
    paint(root / "ok.png")
    for name in ("a.heic", "b.SVG", "c.CR2", "d.psd"):
        (root / name).write_bytes(b"x")
    (root / "e.gif").write_bytes(b"<svg onload=alert(1)>")
    (root / "f.mp4").write_bytes(b"x")
    project = projects.create(tmp_path / "p", root)
    found = again(project)
    assert (found.total, found.unreadable) == (1, 5)
    assert [path for path, _ in items.problems(project)] == ["a.heic", "b.SVG", "c.CR2", "d.psd", "e.gif"]
    assert "HEIC" in items.problems(project)[0][1]
    found = again(project)
    assert (found.added, found.changed, found.unreadable) == (0, 0, 5)


def test_links_are_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "images", tmp_path / "outside"
    paint(root / "ok.png", 1)
    secret = paint(outside / "secret.png", 2)
    (root / "out.png").symlink_to(secret)
    (root / "passwd.png").symlink_to("/etc/passwd")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "nothing.png").symlink_to(root / "gone.png")
    (root / "self.png").symlink_to(root / "self.png")
    (root / "inside.png").symlink_to(root / "ok.png")
    project = projects.create(tmp_path / "p", root)
    again(project)
    assert named(project) == ["inside.png"]  # ok.png is its repeat
    found = [path for path, _ in items.problems(project)]
    assert found == ["folder", "loop", "nothing.png", "out.png", "passwd.png", "self.png"]


def test_a_link_made_after_the_scan_is_refused(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 2)
    assert items.path_of(project, 1) == project.images / "000.png"
    (project.images / "000.png").unlink()
    (project.images / "000.png").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="does not lie in the image folder"):
        items.path_of(project, 1)
    for bad in (0, -1, 99, 2**63 - 1):
        with pytest.raises(InputError, match="no such image"):
            items.path_of(project, bad)
    with pytest.raises(InputError, match="too large"):
        items.path_of(project, 2**70)
    assert items.get(project, 2**70) is None


def test_hostile_paths_in_the_database_are_refused(tmp_path: Path) -> None:
    from fact_core.storage import db

    project = flat_project(tmp_path, 1)
    for path in ("../secret.png", "/etc/passwd", "a/../../secret.png", "nul\0byte", "../images-other/x.png"):
        with db.connect(project.db) as con:
            con.execute("UPDATE item SET path = ?", (path,))
        with pytest.raises(InputError, match="does not lie in"):
            items.path_of(project, 1)


def test_odd_names_are_fine(tmp_path: Path) -> None:
    root = tmp_path / "images"
    names = ["<img src=x onerror=alert(1)>.png", "=1+1.png", "a\nb.png", "猫/🌷.png", "x" * 200 + ".png", "a;b'\".PNG"]
    for number, name in enumerate(names):
        paint(root / name, number)
    raw = os.fsencode(root) + b"/\xff\xfe.png"
    with open(raw, "wb") as file:
        file.write(b"x")
    project = projects.create(tmp_path / "p", root)
    assert again(project).total == len(names)
    assert sorted(named(project)) == sorted(names)
    assert items.problems(project) == [("\\xff\\xfe.png", "The file name is not valid text; rename it")]
    assert again(project).added == 0


def test_no_images_is_said_in_words_with_what_was_found(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    project = projects.create(tmp_path / "p", root)
    with pytest.raises(InputError, match=r"no images.*is empty"):
        again(project)
    for name in ("a.txt", "b.txt", "c.pdf", "d.heic"):
        (root / name).write_text("x")
    with pytest.raises(InputError, match=r"4 other files.*2 \.txt"):
        again(project)


def test_a_folder_that_vanished_loses_nothing(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 3)
    project.images.rename(tmp_path / "unplugged")
    with pytest.raises(InputError, match="no such image folder"):
        again(project)
    project.images.mkdir()
    with pytest.raises(InputError, match="is empty"):
        again(project)
    assert len(items.pool(project)) == 3


def test_a_stopped_scan_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fact_core.work.scan.BATCH", 4)
    for number in range(20):
        paint(tmp_path / "images" / f"{number:02d}.png", number)
    project = projects.create(tmp_path / "p", tmp_path / "images")
    step = scan(project, workers=2)
    next(step)
    next(step)
    step.close()
    assert items.counts(project).files == 4
    assert again(project).added == 20  # the first four have been told by nobody
    assert len(items.pool(project)) == 20


def test_an_image_that_ends_too_early_does_not_stop_the_scan(tmp_path: Path) -> None:
    whole = paint(tmp_path / "images" / "a.jpg", size=(200, 200)).read_bytes()
    (tmp_path / "images" / "b.jpg").write_bytes(whole[: len(whole) // 2])
    project = projects.create(tmp_path / "p", tmp_path / "images")
    assert again(project).total == 1
    assert items.problems(project) == [("b.jpg", "The file ends too early: it is cut off")]


def test_find_images_of_any_folder(project: Project) -> None:
    found = [str(file.relative_to(project.images)) for file in find_images(project.images)]
    assert found == ["a/two.jpg", "b/one.png", "broken.png", "c.png"]
    shutil.rmtree(project.images)
    with pytest.raises(InputError):
        again(project)
