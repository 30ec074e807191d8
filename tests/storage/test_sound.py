"""A copy of a project's folder that was made while the program wrote: pages of two moments."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.shell.server import Server
from fact_core.errors import ProjectError
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import db, sound
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.storage_help import flat_project


@pytest.fixture
def torn(tmp_path: Path) -> Project:
    """As of now, but the page with the index of labels by image is as it was before the last label."""
    project = flat_project(tmp_path, 3)
    cat, dog = classes.ensure_classes(project, ["cat", "dog"]).values()
    operations.apply(project, "tab", [Op(1, "label", 1, cat)])
    before = project.db.read_bytes()
    operations.apply(project, "tab", [Op(2, "label", 1, dog)])
    shutil.copytree(project.folder, tmp_path / "copy")
    copy = tmp_path / "copy" / projects.DATABASE
    with db.connect(copy) as con:
        size = int(con.execute("PRAGMA page_size").fetchone()[0])
        page = int(con.execute("SELECT rootpage FROM sqlite_master WHERE name = 'label_item'").fetchone()[0])
    with open(copy, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(before[(page - 1) * size : page * size])
    return projects.open_project(tmp_path / "copy")


def test_a_copy_of_two_moments_is_refused_in_words(torn: Project) -> None:
    assert labels_now.states(torn)[1].class_id == 1, "an older label, where nobody looks"
    with pytest.raises(ProjectError, match=r"database is damaged\. .*label_item.*copy the folder again"):
        sound.hold(torn)
    server = Server()
    with pytest.raises(ProjectError, match="damaged"):
        server.open(torn.folder)
    server.close()
    projects.lock(torn).release()  # nobody holds it
    projects.delete(torn.folder)


def test_a_whole_one_is_taken(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 2)
    with sound.hold(project), pytest.raises(ProjectError, match="Another process"):
        sound.hold(project)
