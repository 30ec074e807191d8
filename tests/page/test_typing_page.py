"""What the person types stands, whatever the server says of the same field meanwhile: answers are held back here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.shell.server import key_of
from fact_core.generators import finish
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import AddressOf, Serve, Watch, go, labeled_project, open_fold, with_speed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@contextmanager
def held(page: Page, address: str | re.Pattern[str]) -> Iterator[Callable[[], None]]:
    """Answers from an address are kept back until they are let go by what is given."""
    waiting: list[Route] | None = []

    def take(route: Route) -> None:
        if waiting is None:
            route.continue_()
        else:
            waiting.append(route)

    def let_go() -> None:
        nonlocal waiting
        kept, waiting = waiting or [], None
        for each in kept:
            each.continue_()

    page.route(address, take)
    yield let_go
    let_go()
    page.unroute(address)


def write_at(page: Page, field: str, place: int, text: str) -> None:
    """Type into a field behind so many of its letters."""
    page.locator(field).evaluate("(node, at) => { node.focus(); node.setSelectionRange(at, at); }", place)
    page.keyboard.type(text)


@pytest.fixture
def project(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    """Scanned, labeled and trained."""
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    train(made, label(made))
    return made


def test_a_new_project(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    """The form is made anew by an answer, and while a folder is looked for."""
    watch.calm = False  # there is no such folder
    (tmp_path / "disk" / "photos").mkdir(parents=True)
    page.goto(serve("--browse", str(tmp_path / "disk")).address)
    page.locator("#p-images").fill("/home/photos")
    page.locator("#p-new summary").click()
    with held(page, "**/x/projects/new") as let_go:
        page.locator("#p-place").press("Enter")
        write_at(page, "#p-images", 5, "/my")
        let_go()
        expect(page.locator("#p-new [role=alert]")).to_contain_text("There is no such image folder")
        expect(page.locator("#p-more")).to_have_attribute("open", "")
        page.keyboard.type("/own")
        expect(page.locator("#p-images")).to_have_value("/home/my/own/photos")
    with held(page, "**/x/projects/new") as let_go:
        page.get_by_role("button", name="Create and scan").click()
        page.locator("#p-images").fill(str(tmp_path / "disk"))
        page.locator("#p-new").get_by_role("button", name="Browse").click()
        page.locator("dialog[open]").get_by_role("button", name="photos").click()
        expect(page.locator("dialog[open] .p-here b")).to_have_text(str(tmp_path / "disk" / "photos"))
        old = page.locator("#p-images").element_handle()
        let_go()
        page.wait_for_function("(node) => !node.isConnected", arg=old)
        page.locator("dialog[open]").get_by_role("button", name="Use this folder").click()
        expect(page.locator("#p-images")).to_have_value(str(tmp_path / "disk" / "photos"))


def test_the_folder_of_a_project(address_of: AddressOf, page: Page, project: Project) -> None:
    page.goto(address_of(project))
    expect(page.locator("#p-images")).to_have_value(str(project.images))
    page.locator("#p-images").fill("/other/photos")
    page.locator("#page-project h1").click()  # the field is left
    body = json.dumps({"key": key_of(project.folder), "name": "Another name"})
    asked = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": body}
    assert page.evaluate("(asked) => fetch('/x/projects/rename', asked).then((answer) => answer.ok)", asked)
    expect(page.locator("#page-project h1")).to_have_text("Another name")
    expect(page.locator("#p-images")).to_have_value("/other/photos")
    expect(page.get_by_role("button", name="Create and scan")).to_be_visible()


def test_how_pictures_are_seen_is_chosen_one_at_a_time(address_of: AddressOf, page: Page, project: Project) -> None:
    page.goto(address_of(project))
    choice = page.locator("#p-view")
    first = choice.input_value()
    other = next(
        each for each in choice.locator("option").evaluate_all("all => all.map((o) => o.value)") if each != first
    )
    with held(page, re.compile("/view$")) as let_go:
        choice.select_option(other)
        expect(choice).to_be_disabled()
        let_go()
        expect(choice).to_be_enabled()
    expect(choice).to_have_value(other)
    expect(choice).to_be_focused()


def test_the_folder_of_an_export(address_of: AddressOf, page: Page, project: Project) -> None:
    train(project, label(project))  # two runs are compared, and the answer is awaited
    with held(page, re.compile("/compare$")) as let_go:
        page.goto(address_of(project))
        go(page, "results")
        page.locator("#export-into").fill("/tmp/model")
        write_at(page, "#export-into", 4, "/a")
        let_go()
        expect(page.locator("#export-run")).to_be_visible()
        page.keyboard.type("bc")
        expect(page.locator("#export-into")).to_have_value("/tmp/abc/model")
        page.locator("#results-trust summary, #results-decisions summary").first.click()
        page.evaluate("() => document.querySelector('.export-item input:not(:checked)').click()")  # draws all anew
        expect(page.locator("#results-trust[open], #results-decisions[open]")).to_have_count(1)


@pytest.mark.slow
def test_the_values_of_an_effort(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """They are there at once; no answer comes late and takes back what was typed, or chosen."""
    made = labeled_project(tmp_path)
    with_speed(made)
    with held(page, "**/expected") as let_go, held(page, "**/gradio_api/**") as let_gradio_go:
        page.goto(address_of(made))
        go(page, "train")
        open_fold(page, "train-more")
        open_fold(page, "train-fold-ff")
        batch, efforts = page.locator("#opt-ff-batch input").first, page.locator("#opt-preset input")
        before = batch.input_value()
        efforts.click()
        page.locator("[role=option][aria-label^=Paper]").click()
        expect(batch).not_to_have_value(before)
        batch.fill("123")
        batch.press("Tab")
        let_gradio_go()
        let_go()
        expect(page.locator(".train-effort")).to_have_count(3)
        page.wait_for_timeout(1500)
        expect(batch).to_have_value("123")
        expect(efforts).to_have_value("Paper")
