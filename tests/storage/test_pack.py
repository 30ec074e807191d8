"""A project in one file and back: nothing is lost on the way, and nothing of a hostile file is believed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fact_core import cli
from fact_core.errors import DiskFull, FactError, InputError, ProjectError
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, pack, run_queue
from fact_core.storage import project as projects
from fact_core.storage import unpack as unpacking
from fact_core.storage.project import Project
from fact_core.storage.unpack import look, unpack
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.kill_points import STEPS, killed_at
from tests.storage_help import flat_project, is_sound, paint


@pytest.fixture
def full(tmp_path: Path) -> Project:
    """Six images of which two are labeled and four chosen, a run with its files, and what need not go along."""
    made = flat_project(tmp_path)
    oak = classes.add_class(made, "oak")
    operations.apply(made, "tab", [Op(item, "label", item, oak) for item in (1, 2)])
    ids = np.arange(1, 5, dtype=np.int64)
    selections.save(made, Selection(ids, ("pick",) * 4, ids[:0], "random", {"budget": 4, "check": 0}), None)
    run = run_queue.queue(made, "scan", {})
    for name in ("model/model.safetensors", "log.txt", ".hidden", "half.new"):
        file = made.run_folder(run) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights" * 1000)
    (made.features_folder("net-1")).mkdir(parents=True)
    (made.features_folder("net-1") / "x.f32").write_bytes(bytes(24))
    (made.cache / "thumbnails.sqlite").write_bytes(b"not this")
    return made


def told(project: Project) -> object:
    """What a person would miss."""
    return (
        {item: (state.kind, state.class_id) for item, state in labels_now.states(project).items()},
        [entry.item for entry in selections.queue(project)],
        [(run.id, run.kind) for run in run_queue.list_runs(project)],
        items.pool(project).paths,
        items.pool(project).digests,
    )


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_project_comes_to_another_computer_with_its_images(full: Project, tmp_path: Path) -> None:
    os.utime(full.run_folder(1) / "log.txt", (0, 0))  # of 1970, which an archive cannot say
    before, file = told(full), tmp_path / "out" / "one.zip"
    about = finish(pack.pack(full, file, images=True))
    assert (about.name, about.images, about.files) == (full.name, True, 6 + 3) and look(file) == about
    assert left(file.parent) == ["one.zip"]
    shutil.rmtree(full.images)
    shutil.rmtree(full.folder)
    made = finish(unpack(file, tmp_path / "there" / "project"))
    assert told(made) == before and made.images == tmp_path / "there" / "project-images" and is_sound(made)
    assert made.id and made.id != full.id
    assert (made.run_folder(1) / "model/model.safetensors").read_bytes() == b"weights" * 1000
    assert (made.features_folder("net-1") / "x.f32").read_bytes() == bytes(24)
    assert not (made.run_folder(1) / "half.new").exists() and not made.thumbs.exists()
    finish(scan(made))  # the images are the same ones
    assert told(made) == before
    assert left(tmp_path / "there") == ["project", "project-images"]


def test_repeats_and_what_was_left_out_come_along(full: Project, tmp_path: Path) -> None:
    """Whoever takes back "left out" on the other computer has the image."""
    shutil.copy(full.images / "000.png", full.images / "again.png")
    operations.apply(full, "tab", [Op(9, "exclude", 6)])
    finish(scan(full))
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    made = finish(unpack(tmp_path / "one.zip", tmp_path / "there"))
    finish(scan(made))
    assert items.counts(made) == items.counts(full) and items.counts(made).missing == 0
    operations.apply(made, "tab", [Op(10, "clear", 6)])
    assert 6 in items.pool(made).ids


@pytest.mark.parametrize("gone", ["all", "one", "while it is packed"])
def test_images_that_are_not_there_are_never_left_out_in_silence(full: Project, tmp_path: Path, gone: str) -> None:
    away, step = tmp_path / "away", pack.pack(full, tmp_path / "one.zip", images=True)
    if gone == "all":  # the disk that they lie on is not connected
        full.images.rename(away)
    else:
        next(step) if gone == "while it is packed" else None
        (full.images / "005.png").rename(away)
    with pytest.raises(InputError, match="Not all images are where they were"):
        finish(step)
    assert not list(tmp_path.glob("*one.zip*"))
    away.rename(full.images if gone == "all" else full.images / "005.png")
    finish(pack.pack(full, tmp_path / "one.zip", images=True))


def test_without_images_they_are_where_they_were_or_where_the_person_says(full: Project, tmp_path: Path) -> None:
    before, file = told(full), tmp_path / "one.zip"
    assert not finish(pack.pack(full, file, images=False)).images
    assert told(finish(unpack(file, tmp_path / "a"))) == before
    moved = full.images.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="The images are not in this file") as error:
        finish(unpack(file, tmp_path / "b"))
    assert str(full.images) in str(error.value) and not (tmp_path / "b").exists()
    made = finish(unpack(file, tmp_path / "b", moved))
    finish(scan(made))
    assert told(made) == before and made.images == moved


def test_a_second_project_goes_its_own_way(full: Project, tmp_path: Path) -> None:
    before = told(full)
    made = finish(pack.duplicate(full, tmp_path / "second", " Other "))
    assert told(made) == before and made.name == "Other" and made.images == full.images and made.id != full.id
    operations.apply(made, "tab", [Op(9, "skip", 5)])
    assert told(full) == before and told(made) != before
    with pytest.raises(InputError):
        finish(pack.duplicate(full, tmp_path / "third", "a\nb"))
    with pytest.raises(ProjectError, match="not empty"):
        finish(pack.duplicate(full, full.images, "Third"))
    assert not (tmp_path / "third").exists()


def test_nothing_is_overwritten_and_a_stop_leaves_nothing(full: Project, tmp_path: Path) -> None:
    file = tmp_path / "one.zip"
    file.write_bytes(b"mine")
    with pytest.raises(ProjectError, match="a file of this name already"):
        finish(pack.pack(full, file, images=False))
    assert file.read_bytes() == b"mine"
    with pytest.raises(InputError, match=r"ends in \.zip"):
        finish(pack.pack(full, tmp_path / "two", images=False))
    before = left(tmp_path)
    for step in (pack.pack(full, tmp_path / "two.zip", images=True), pack.duplicate(full, tmp_path / "d", "D")):
        next(step)
        step.close()
        assert left(tmp_path) == before
    finish(pack.pack(full, tmp_path / "two.zip", images=True))
    before = left(tmp_path)
    halfway = unpack(tmp_path / "two.zip", tmp_path / "three")
    next(halfway)
    next(halfway)
    halfway.close()
    assert left(tmp_path) == before
    with pytest.raises(ProjectError, match="not empty"):
        finish(unpack(tmp_path / "two.zip", full.images))
    (tmp_path / "three-images").mkdir()
    with pytest.raises(ProjectError, match="folder for the images"):
        finish(unpack(tmp_path / "two.zip", tmp_path / "three"))


def test_a_name_that_cannot_be_one_gives_way_to_the_folders(full: Project, tmp_path: Path) -> None:
    """Refused at the end, it would leave the images behind, in whose place the next try could not put them."""
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    for name in ("\ud800", "a\nb", "", "n" * 5000):
        with zipfile.ZipFile(tmp_path / "one.zip") as one:
            about = json.loads(one.read("pack.json")) | {"name": name}
        hostile = changed(tmp_path / "one.zip", but("pack.json", json.dumps(about).encode()))
        made = finish(unpack(hostile, tmp_path / f"there-{len(name)}"))
        assert made.name == f"there-{len(name)}" and told(made) == told(full)


def test_images_do_not_stay_without_their_project(
    full: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    before = left(tmp_path)

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(FactError):
        patch.setattr(unpacking, "settle", refused)
        finish(unpack(tmp_path / "one.zip", tmp_path / "there"))
    assert left(tmp_path) == before
    finish(unpack(tmp_path / "one.zip", tmp_path / "there"))


#: Goes on until it is about to write the second file, and waits there to be killed.
HALFWAY = """
import sys
from pathlib import Path
from fact_core.storage import pack, project, unpack

what, folder, file, target = sys.argv[1:]
steps = {
    "pack": lambda: pack.pack(project.open_project(Path(folder)), Path(target + ".zip"), images=True),
    "duplicate": lambda: pack.duplicate(project.open_project(Path(folder)), Path(target), "Second"),
    "unpack": lambda: unpack.unpack(Path(file), Path(target)),
}
step = steps[what]()
next(step), next(step)
print("halfway", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("what", ["pack", "duplicate", "unpack"])
def test_what_a_killed_process_has_left_is_taken_away_by_the_next(full: Project, tmp_path: Path, what: str) -> None:
    """Hostile input 11. What another one writes at this moment stays, and so does what is the person's."""
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    (tmp_path / ".mine.new").write_bytes(b"mine")
    before = left(tmp_path)
    command = [sys.executable, "-c", HALFWAY, what, str(full.folder), str(tmp_path / "one.zip")]
    started = [
        subprocess.Popen([*command, str(tmp_path / name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("killed", "lives")
    ]
    for each in started:
        assert each.stdout is not None and each.stdout.readline() == b"halfway\n"
    started[0].kill()
    started[0].wait(30)
    assert any(".killed" in name for name in left(tmp_path))
    finish(pack.duplicate(full, tmp_path / "another", "Another"))
    assert not any(".killed" in name for name in left(tmp_path)) and any(".lives" in name for name in left(tmp_path))
    started[1].kill()
    started[1].wait(30)
    finish(unpack(tmp_path / "one.zip", tmp_path / "third"))
    assert left(tmp_path) == sorted([*before, "another", "third", "third-images"])
    for each in started:
        each.communicate()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no signal that nothing can hear")
@pytest.mark.parametrize("what", ["pack", "duplicate", "unpack"])
def test_a_kill_at_any_change_of_the_disk_leaves_nothing_half_and_the_next_goes_through(
    full: Project, tmp_path: Path, what: str
) -> None:
    """Hostile input 11. Between the last two renames the images have their place, and the project has not."""
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    source = tmp_path / "one.zip" if what == "unpack" else full.folder
    for number in range(1, 200):
        place = tmp_path / f"{what}-{number}"
        target = place / ("there.zip" if what == "pack" else "there")
        place.mkdir()
        killed = killed_at(number, place, what, source, target)
        if target.exists():
            assert look(target).images if what == "pack" else told(projects.open_project(target)) == told(full)
        else:
            finish(STEPS[what](str(source), str(target)))  # type: ignore[arg-type]
            others = [place / "there-images"] if what == "unpack" else []
            assert sorted(place.iterdir()) == sorted([target, *others]), number
        if not killed:
            break
        shutil.rmtree(place)
    assert number > 4


def test_images_that_are_nearly_those_of_the_packed_file_are_not_taken_for_them(full: Project, tmp_path: Path) -> None:
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    finish(unpack(tmp_path / "one.zip", tmp_path / "first"))
    images = tmp_path / "second-images"
    name = next(each.name for each in (tmp_path / "first-images").iterdir() if each.is_file())

    def longer() -> None:
        (images / name).write_bytes((images / name).read_bytes() + b"x")

    def other() -> None:
        content = bytearray((images / name).read_bytes())
        content[-1] ^= 1
        (images / name).write_bytes(content)

    def linked() -> None:
        (images / name).unlink()
        (images / name).symlink_to(tmp_path / "first-images" / name)

    for change in (longer, other, linked, (images / name).unlink, (images / "more.txt").touch):
        shutil.copytree(tmp_path / "first-images", images)
        change()
        before = left(tmp_path)
        with pytest.raises(ProjectError, match="folder for the images"):
            finish(unpack(tmp_path / "one.zip", tmp_path / "second"))
        assert left(tmp_path) == before
        shutil.rmtree(images)


def test_room_is_asked_for_before(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="is full"):
        pack.check_room(tmp_path, shutil.disk_usage(tmp_path).total, "packing the project")


def changed(file: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Path:
    """A copy of the packed file that ``change`` writes from the first one."""
    target = file.with_name("hostile.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        change(source, out)
    return target


def beside(name: str | zipfile.ZipInfo, content: bytes = b"x") -> Callable[[zipfile.ZipFile, zipfile.ZipFile], None]:
    def change(source: zipfile.ZipFile, out: zipfile.ZipFile) -> None:
        for each in source.namelist():
            out.writestr(each, source.read(each))
        out.writestr(name, content)

    return change


def link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("runs/1/link")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


def squeezed(source: zipfile.ZipFile, out: zipfile.ZipFile) -> None:
    for each in source.namelist():
        out.writestr(each, source.read(each), zipfile.ZIP_LZMA)


def but(name: str, content: bytes | None) -> Callable[[zipfile.ZipFile, zipfile.ZipFile], None]:
    def change(source: zipfile.ZipFile, out: zipfile.ZipFile) -> None:
        for each in source.namelist():
            if each != name:
                out.writestr(each, source.read(each))
        if content is not None:
            out.writestr(name, content)

    return change


ABOUT = {"form": 1, "name": "n", "folder": "/f", "images": True, "files": 1, "bytes": 1}
HOSTILE = {
    "leads out": beside("runs/../../../evil"),
    "absolute": beside("/etc/evil"),
    "beside": beside("evil.py"),
    "deeper than any path": beside("cache/maps/" + "d/" * 2000 + "x"),
    "a longer name than any": beside(f"cache/maps/{'d' * 300}"),
    "below a file": beside("runs/1/log.txt/x"),
    "two slashes": beside("images//etc/evil"),
    "a point": beside("images/./evil.png"),
    "link": beside(link()),
    "packed otherwise": squeezed,
    "server's lock": beside("project.lock"),
    "no database": but("project.sqlite", None),
    "database is none": but("project.sqlite", b"SELECT" * 1000),
    "database is empty": but("project.sqlite", b""),
    "says nothing": but("pack.json", None),
    "says nonsense": but("pack.json", b"[1]"),
    "says too much": but("pack.json", json.dumps(ABOUT | {"name": "n" * 200_000}).encode()),
    "without a run's model": but("runs/1/model/model.safetensors", None),
    "one file more": beside("images/more.png"),
    "newer": but("pack.json", json.dumps(ABOUT | {"form": 2}).encode()),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name", [*HOSTILE, "twice", "cut", "front cut", "flipped", "no archive", "none", "item leads out"]
)
def test_a_hostile_file_leaves_nothing(full: Project, tmp_path: Path, name: str) -> None:
    file = tmp_path / "one.zip"
    if name == "item leads out":
        with projects.db.connect(full.db) as con:
            con.execute("UPDATE item SET path = '../../secret.png' WHERE id = 3")
    finish(pack.pack(full, file, images=False))
    if name in HOSTILE:
        file = changed(file, HOSTILE[name])
    elif name == "twice":
        file = changed(file, beside("runs/1/log.txt"))
    elif name == "cut":
        os.truncate(file, file.stat().st_size - 30)
    elif name == "front cut":
        file.write_bytes(file.read_bytes()[3000:])
    elif name == "flipped":
        content = bytearray(file.read_bytes())
        at = content.index(b"weightsweights") + 40
        content[at] ^= 1
        file.write_bytes(content)
    elif name == "no archive":
        paint(file, 3, format="PNG")
    elif name == "none":
        file.unlink()
    before = left(tmp_path)
    with pytest.raises(FactError) as error:
        finish(unpack(file, tmp_path / "there"))
    assert error.value.what and left(tmp_path) == before, str(error.value)
    assert name == "none" or re.search("packed|database|project's file|version", error.value.what), error.value.what


HOSTILE_SQL = {
    "takes labels back": "CREATE TRIGGER t AFTER INSERT ON label BEGIN DELETE FROM label WHERE id = new.id; END",
    "swallows labels": "DROP TABLE acceptance; CREATE TABLE acceptance (id INTEGER PRIMARY KEY ON CONFLICT IGNORE)",
    "another view": "DROP VIEW labels_now; CREATE VIEW labels_now AS SELECT 'cat' AS class",
    "a view for a table": "DROP TABLE note; CREATE VIEW note AS SELECT 1 AS id, 1 AS item, 'x' AS text",
}


def refused(full: Project, tmp_path: Path, sql: str, words: str) -> str:
    """What is said of the pack of a database that has run this; nothing is left of unpacking it."""
    with closing(sqlite3.connect(full.db)) as con:
        con.executescript(f"PRAGMA foreign_keys = OFF; {sql}")
    finish(pack.pack(full, tmp_path / "one.zip", images=False))
    before = left(tmp_path)
    with pytest.raises(InputError, match=words) as error:
        finish(unpack(tmp_path / "one.zip", tmp_path / "there"))
    assert left(tmp_path) == before
    return str(error.value)


@pytest.mark.parametrize("sql", HOSTILE_SQL.values(), ids=HOSTILE_SQL)
def test_a_database_that_acts_by_itself_is_not_unpacked(full: Project, tmp_path: Path, sql: str) -> None:
    """What a person says in it later would be gone without a word."""
    assert "project.sqlite: " in refused(full, tmp_path, sql, "what no packed project holds")


@pytest.mark.parametrize("column", ["class", "item"])
def test_labels_of_what_is_not_there_are_not_unpacked(full: Project, tmp_path: Path, column: str) -> None:
    """They would stand in labels.csv as "cannot tell", or be gone."""
    sql = f"UPDATE label SET {column} = 99 WHERE id = 1"
    assert "a row of label" in refused(full, tmp_path, sql, "is damaged")


def test_what_another_program_has_added_to_a_database_comes_along(full: Project, tmp_path: Path) -> None:
    with closing(sqlite3.connect(full.db)) as con:
        con.executescript("CREATE TABLE mine (a); CREATE VIEW my_view AS SELECT a FROM mine")
    finish(pack.pack(full, tmp_path / "one.zip", images=False))
    assert told(finish(unpack(tmp_path / "one.zip", tmp_path / "there"))) == told(full)


def test_damage_at_any_place_is_said_and_leaves_nothing(full: Project, tmp_path: Path) -> None:
    """Bytes changed in names, sizes, directory and compressed data: an error in words, or the same project."""
    whole = tmp_path / "whole.zip"
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    with zipfile.ZipFile(tmp_path / "one.zip") as one, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        for name in one.namelist():
            out.writestr(name, one.read(name))
    content, chance, words = whole.read_bytes(), random.Random(20), set[str]()
    for number in range(80):
        hostile = bytearray(content)
        for _ in range(chance.choice((1, 2, 20))):
            hostile[chance.randrange(max(0, len(content) - chance.choice((600, 10**9))), len(content))] = (
                chance.randrange(256)
            )
        file = tmp_path / "hostile.zip"
        file.write_bytes(hostile)
        before = left(tmp_path)
        try:
            made = finish(unpack(file, tmp_path / f"there-{number}"))
        except FactError as error:
            words.add(error.what)
            assert left(tmp_path) == before
        else:
            assert told(made) == told(full)
    assert {"The packed file is damaged", "This is no packed project"} <= words


def test_the_command_line_packs_and_unpacks(
    full: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.zip"
    assert cli.main(["pack", str(full.folder), str(file), "--images"]) == 0
    assert cli.main(["unpack", str(file), "--to", str(tmp_path / "there")]) == 0
    assert f"Its images: {tmp_path / 'there-images'}" in capsys.readouterr().out
    assert told(projects.open_project(tmp_path / "there")) == told(full)
    monkeypatch.chdir(tmp_path)  # a relative path begins where one is
    assert cli.main(["pack", full.folder.relative_to(tmp_path).as_posix(), "two.zip"]) == 0
    assert (tmp_path / "two.zip").is_file()
    assert cli.main(["unpack", str(file), "--to", str(tmp_path / "there")]) == 2
    assert "not empty" in capsys.readouterr().err


def swapped(one: str, other: str) -> Callable[[zipfile.ZipFile, zipfile.ZipFile], None]:
    """As a program that repairs or mends an archive may do it: all is there, and whole, two have each other's name."""

    def change(source: zipfile.ZipFile, out: zipfile.ZipFile) -> None:
        for each in source.namelist():
            out.writestr(each, source.read({one: other, other: one}.get(each, each)))

    return change


def test_files_that_were_swapped_in_a_packed_file_are_not_unpacked(full: Project, tmp_path: Path) -> None:
    """Each would have the other's label. What an earlier version has packed says nothing of it, and is unpacked."""
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    file = changed(tmp_path / "one.zip", swapped("images/001.png", "images/003.png"))
    with pytest.raises(InputError, match="The packed file is damaged"):
        finish(unpack(file, tmp_path / "new"))
    assert not (tmp_path / "new").exists() and not (tmp_path / "new-images").exists()
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read(pack.ABOUT))
        assert archive.read("images/001.png") == (full.images / "003.png").read_bytes()
    del about["digest"]
    older = changed(tmp_path / "one.zip", but(pack.ABOUT, json.dumps(about).encode()))
    assert told(finish(unpack(older, tmp_path / "older"))) == told(full)


def test_pictures_that_lie_there_already_are_held_against_what_was_packed(full: Project, tmp_path: Path) -> None:
    finish(pack.pack(full, tmp_path / "one.zip", images=True))
    shutil.copytree(full.images, tmp_path / "new-images")
    assert told(finish(unpack(tmp_path / "one.zip", tmp_path / "new"))) == told(full)
    file = changed(tmp_path / "one.zip", swapped("images/001.png", "images/003.png"))
    shutil.rmtree(tmp_path / "new")
    for name, other in (("001.png", "003.png"), ("003.png", "001.png")):
        shutil.copy(full.images / other, tmp_path / "new-images" / name)
    with pytest.raises(InputError, match="The packed file is damaged"):
        finish(unpack(file, tmp_path / "new"))
