from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fact_core.errors import ImageError, InputError
from fact_core.generators import finish
from fact_core.storage import items, thumbs
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.thumbs import Thumbs
from fact_core.types import Item
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint


@pytest.fixture
def project(tmp_path: Path) -> Project:
    paint(tmp_path / "images" / "wide.jpg", "red", size=(640, 320))
    project = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(project))
    return project


def first(project: Project) -> Item:
    found = items.get(project, 1)
    assert found is not None
    return found


def test_a_thumbnail_is_made_once(project: Project) -> None:
    cache, item = Thumbs(project), first(project)
    assert cache.get(item.digest) is None
    assert not project.cache.exists()
    made = cache.get_or_make(project, item)
    assert Image.open(io.BytesIO(made)).size == (160, 80)
    (project.images / "wide.jpg").unlink()
    assert cache.get_or_make(project, item) == made == cache.get(item.digest)


def test_many_are_stored_at_once(project: Project) -> None:
    cache = Thumbs(project)
    cache.put_many([])
    cache.put_many([(f"{i:x}", bytes([i])) for i in range(200)])
    cache.put_many([("0", b"new")])
    assert cache.get("0") == b"new"
    assert cache.get("c7") == b"\xc7"
    assert cache.missing(["0", "zz", "1"]) == ["zz"]


def test_the_cache_may_be_deleted_or_damaged_at_any_time(project: Project) -> None:
    cache, item = Thumbs(project), first(project)
    made = cache.get_or_make(project, item)
    assert [each.name for each in project.cache.iterdir()] == ["thumbnails.sqlite"]
    cache.file.unlink()
    assert cache.missing([item.digest]) == [item.digest]
    assert cache.get_or_make(project, item) == made
    cache.file.write_bytes(b"rubbish" * 1000)
    assert cache.get(item.digest) is None
    assert cache.get_or_make(project, item) == made
    assert cache.get(item.digest) == made


def test_a_page_of_thumbnails_is_made_at_once(project: Project) -> None:
    """The first to look at the pictures: all are made at the same moment, and so is the file that keeps them."""
    ended = subprocess.run([sys.executable, "-c", AT_ONCE, str(project.folder)], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended.stderr[-3000:]


#: In a process of its own, which a file that is made anew beneath it would end. It tells how many pictures were lost.
AT_ONCE = """
import faulthandler, sys, threading
from pathlib import Path
from fact_core.storage import project as projects
from fact_core.storage.thumbs import Thumbs

faulthandler.enable()
project, lost = projects.open_project(Path(sys.argv[1])), []
for _ in range(25):
    cache, ready = Thumbs(project), threading.Barrier(12)

    def ask(number):
        ready.wait()
        for name in (f"{number}-{each}" for each in range(3)):
            if cache.get(name) is None:
                cache.put_many([(name, name.encode())])
                lost.extend([name] if cache.get(name) != name.encode() else [])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for each in threads: each.start()
    for each in threads: each.join()
    assert [each.name for each in project.cache.iterdir()] == [cache.file.name], "nor was a backup made of it"
    cache.file.unlink()
print(len(lost))
"""


def test_the_cache_of_earlier_versions_is_deleted(project: Project) -> None:
    cache = Thumbs(project)
    cache.put_many([("a", b"1")])
    for name in ("thumbs.sqlite", "thumbs.sqlite-wal"):
        (project.cache / name).write_bytes(b"older")
    cache.drop_older()
    assert [each.name for each in project.cache.iterdir()] == ["thumbnails.sqlite"]


def test_where_nothing_can_be_stored_pictures_are_still_shown(project: Project) -> None:
    project.cache.write_text("a file where the folder should be")
    assert Thumbs(project).get_or_make(project, first(project))


def test_files_that_changed_since_the_scan(project: Project) -> None:
    cache, item = Thumbs(project), first(project)
    (project.images / "wide.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match="empty"):
        cache.get_or_make(project, item)
    (project.images / "wide.jpg").unlink()
    (project.images / "wide.jpg").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="does not lie"):
        cache.get_or_make(project, item)


def test_flat_project_is_small(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 1)
    assert Image.open(io.BytesIO(thumbs.make(items.path_of(project, 1)))).size == (8, 6)
