"""The Label page in a real browser when what it shows changes: a new round, an older label, an image that is late."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from app.pages.label.text import TEXT
from app.pages.select.text import TEXT as SELECT
from fact_core.labeling import classes, labels_now, notes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import PAINTED, AddressOf, go

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = ".lb-about .clip"
SHOWN = "() => document.querySelector('.lb-about .clip').title"
QUIET = "() => document.querySelector('.lb-sync').dataset.state === 'saved'"
ROUND = 10
A, B = "1", "2"  # keys
IS_PINK = """(selector) => {
  const img = document.querySelector(selector), canvas = document.createElement("canvas");
  if (!img || !img.complete || !img.naturalWidth) return false;
  const drawn = canvas.getContext("2d");
  drawn.drawImage(img, 0, 0);
  const [r, g, b] = drawn.getImageData(2, 2, 1, 1).data;
  return r > 200 && g < 60 && b > 200;
}"""


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def press(page: Page, key: str) -> str:
    """A key for the image that is on the screen; its name."""
    page.evaluate(PAINTED)
    name = str(page.evaluate(SHOWN))
    page.keyboard.press(key)
    return name


def choose_first(project: Project, n: int) -> None:
    """A round of the first n images, and two check images behind them, which stay the same."""
    ids = items.pool(project).ids
    chosen = [*ids[:n], *ids[-2:]]
    roles = ("pick",) * n + ("audit",) * 2
    selections.save(project, Selection(ids[[*range(n), -2, -1]], roles, ids[n : n + 5], "random"), None)
    assert len(chosen) == len(roles)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """40 images, two classes; the first round of ten and its check images are labeled."""
    project = flat_project(tmp_path, images=40)
    choose_first(project, ROUND)
    for name in ("a", "b"):
        classes.add_class(project, name)
    queue = [entry.item for entry in selections.queue(project)]
    operations.apply(project, "desk.before", [Op(n, "label", item, 1) for n, item in enumerate(queue, 1)])
    return project


def open_label(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "label")
    page.evaluate(PAINTED)


def to_next_round(page: Page, project: Project) -> None:
    """The next ten, chosen while the Select page is open, and its button pressed."""
    go(page, "select")
    choose_first(project, 2 * ROUND)
    button = page.get_by_role("button", name=SELECT["select.label_rest"].format(n=ROUND))
    expect(button).to_be_visible()
    button.click()
    page.wait_for_function("() => document.body?.dataset.page === 'label'")


def test_a_new_round_begins_at_its_first_open_image(page: Page, project: Project, address_of: AddressOf) -> None:
    """Ten keys label the ten new images, and no older label."""
    open_label(page, address_of(project))
    before = labels_now.history(project)
    to_next_round(page, project)
    page.keyboard.press(B)  # at once, while the queue may still be the old one
    names = [press(page, B) for _ in range(ROUND)]
    page.wait_for_function(QUIET)
    history = labels_now.history(project)
    assert history[: len(before)] == before
    new = [entry.item for entry in selections.queue(project)][ROUND : 2 * ROUND]
    assert {row.item for row in history[len(before) :]} == set(new), names
    assert len(history) - len(before) == ROUND


def test_from_the_grid_a_new_round_is_shown_one_by_one(page: Page, project: Project, address_of: AddressOf) -> None:
    open_label(page, address_of(project))
    page.keyboard.press("g")
    expect(page.locator("#page-label .lg-scroll")).to_be_visible()
    to_next_round(page, project)
    expect(page.locator("#page-label .lg-scroll")).to_be_hidden()
    expect(page.locator(".lb-stage")).to_be_visible()
    expect(page.locator(NAME)).to_have_attribute("title", "010.png")
    press(page, B)
    page.wait_for_function(QUIET)
    assert labels_now.history(project)[-1].item == selections.queue(project)[ROUND].item


def test_the_button_opens_what_is_open_also_without_a_new_round(
    page: Page, project: Project, address_of: AddressOf
) -> None:
    choose_first(project, 2 * ROUND)
    open_label(page, address_of(project))
    page.keyboard.press("Home")
    expect(page.locator(NAME)).to_have_attribute("title", "000.png")
    go(page, "select")
    page.get_by_role("button", name=SELECT["select.label_rest"].format(n=ROUND)).click()
    expect(page.locator(NAME)).to_have_attribute("title", "010.png")


def test_an_older_label_that_changes_is_told_and_undone_with_one_key(
    page: Page, project: Project, address_of: AddressOf
) -> None:
    choose_first(project, 2 * ROUND)
    open_label(page, address_of(project))
    page.keyboard.press("Home")
    name = press(page, B)
    said = TEXT["label.changed_one"].format(image=name, was="a", now="b")
    expect(page.get_by_text(said)).to_be_visible()
    page.keyboard.press("Backspace")
    page.wait_for_function(QUIET)
    first = selections.queue(project)[0].item
    assert labels_now.states(project)[first].class_id == 1
    expect(page.locator(NAME)).to_have_attribute("title", name)
    expect(page.get_by_text(said)).to_be_hidden()


def test_no_key_acts_on_an_image_that_is_not_painted_yet(page: Page, project: Project, address_of: AddressOf) -> None:
    choose_first(project, 2 * ROUND)
    late = selections.queue(project)[ROUND + 1].item
    arrive, held = Event(), list[Route]()

    def hold(route: Route) -> None:
        if arrive.is_set():
            route.continue_()
        else:
            held.append(route)

    page.route(f"**/image/{late}*", hold)
    open_label(page, address_of(project))
    before = len(labels_now.history(project))
    press(page, B)
    page.wait_for_function(f"() => ({SHOWN})() === '011.png'")
    for key in (B, "Enter", "f", "Space"):
        page.keyboard.press(key)
    page.wait_for_function(QUIET)
    assert page.evaluate(SHOWN) == "011.png" and len(labels_now.history(project)) == before + 1
    arrive.set()
    for route in held:
        route.continue_()
    press(page, B)
    page.wait_for_function(QUIET)
    assert labels_now.history(project)[-1].item == late


def test_after_a_scan_the_stage_shows_the_file_as_it_is_now(
    page: Page, project: Project, address_of: AddressOf
) -> None:
    """A picture that the page has loaded before its file changed is no longer shown: a key would be for the new one."""
    choose_first(project, 2 * ROUND)
    open_label(page, address_of(project))
    page.evaluate(PAINTED)
    entries = selections.queue(project)
    now, following = (entry.item for entry in entries[ROUND : ROUND + 2])
    page.wait_for_function(f"() => document.querySelector('.lb-strip img[src*=\"/thumb/{now}\"]')?.complete")
    for item, red in ((now, 255), (following, 240)):  # else they would be one image, twice
        path = items.path_of(project, item)
        with Image.open(path) as picture:
            Image.new("RGB", picture.size, (red, 0, 255)).save(path)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    run = run_queue.queue(project, "scan", {})  # the server sees to it that a worker does it
    wait_until(lambda: run_queue.get(project, run).status == "done")
    for selector in (f'.lb-frame img[src*="/image/{now}?"]', f'.lb-strip img[src*="/thumb/{now}?"]'):
        page.wait_for_function(IS_PINK, arg=selector)
    press(page, B)
    page.evaluate(PAINTED)
    page.wait_for_function(IS_PINK, arg=f'.lb-frame img[src*="/image/{following}?"]')


def test_what_is_refused_is_told_until_it_is_given_up(
    page: Page, project: Project, address_of: AddressOf, watch: Any
) -> None:
    """A class taken away elsewhere: the label that names it is not dropped in silence."""
    watch.calm = False  # a refusal stands in the console
    choose_first(project, 2 * ROUND)
    open_label(page, address_of(project))
    unchanged = json.dumps({"version": "x", "unchanged": True})
    page.route("**/state*", lambda route: route.fulfill(body=unchanged, content_type="application/json"))
    classes.delete_class(project, 2)
    name = press(page, B)
    told = page.locator(".lb-refused", has_text="1 answer could not be stored")
    expect(told).to_contain_text("This class does not exist any more")
    expect(told).to_contain_text(name)
    saved = page.locator(".lb-sync")
    expect(saved).to_have_text(TEXT["label.sync_refused"].format(n=1))  # and not "Saved"
    press(page, A)
    page.wait_for_function(QUIET.replace("saved", "refused"))
    expect(told).to_be_visible()
    page.unroute("**/state*")
    page.reload()
    page.wait_for_function("() => document.body?.dataset.page === 'label'")
    expect(told).to_contain_text("This class does not exist any more")
    classes.restore_class(project, 2)
    told.get_by_role("button", name=TEXT["label.refused_retry"]).click()
    expect(told).to_be_hidden()
    expect(saved).to_have_text(TEXT["label.sync_saved"])
    page.wait_for_function(QUIET)
    late = selections.queue(project)[ROUND].item
    assert labels_now.states(project)[late].class_id == 2


def test_a_note_is_not_lost_by_escape(address_of: AddressOf, page: Page, project: Project) -> None:
    open_label(page, address_of(project))
    write, area = page.get_by_role("button", name=TEXT["label.note"]), page.locator(".lb-note")

    def noted(wanted: str) -> None:
        until = time.monotonic() + 30
        while (found := {str(each) for each in notes.newest(project).values()} - {""}) != {wanted} - {""}:
            assert time.monotonic() < until, found
            page.wait_for_timeout(50)

    write.click()
    area.fill("blurred")
    area.press("Escape")
    toast = page.locator(".toast", has_text=TEXT["label.note_saved"])
    expect(toast).to_be_visible()
    noted("blurred")
    toast.get_by_role("button", name=TEXT["label.undo"]).click()
    expect(toast).to_have_count(0)
    noted("")

    write.click()
    area.fill("first line")
    area.press("Enter")
    area.press_sequentially("second line")
    area.press("Control+Enter")
    expect(area).to_have_count(0)
    noted("first line\nsecond line")

    write.click()
    area.fill("something else")
    page.locator("dialog[open]").get_by_role("button", name="Cancel").click()
    write.click()
    expect(area).to_have_value("first line\nsecond line")
    area.press("Escape")  # nothing was changed: nothing is said
    expect(area).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)
