"""A backup of the project's file that is put back beside the log that a killed program left."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fact_core.errors import ProjectError
from fact_core.labeling import classes
from fact_core.storage import db, foreign_log, project
from fact_core.storage.project import Project
from tests.storage_help import flat_project, is_sound


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setattr(foreign_log, "LATER_SECONDS", 0.4)
    monkeypatch.setattr(foreign_log, "PATIENCE", 0.2)
    yield flat_project(tmp_path, images=3)


def names(made: Project) -> list[str]:
    return [each.name for each in classes.classes(made)]


def killed_while(made: Project, act: Callable[[], object]) -> None:
    """Another connection keeps the log open; what lies there at that moment is what a kill leaves."""
    with closing(sqlite3.connect(made.db)) as other:
        other.execute("SELECT count(*) FROM item").fetchone()
        act()
        left = made.folder.with_name("left")
        left.mkdir()
        for file in (made.db, foreign_log.log_of(made.db)):
            shutil.copyfile(file, left / file.name)
    for file in left.iterdir():
        shutil.copyfile(file, made.folder / file.name)


def put_back(backup: Path, made: Project) -> None:
    time.sleep(0.5)
    shutil.copyfile(backup, made.db)


def test_a_backup_that_is_put_back_beside_a_log_is_not_mixed_with_it(made: Project, tmp_path: Path) -> None:
    classes.add_class(made, "at the time of the backup")
    backup = tmp_path / "backup.sqlite"
    shutil.copyfile(made.db, backup)
    for number in range(400):  # so many that other pages than those of the log have changed, too
        classes.add_class(made, f"later {number}")
    killed_while(made, lambda: classes.add_class(made, "in the log alone"))
    put_back(backup, made)
    log = foreign_log.log_of(made.db).read_bytes()
    with pytest.raises(ProjectError, match=r"do not belong together.*move project\.sqlite-wal to another folder"):
        names(made)
    assert made.db.read_bytes() == backup.read_bytes()
    assert foreign_log.log_of(made.db).read_bytes() == log
    foreign_log.log_of(made.db).rename(tmp_path / "aside")
    assert names(made) == ["at the time of the backup"]
    assert is_sound(made)


def test_what_a_killed_program_left_is_taken_over(made: Project) -> None:
    killed_while(made, lambda: classes.add_class(made, "in the log alone"))
    assert names(made) == ["in the log alone"]


def test_a_folder_that_was_copied_with_its_log_is_taken_over(made: Project, tmp_path: Path) -> None:
    """Also by programs that copy the times: a copy of the log is as new as that of the file."""
    killed_while(made, lambda: classes.add_class(made, "in the log alone"))
    time.sleep(0.5)
    shutil.copytree(made.folder, tmp_path / "copy", copy_function=shutil.copy2)
    assert names(project.open_project(tmp_path / "copy")) == ["in the log alone"]


def test_a_log_whose_pages_are_in_the_file_is_no_foreign_one(made: Project) -> None:
    """Another program kept it, and wrote the file from it late."""
    with closing(sqlite3.connect(made.db)) as other:
        other.execute("SELECT count(*) FROM item").fetchone()
        classes.add_class(made, "late")
        time.sleep(0.5)
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert made.db.stat().st_ctime - foreign_log.log_of(made.db).stat().st_ctime > 0.4
        assert not foreign_log.is_foreign(made.db)
        assert names(made) == ["late"]


def test_a_log_that_ends_while_it_is_waited_for_is_no_trouble(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last program that has the file open writes it from the log at its end, however old that is."""
    looks = iter([True, True, False])
    monkeypatch.setattr(foreign_log, "is_foreign", lambda path: next(looks))
    monkeypatch.setattr(foreign_log, "PATIENCE", 60.0)
    foreign_log.check(made.db)
    assert next(looks, None) is None


def test_a_transaction_without_its_end_does_not_count(made: Project) -> None:
    """A log that was cut in the middle of its only transaction holds nothing that the file lacks."""
    killed_while(made, lambda: classes.add_class(made, "cut"))
    log = foreign_log.log_of(made.db)
    with open(log, "r+b") as file:
        file.truncate(foreign_log.HEADER + foreign_log.FRAME + 100)
    time.sleep(0.5)
    made.db.touch()
    assert not foreign_log.is_foreign(made.db)
    with db.connect(made.db):
        pass
    assert names(made) == []
