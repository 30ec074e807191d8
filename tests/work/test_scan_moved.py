"""Files that are renamed onto each other's names, or overwritten: a label stays with the bytes it was given for."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fact_core.config import ExportConfig, SortConfig
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work import export, sort
from fact_core.work.pool_features import needs_pool
from fact_core.work.scan import ScanResult, scan
from tests.storage_help import paint


def again(project: Project) -> ScanResult:
    return finish(scan(project, workers=2))


def labeled(folder: Path, number: int) -> Project:
    """A project of images 0.png, 1.png, ...; each has the class of its first name."""
    for each in range(number):
        paint(folder / "images" / f"{each}.png", each)
    project = projects.create(folder / "project", folder / "images")
    again(project)
    pool = items.pool(project)
    ids = [classes.add_class(project, f"class {path}") for path in pool.paths]
    ops = [Op(n + 1, "label", int(item), ids[n]) for n, item in enumerate(pool.ids)]
    operations.apply(project, "tab", ops)
    return project


def answers(project: Project) -> dict[str, str]:
    """Digest of the file that lies there -> the class it has."""
    names = {each.id: each.name for each in classes.classes(project)}
    pool, states = items.pool(project), labels_now.states(project)
    found = {}
    for item, path in zip(pool.ids.tolist(), pool.paths, strict=True):
        if item in states and states[item].class_id is not None:
            found[digest_of((project.images / path).read_bytes())] = names[states[item].class_id or 0]
    return found


def test_images_that_are_numbered_anew_keep_their_labels(tmp_path: Path) -> None:
    project = labeled(tmp_path, 6)
    before = answers(project)
    gone = digest_of((project.images / "0.png").read_bytes())
    (project.images / "0.png").unlink()
    for number in range(1, 6):
        (project.images / f"{number}.png").rename(project.images / f"{number - 1}.png")
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved, found.total) == (0, 0, 1, 5, 5)
    assert found.notes == ()
    assert answers(project) == {digest: name for digest, name in before.items() if digest != gone}
    shutil.copy(project.images / "0.png", tmp_path / "aside.png")
    paint(project.images / "again.png", 0)
    again(project)
    assert answers(project) == before


def test_two_that_swapped_their_names_keep_their_labels(tmp_path: Path) -> None:
    project = labeled(tmp_path, 3)
    before = answers(project)
    for old, new in (("0", "aside"), ("1", "0"), ("aside", "1")):
        (project.images / f"{old}.png").rename(project.images / f"{new}.png")
    assert again(project).moved == 2
    assert answers(project) == before


@pytest.mark.parametrize("known", [True, False])
def test_a_swap_of_files_of_one_size_and_time_is_seen(tmp_path: Path, known: bool) -> None:
    """As bitmaps out of an archive are. not known: an earlier version of the program had scanned them."""
    for number in range(3):
        os.utime(paint(tmp_path / "images" / f"{number}.bmp", number), (1e9, 1e9))
    project = labeled(tmp_path, 0)
    before = answers(project)
    if not known:
        with db.connect(project.db) as con:
            con.execute("UPDATE item SET ctime_ns = 0")
        assert again(project).changed == 0
    for old, new in (("0", "aside"), ("1", "0"), ("aside", "1")):
        (project.images / f"{old}.bmp").rename(project.images / f"{new}.bmp")
    assert again(project).moved == 2
    assert len(before) == 3
    assert answers(project) == before


def test_one_that_is_overwritten_by_another_does_not_take_its_label_away(tmp_path: Path) -> None:
    project = labeled(tmp_path, 3)
    before = answers(project)
    lost = digest_of((project.images / "0.png").read_bytes())
    shutil.copy(project.images / "1.png", project.images / "0.png")
    found = again(project)
    assert (found.duplicates, found.total) == (1, 2)
    assert answers(project) == {digest: name for digest, name in before.items() if digest != lost}


def test_an_edited_image_keeps_its_label_and_that_is_told(tmp_path: Path) -> None:
    project = labeled(tmp_path, 2)
    paint(project.images / "1.png", 77)
    found = again(project)
    assert (found.changed, found.moved) == (1, 0)
    assert found.notes == (
        "1 file has changed since labels were given for them, which were kept. Check that they still hold: 1.png",
    )
    assert len(answers(project)) == 2
    assert again(project).notes == ()


def test_a_scan_that_was_cut_short_is_made_again_before_anything_else(tmp_path: Path) -> None:
    project = labeled(tmp_path, 3)
    before = answers(project)
    for old, new in (("0", "aside"), ("1", "0"), ("aside", "1")):
        (project.images / f"{old}.png").rename(project.images / f"{new}.png")
    step, settle = scan(project), items.settle
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            finish(step)
    assert items.settle is settle
    assert needs_pool(project) == [("scan", {})]
    again(project)
    assert needs_pool(project) == []
    assert answers(project) == before


def test_no_list_goes_out_while_a_scan_is_unsettled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then a.png has the label that was given for the bytes that were moved away from there."""
    project = labeled(tmp_path, 4)
    run = run_queue.queue(project, "train", {})
    run_queue.finish(project, run, "done", result={"classes": ["a"]})
    wanted = ExportConfig(run=run, folder=str(tmp_path / "out"), items=("labels",))
    sorted_too, back = SortConfig(folder=str(tmp_path / "out")), SortConfig(folder=str(tmp_path / "out"), undo=True)
    (project.images / "2.png").replace(project.images / "1.png")
    this = run_queue.get(project, run)
    with monkeypatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(project)
    assert export.needs(project, this, wanted) == sort.needs(project, this, sorted_too) == [("scan", {})]
    assert sort.needs(project, this, back) == []
    again(project)
    assert export.needs(project, this, wanted) == sort.needs(project, this, sorted_too) == []


def test_a_killed_scan_is_told_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = labeled(tmp_path, 4)
    kept = (project.images / "3.png").read_bytes()
    (project.images / "3.png").unlink()
    again(project)
    (project.images / "3.png").write_bytes(kept)
    paint(project.images / "1.png", 77)
    paint(project.images / "new.png", 78)
    with monkeypatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(project)
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved) == (2, 1, 0, 0)
    assert [note.endswith(": 1.png") for note in found.notes] == [True]
    found = again(project)
    assert (found.added, found.changed, found.notes) == (0, 0, ())


def test_the_first_scan_of_all_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        paint(tmp_path / "images" / f"{number}.png", number)
    project = projects.create(tmp_path / "project", tmp_path / "images")
    with monkeypatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(project)
    assert again(project).added == 3


def test_a_file_is_overwritten_with_a_copy_and_put_back_time_and_again(tmp_path: Path) -> None:
    """The name that a replaced row is put aside under may have gone to another row."""
    project = labeled(tmp_path, 3)
    before = answers(project)
    own, other = ((project.images / name).read_bytes() for name in ("0.png", "1.png"))
    for content in (other, own) * 4:
        (project.images / "0.png").write_bytes(content)
        again(project)
    assert answers(project) == before
    with db.connect(project.db) as con:
        paths = [row["path"] for row in con.execute("SELECT path FROM item")]
    assert max(path.count("was here until") for path in paths) == 1


def test_time_and_camera_of_a_photo_go_with_its_bytes(tmp_path: Path) -> None:
    for number, name in enumerate(("a.jpg", "b.jpg")):
        exif = Image.Exif()
        exif[0x0110], exif[0x0132] = f"camera {name}", f"2024:0{number + 1}:01 10:00:00"
        paint(tmp_path / "images" / name, 90 * number, exif=exif)
    project = labeled(tmp_path, 0)

    def facts() -> list[tuple[object, ...]]:
        with db.connect(project.db) as con:
            return [tuple(row) for row in con.execute("SELECT id, digest, taken, camera FROM item ORDER BY id")]

    before = facts()
    assert len({row[2] for row in before}) == len({row[3] for row in before}) == 2
    for old, new in (("a", "aside"), ("b", "a"), ("aside", "b")):
        (project.images / f"{old}.jpg").rename(project.images / f"{new}.jpg")
    assert again(project).moved == 2
    assert facts() == before


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_renamed_a_label_never_goes_to_other_bytes(tmp_path: Path, seed: int) -> None:
    """Hostile input 11: files are renamed, deleted, copied and put back between scans; others come anew."""
    chance = random.Random(seed)
    project = labeled(tmp_path, 6)
    right, store = answers(project), {}
    for file in project.images.iterdir():
        store[digest_of(file.read_bytes())] = file.read_bytes()
    for step in range(5):
        taken = {file.name for file in project.images.iterdir()}
        for file in list(project.images.iterdir()):
            file.unlink()
        names = chance.sample([f"{each}.png" for each in range(9)], chance.randint(2, 8))
        for name in names:
            if name not in taken and chance.random() < 0.4:
                new = paint(project.images / name, 100 + 9 * step + int(name[0])).read_bytes()
                store[digest_of(new)] = new
                continue
            (project.images / name).write_bytes(chance.choice(list(store.values())))
        assert again(project).removed >= 0
        here = {digest_of(file.read_bytes()) for file in project.images.iterdir()}
        assert answers(project) == {digest: name for digest, name in right.items() if digest in here}
    with db.connect(project.db) as con:
        assert con.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert con.execute("SELECT count(*) FROM item WHERE was != ''").fetchone()[0] == 0


def test_another_picture_under_the_name_of_one_that_was_gone_has_no_label(tmp_path: Path) -> None:
    """A camera that counts anew. The label waits for the bytes that it was given for, wherever they come back."""
    project = labeled(tmp_path, 3)
    before = answers(project)
    kept = (project.images / "0.png").read_bytes()
    rest = {digest: name for digest, name in before.items() if digest != digest_of(kept)}
    (project.images / "0.png").unlink()
    assert again(project).removed == 1
    paint(project.images / "0.png", 77)
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved, found.total) == (1, 0, 0, 0, 3)
    assert found.notes == (
        "1 file lies under the name of a labeled image that is gone, with other bytes. That is another image, without "
        "a label. The label stays with the one that is gone, and comes back with it: 0.png",
    )
    assert answers(project) == rest
    assert again(project).notes == ()
    (project.images / "elsewhere.png").write_bytes(kept)
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved, found.total) == (0, 0, 0, 1, 4)
    assert answers(project) == before


@pytest.mark.parametrize("between", ["broken", "killed", "both"])
def test_nor_where_it_comes_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    """broken: a scan sees it half copied; killed: a scan that sees it does not come to its end."""
    project = labeled(tmp_path, 3)
    before = answers(project)
    kept = (project.images / "0.png").read_bytes()
    rest = {digest: name for digest, name in before.items() if digest != digest_of(kept)}
    (project.images / "0.png").unlink()
    again(project)
    new = paint(project.images / "0.png", 77).read_bytes()
    notes: list[str] = []
    if between in ("broken", "both"):
        (project.images / "0.png").write_bytes(new[: len(new) // 2])
        notes += again(project).notes
        (project.images / "0.png").write_bytes(new)
    if between in ("killed", "both"):
        with monkeypatch.context() as patch:
            patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                again(project)
    notes += again(project).notes
    assert [note.endswith(": 0.png") for note in notes] == [True]
    assert answers(project) == rest
    (project.images / "0.png").write_bytes(kept)
    again(project)
    assert answers(project) == before


def test_an_image_that_comes_back_under_another_name_makes_up_for_none_that_goes(tmp_path: Path) -> None:
    project = labeled(tmp_path, 4)
    before = answers(project)
    (project.images / "0.png").rename(tmp_path / "0.png")
    assert again(project).removed == 1
    (project.images / "1.png").rename(project.images / "next.png")
    (project.images / "2.png").rename(tmp_path / "2.png")
    (tmp_path / "0.png").rename(project.images / "1.png")
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved, found.total) == (0, 0, 1, 2, 3)
    (tmp_path / "2.png").rename(project.images / "last.png")
    found = again(project)
    assert (found.added, found.changed, found.removed, found.moved, found.total) == (0, 0, 0, 1, 4)
    assert answers(project) == before
