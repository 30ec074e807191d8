"""The project's file is taken away under the running server, or its disk is full: no label is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.shell.server import key_of
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.small_disk import fill_for_good, small_disk
from tests.storage_help import flat_project, is_sound

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import Serve, Watch, go
from tests.page.test_label_rounds_page import QUIET, press

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

BAR = "body .offline.lasting"
WAITS = "p.lb-notice:not([hidden])"
LEFT = ".lb-refused:not([hidden])"


def chosen_project(folder: Path) -> Project:
    project = flat_project(folder, images=30)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids, ("pick",) * 30, ids[:0], "random"), None)
    for name in ("a", "b"):
        classes.add_class(project, name)
    return project


def test_labels_wait_while_the_file_is_gone_or_anothers(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    project, other = chosen_project(tmp_path / "mine"), chosen_project(tmp_path / "other")
    served = serve()
    projects.remember(project)
    page.goto(f"{served.address}&p={key_of(project.folder)}")
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "label")
    given = [press(page, "1") for _ in range(3)]
    page.wait_for_function(QUIET)
    watch.calm = False  # refusals stand in the console

    away = tmp_path / "away.sqlite"
    os.rename(project.db, away)
    given += [press(page, "2") for _ in range(2)]  # those that are loaded ahead
    expect(page.locator(WAITS)).to_contain_text("The project's file is not there")
    expect(page.locator(WAITS)).to_contain_text("Labels that wait in this window: 2")
    expect(page.locator(BAR)).to_contain_text("The project's file is not there")
    assert not project.db.exists(), "an empty project was made in its place"

    os.rename(away, project.db)
    page.wait_for_function(QUIET)
    expect(page.locator(BAR)).to_have_count(0)

    os.rename(project.db, away)
    shutil.copy(other.db, project.db)
    given += [press(page, "1") for _ in range(2)]
    expect(page.locator(WAITS)).to_contain_text("This project is not what it was")
    expect(page.locator(BAR)).to_contain_text("Another project's file lies where this project's was")
    assert labels_now.history(projects.open_project(project.folder)) == []

    page.reload()  # what waits lies in the browser, and is not given to the other project
    expect(page.locator(LEFT)).to_contain_text("2 answers of an earlier window wait in this browser")
    assert labels_now.history(projects.open_project(project.folder)) == []

    os.replace(away, project.db)
    page.reload()
    page.wait_for_function("() => document.querySelector('.lb-sync')?.dataset.state === 'saved'")
    paths = dict(zip(items.pool(project).ids.tolist(), items.pool(project).paths, strict=True))
    expect(page.locator(".lb-count-of b")).to_have_text("7")
    history = labels_now.history(project)
    assert [paths[row.item or 0].rpartition("/")[2] for row in history] == given
    assert [row.class_id for row in history] == [1, 1, 1, 2, 2, 1, 1]
    assert is_sound(project)
    assert labels_now.history(other) == []


def test_labels_wait_while_the_disk_is_full(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    """Hostile input 11: disk full gives a message and loses nothing."""
    with small_disk(tmp_path / "disk", "6m") as disk:
        project = chosen_project(disk)
        served = serve()
        projects.remember(project)
        page.goto(f"{served.address}&p={key_of(project.folder)}")
        page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
        go(page, "label")
        given = [press(page, "1")]
        page.wait_for_function(QUIET)
        watch.calm = False  # refusals stand in the console
        ballast = fill_for_good(disk, project.folder)
        given += [press(page, "2") for _ in range(3)]
        expect(page.locator(BAR)).to_contain_text("The disk is full. What is stored is kept, and nothing is lost")
        expect(page.locator(WAITS)).to_contain_text("Labels that wait in this window: 3")
        assert len(labels_now.history(project)) == 1
        page.reload()  # the project is read from the full disk, and what waited is sent by the new window
        expect(page.locator(BAR)).to_contain_text("The disk is full")
        expect(page.locator(LEFT)).to_contain_text("3 answers of an earlier window wait in this browser")
        ballast.unlink()
        expect(page.locator(BAR)).to_have_count(0)
        page.wait_for_function("() => document.querySelector('.lb-count-of b').textContent === '4'")
        paths = dict(zip(items.pool(project).ids.tolist(), items.pool(project).paths, strict=True))
        history = labels_now.history(project)
        assert [paths[row.item or 0].rpartition("/")[2] for row in history] == given
        assert is_sound(project)
