"""A project on a disk that may only be read: what is stored is read, all of it, and nothing is written.

Hostile input 11: a read-only folder gives a message and loses nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.shell.server import Server
from fact_core import cli
from fact_core.errors import FactError, ProjectBusy, ProjectError, StorageError
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import db, items, read_only
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.unpack import unpack
from tests.small_disk import small_disk
from tests.storage_help import two_labeled

KILLED = (
    "import os, sys; from pathlib import Path\n"
    "from fact_core.labeling import operations; from fact_core.labeling.history import Op\n"
    "from fact_core.storage import db, project as projects\n"
    "project = projects.open_project(Path(sys.argv[1]))\n"
    "with db.connect(project.db):\n"  # so that the log is not put into the file
    "    operations.apply(project, 'tab', [Op(3, 'label', 3, 1)])\n"
    "    os.kill(os.getpid(), 9)\n"
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "8m") as folder:
        yield folder


@pytest.fixture
def project(disk: Path) -> Project:
    return two_labeled(disk)


def only_read(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def test_a_project_that_may_only_be_read_is_read_and_refuses_labels_in_words(project: Project, disk: Path) -> None:
    only_read(disk)
    opened = projects.open_project(project.folder)
    assert opened == project and set(labels_now.states(opened)) == {1, 2}
    assert items.pool(opened).ids.tolist() == [1, 2, 3, 4] and projects.version(opened)
    with db.shared(opened.db):
        assert [row.count for row in classes.classes(opened)] == [2]
    with pytest.raises(StorageError, match=r"cannot be opened for writing\. .*may be written"):
        operations.apply(opened, "tab", [Op(3, "label", 3, 1)])


def test_who_opens_it_in_the_page_is_told_what_to_do_and_the_command_line_packs_it(
    project: Project, disk: Path, tmp_path: Path
) -> None:
    only_read(disk)
    server = Server()
    with pytest.raises(ProjectError, match=r"may only be read\..*Copy its folder to where you may write"):
        server.open(project.folder)
    server.close()
    shutil.copytree(project.folder, tmp_path / "copy")
    server.open(tmp_path / "copy")
    server.close()
    assert cli.main(["pack", str(project.folder), str(tmp_path / "one.zip")]) == 0
    made = finish(unpack(tmp_path / "one.zip", tmp_path / "third"))
    assert set(labels_now.states(made)) == {1, 2}


@pytest.mark.parametrize("index", [True, False])
def test_labels_that_stand_in_the_log_alone_are_read(project: Project, disk: Path, index: bool) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(project.folder)], timeout=60)
    log, shared = (project.db.with_name(project.db.name + end) for end in ("-wal", "-shm"))
    assert log.stat().st_size > 0
    if not index:
        shared.unlink()
    only_read(disk)
    assert set(labels_now.states(project)) == {1, 2, 3}


def test_what_is_written_by_another_computer_meanwhile_is_noticed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = read_only.opened(project.db)
    monkeypatch.setattr(db, "_opened", lambda path, create: connection)
    with pytest.raises(ProjectBusy, match="Somebody else writes"), db.connect(project.db) as con:
        assert con.execute("SELECT count(*) FROM label").fetchone()[0] == 2
        beside = project.db.with_name("copy")
        shutil.copy(project.db, beside)
        os.replace(beside, project.db)


def test_a_damaged_file_that_may_only_be_read_is_told_as_such(project: Project, disk: Path) -> None:
    project.db.write_bytes(b"no database at all" * 1000)
    only_read(disk)
    with pytest.raises(FactError, match="damaged or not a database"):
        labels_now.states(project)
