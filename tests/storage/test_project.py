from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fact_core.errors import FactError, ProjectBusy, ProjectError, SchemaTooNew, StorageError
from fact_core.folders import data_folder
from fact_core.storage import project as projects
from tests.storage_help import flat_project, is_sound, paint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    paint(tmp_path / "images" / "a.png")
    return tmp_path / "images"


def test_a_project_is_made_and_opened_again(tmp_path: Path, folder: Path) -> None:
    made = projects.create(tmp_path / "deep" / "p", folder, "My flowers")
    assert (made.name, made.images, made.folder) == (
        "My flowers",
        folder.resolve(),
        (tmp_path / "deep" / "p").resolve(),
    )
    assert projects.open_project(made.folder) == made
    assert projects.open_or_create(made.folder, folder) == made
    assert is_sound(made)
    assert sorted(each.name for each in made.folder.iterdir()) == ["project.sqlite"]
    assert made.db == made.folder / "project.sqlite"
    assert made.thumbs == made.folder / "cache" / "thumbnails.sqlite"
    assert made.features_folder("k") == made.folder / "cache" / "features" / "k"
    assert made.run_folder(3) == made.folder / "runs" / "3"


@pytest.mark.parametrize("rest", ["runs/1/labels.json", "project.sqlite-wal", "project.sqlite.backup-2"])
def test_nothing_is_made_among_the_rest_of_another_project(tmp_path: Path, folder: Path, rest: str) -> None:
    """Hostile input 11: its file was moved away after a crash. The log holds labels, the runs have their own."""
    left = tmp_path / "p" / rest
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of before")
    for make in (projects.create, projects.open_or_create):
        with pytest.raises(ProjectError, match="rest of another project"):
            make(tmp_path / "p", folder)
    assert left.read_bytes() == b"of before"
    assert not (tmp_path / "p" / "project.sqlite").exists()


def test_without_a_name_it_has_the_name_of_the_images(tmp_path: Path, folder: Path) -> None:
    assert projects.open_or_create(tmp_path / "p", folder).name == "images"


def test_bad_places_are_said_in_words(tmp_path: Path, folder: Path) -> None:
    cases: list[tuple[Path, Path, str]] = [
        (tmp_path / "p", tmp_path / "gone", "no such image folder"),
        (tmp_path / "p", folder / "a.png", "this is a file"),
        (tmp_path / "p", Path("nul\0byte"), "not a path"),
        (folder, folder, "is the image folder"),
        (folder / "a.png", folder, "is a file"),
        (folder / "a.png" / "p", folder, "error|permission"),
        (tmp_path, folder, "inside the project folder"),
        (tmp_path / "full", folder, "not empty"),
    ]
    (tmp_path / "full" / "of").mkdir(parents=True)
    for target, images, words in cases:
        with pytest.raises(FactError, match=f"(?i){words}"):
            projects.create(target, images)
        assert not (tmp_path / "p").exists()
    projects.create(tmp_path / "p", folder)
    with pytest.raises(ProjectError, match="already"):
        projects.create(tmp_path / "p", folder)


def test_opening_what_is_no_project(tmp_path: Path, folder: Path) -> None:
    for target, words in ((tmp_path / "gone", "no such folder"), (folder / "a.png", "file"), (folder, "no project")):
        with pytest.raises(ProjectError, match=words):
            projects.open_project(target)
    (folder / "project.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(ProjectError, match="damaged"):
        projects.open_project(folder)


def test_a_project_of_other_images_is_refused_and_names_both(tmp_path: Path, folder: Path) -> None:
    projects.create(tmp_path / "p", folder)
    paint(tmp_path / "others" / "a.png")
    with pytest.raises(ProjectError) as caught:
        projects.open_or_create(tmp_path / "p", tmp_path / "others")
    assert str(folder) in caught.value.found
    assert str(tmp_path / "others") in caught.value.found


def test_a_newer_project_is_refused(tmp_path: Path, folder: Path) -> None:
    from fact_core.storage import db

    project = projects.create(tmp_path / "p", folder)
    with db.connect(project.db) as con:
        con.execute("PRAGMA user_version = 999")
    with pytest.raises(SchemaTooNew, match="newer version"):
        projects.open_project(project.folder)


def test_a_creation_that_was_cut_short_can_be_repeated(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "project.sqlite.new").write_bytes(b"half")
    (tmp_path / "p" / "project.sqlite.new-journal").write_bytes(b"half")
    assert projects.open_or_create(tmp_path / "p", folder).images == folder.resolve()


def test_one_process_at_a_time(tmp_path: Path, folder: Path) -> None:
    project = projects.create(tmp_path / "p", folder)
    with projects.lock(project):
        with pytest.raises(ProjectBusy, match=f"process {os.getpid()}"):
            projects.lock(project)
    held = projects.lock(project)
    held.release()
    held.release()
    code = (
        "import sys; from pathlib import Path; from fact_core.storage import project as p\n"
        "lock = p.lock(p.open_project(Path(sys.argv[1])))\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(project.folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(ProjectBusy, match=f"process {child.pid}"):
        projects.lock(project)
    child.kill()  # a killed process holds nothing
    child.communicate()
    projects.lock(project).release()


def test_delete_takes_only_what_is_ours(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 2)
    (project.folder / "runs" / "1").mkdir(parents=True)
    (project.folder / "runs" / "1" / "log.txt").write_text("x")
    (project.folder / "mine.txt").write_text("keep me")
    projects.remember(project)
    with projects.lock(project), pytest.raises(ProjectBusy):
        projects.delete(project.folder)
    projects.delete(project.folder)
    assert [each.name for each in project.folder.iterdir()] == ["mine.txt"]
    assert len(list(project.images.iterdir())) == 2
    assert projects.recent() == []
    with pytest.raises(ProjectError, match="no project"):
        projects.delete(project.folder)
    with pytest.raises(ProjectError, match="no project"):
        projects.delete(tmp_path)


def test_delete_never_deletes_images_that_lie_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "p" / "cache").mkdir(parents=True)
    folder = tmp_path / "p" / "cache" / "photos"
    paint(folder / "a.png")
    with pytest.raises(ProjectError, match="inside the project"):
        projects.create(tmp_path / "p", folder)


def test_delete_does_not_follow_links(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 1)
    (project.folder / "runs").symlink_to(project.images)
    projects.delete(project.folder)
    assert len(list(project.images.iterdir())) == 1
    assert not project.folder.exists()


def test_recent_projects_newest_first_and_only_those_that_are_there(tmp_path: Path, folder: Path) -> None:
    first, second = (projects.create(tmp_path / name, folder, name) for name in ("one", "two"))
    for project in (first, second, first):
        projects.remember(project)
    assert [each.name for each in projects.recent()] == ["one", "two"]
    assert projects.recent()[0].images == str(folder.resolve())
    projects.delete(first.folder)
    assert [each.name for each in projects.recent()] == ["two"]
    for rubbish in ("", "[", "{}", '[{"folder": 1}]', json.dumps([1, 2])):
        (data_folder() / "recent.json").write_text(rubbish)
        assert projects.recent() == []
    projects.remember(second)
    odd = {"name": "odd", "images": "", "opened": 1.0, "folder": str(tmp_path / ("x" * 300))}  # an error, not "none"
    listed = json.loads((data_folder() / "recent.json").read_text())
    (data_folder() / "recent.json").write_text(json.dumps([odd, *listed]))
    assert [each.name for each in projects.remembered()] == ["odd", "two"]
    assert [each.name for each in projects.recent()] == ["two"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [("My Flowers!", "my-flowers"), ("../../etc", "etc"), ("...", "project"), ("CON", "con-project"), ("猫", "猫")],
)
def test_default_folders_lie_in_home_and_are_free(name: str, slug: str) -> None:
    found = projects.default_folder(name)
    assert found == data_folder() / slug
    (found / "something").mkdir(parents=True)
    assert projects.default_folder(name) == data_folder() / f"{slug}-2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_said_in_words(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="permission"):
        projects.create(tmp_path / "locked" / "p", folder)
