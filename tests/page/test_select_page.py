"""The Select page in a real browser: what its form remembers and says, and the way to more check images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.config import SelectConfig, to_dict
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import groups, items, odd_file, run_queue
from fact_core.storage import project as projects
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.map_files import save_map
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.browser_help import AddressOf, go, on_page, soon
from tests.page.test_access import SCRIPTS, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ABSENT = "vit_small_patch16_224.dino"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """40 images, of which 6 are chosen and 2 more are check images."""
    made = flat_project(tmp_path, images=40)
    config = {**to_dict(SelectConfig(strategy="random", check=2)), "budget": 6}
    ids = np.arange(1, 9, dtype=np.int64)
    selections.save(made, Selection(ids, ("pick",) * 6 + ("audit",) * 2, ids[:0], "random", config), None)
    return made


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "select")
    expect(page.locator("#sf-budget")).to_be_visible()


def test_the_form_shows_what_the_selection_was_made_with(address_of: AddressOf, page: Page, project: Project) -> None:
    opened(page, address_of(project))
    budget, check, buttons = page.locator("#sf-budget"), page.locator("#sf-check"), page.locator(".sl-again button")
    expect(budget).to_have_value("6")
    expect(check).to_have_value("2")
    expect(page.locator("#sf-strategy")).to_have_value("random")
    beside = page.locator(".sl-field", has=check)
    expect(beside).to_contain_text("2: the accuracy is told within")
    check.fill("0")  # those that are there stay: it is known how good the result is
    expect(beside).to_contain_text("2 check images are there already")
    check.fill("2")
    labeled, image = classes.add_class(project, "daisy"), int(items.pool(project).ids[0])
    operations.apply(project, "test", [Op(1, "label", image, labeled, lead_time=60.0)])
    page.wait_for_function("() => FactStudio.state.labels.pace === 60")
    budget.fill("8")
    expect(page.locator(".sl-field", has=budget)).to_contain_text("10 labels, at your pace: about 10 min.")
    budget.fill("6")
    expect(buttons.nth(0)).to_have_text("Add 6 + 2 check images")
    expect(buttons.nth(1)).to_have_text("Choose anew: 6 + 2 check images")

    budget.fill("10%")  # as the command line takes it
    expect(page.locator("[name=sf-unit][value=part]")).to_be_checked()
    expect(buttons.nth(0)).to_have_text("Add 4 + 2 check images")
    page.reload()
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    on_page(page, "select")
    expect(buttons.nth(0)).to_have_text("Add 4 + 2 check images")  # what was entered outlives a reload
    budget.fill("many")
    expect(page.locator(".sl-wrong")).to_contain_text("at least 1 image")
    expect(buttons.nth(0)).to_be_disabled()


def test_more_check_images_are_asked_for_alone(address_of: AddressOf, page: Page, project: Project) -> None:
    opened(page, address_of(project))
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(json={"run": 1})

    page.route("**/run", take)
    page.evaluate("() => { FactStudio.wish.checks = 20; document.dispatchEvent(new CustomEvent('fs:select')); }")
    expect(page.locator("#sf-check")).to_be_focused()
    expect(page.locator("#sf-check")).to_have_value("20")
    expect(page.locator("#sf-budget")).to_be_hidden()
    expect(page.locator(".sl-only")).to_contain_text("20 more are drawn at random")
    page.get_by_role("button", name="Add 20 check images", exact=True).click()
    expect(page.locator("#sf-budget")).to_be_visible()
    config = sent[0]["config"]
    assert (config["budget"], config["check"], config["extend"]) == ("0", 20, True)
    expect(page.locator("#sf-check")).to_have_value("2")


def test_a_backbone_without_weights_is_said_before_the_start(
    address_of: AddressOf, page: Page, project: Project
) -> None:
    def without(route: Route) -> None:
        told = route.fetch().json()
        for row in told["backbones"]:
            row["ready"] = row["name"] != ABSENT
        route.fulfill(json=told)

    page.route("**/x/backbones", without)
    opened(page, address_of(project))
    expect(page.locator(f"#sf-backbone option[value='{ABSENT}']")).to_contain_text(": download")
    page.locator("#sf-backbone").select_option(ABSENT)
    expect(page.locator(".sl-form > .note.warn")).to_contain_text("not on this computer")
    for button in page.locator(".sl-again button").all():
        expect(button).to_be_disabled()
    page.get_by_role("button", name="Get them on the Project page").click()
    on_page(page, "project")
    page.unroute_all(behavior="wait")  # the page there asks again: what is on its way comes to its end


def test_on_a_phone_the_wheel_scrolls_past_the_map(address_of: AddressOf, page: Page, project: Project) -> None:
    opened(page, address_of(project))
    page.set_viewport_size({"width": 390, "height": 844})
    canvas = page.locator(".sl-map .fm-top")
    canvas.scroll_into_view_if_needed()
    before = canvas.bounding_box()
    assert before is not None
    page.mouse.move(before["x"] + 150, before["y"] + 150)
    page.mouse.wheel(0, 100)
    expect(page.locator(".sl-map .fm-wheel")).to_be_visible()
    page.wait_for_function(
        "(y) => document.querySelector('.sl-map .fm-top').getBoundingClientRect().y < y", arg=before["y"]
    )


def test_check_images_are_suggested_and_frames_of_videos_are_seen(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    for number in range(48):
        paint(tmp_path / "images" / f"vid{number // 6}-{number % 6:03d}.png", number)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    opened(page, address_of(made))
    checks, primary = page.locator("#sf-check"), page.locator("#page-select .sl-primary")
    expect(checks).to_have_value("9")  # of 48 images a fifth, where 30 would be suggested
    page.locator("#sf-budget").fill("10")
    expect(primary).to_have_text("Select 10 + 9 check images")
    expect(page.locator(".sl-form")).to_contain_text("With the check images 19 labels, at 6 s each: about 2 min.")
    expect(page.locator(".sl-form")).to_contain_text("9: the accuracy is told within 28 points. 30: within 17.")
    checks.fill("0")
    expect(primary).to_have_text("Select 10 images")
    expect(page.locator(".sl-form")).to_contain_text("Without any nobody knows how good it is.")

    proposal = page.locator(".sl-proposal")
    expect(proposal).to_contain_text("Name without its last number: 8 groups.")
    expect(proposal.locator("img")).to_have_count(9)
    proposal.get_by_role("button", name="Group them so").click()
    expect(proposal).to_have_count(0)
    expect(page.locator("#sf-groups")).to_have_value("name")
    expect(page.locator("#sf-groups-about")).to_contain_text("8 groups, the largest of 6 images; 0 images in none.")
    assert groups.chosen(made) == "name"
    page.locator("#sf-groups").select_option("none")
    expect(proposal).to_be_visible()


@pytest.fixture
def with_odd(tmp_path: Path) -> Project:
    """40 images on a map, of which 1 and 2 are dark and 3 nearly repeats 4."""
    made = flat_project(tmp_path, images=40)
    pool, n = items.pool(made), 40
    save_map(made, "some", pool.ids, np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32))
    run_queue.finish(made, run_queue.queue(made, "map", {}), "done", result={"key": "some"})
    run_queue.finish(made, run_queue.queue(made, "odd", {}), "done", result={"images": n})
    light, twin = np.linspace(0.5, 0.55, n), np.full(n, -1)
    light[:2], twin[3] = (0.01, 0.02), 2
    columns = {"sharp": np.full(n, 0.01), "light": light, "clipped": np.zeros(n), "side": np.full(n, 200)}
    columns |= {"apart": np.full(n, 0.5), "twin": twin, "alike": np.where(twin >= 0, 0.98, 0.0)}
    columns["off"] = np.where(twin >= 0, 0.04, 0.0)
    odd_file.save(made, "key", pool.digests, columns)
    return made


def test_odd_images_are_looked_at_and_left_out_in_one_step(
    address_of: AddressOf, page: Page, browser: Browser, with_odd: Project
) -> None:
    page.goto(address := address_of(with_odd))
    on_page(page, "project")
    page.evaluate("() => FactStudio.go('select')")
    note, fact, tiles = page.locator(".sl-odd-note"), page.locator("#page-select .fact"), page.locator(".so-tile")
    expect(note).to_contain_text("3 odd images: 2 dark, 1 nearly the same as another.")
    note.get_by_role("button", name="Look at them").click()
    expect(tiles).to_have_count(3)
    page.locator("#so-list").select_option("dark")
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("dark, 1 % bright")

    page.locator("#so-list").select_option("twin")  # with what it nearly repeats: in its corner, and beside it
    tiles.locator(".lg-twin").click()
    expect(page.locator(".sl-look .sl-name, .part .sl-name")).to_have_text("002.png")
    page.locator(".sl-twin", has_text="003.png").click()
    expect(page.locator(".sl-look .sl-name, .part .sl-name")).to_have_text("003.png")
    expect(page.locator(".sl-twin")).to_have_text(["002.png"])
    page.locator("#so-list").select_option("dark")

    tiles.nth(1).click()  # a closer look
    expect(page.locator(".sl-look .sl-name, .part .sl-name")).to_have_text("001.png")
    expect(page.locator("#so-act")).to_contain_text("Leave 1 out")  # what is looked at is selected
    page.locator("#so-act").dblclick()  # its second click is none on "all" that are left
    expect(page.locator("#so-act")).to_have_text("Leave it out")
    soon(lambda: len(excluded(with_odd)), 1)
    page.keyboard.press("Control+z")
    soon(lambda: excluded(with_odd), [])
    page.keyboard.press("Escape")
    expect(page.locator("#so-act")).to_have_text("Leave all 2 out")
    page.locator("#so-act").click()
    expect(note).to_contain_text("1 odd image:")
    expect(note).to_contain_text("2 images are left out.")
    expect(fact).to_contain_text("38 images")
    assert excluded(with_odd) == [1, 2]
    expect(page.locator(".so-head")).to_contain_text("X: leave out.")
    page.locator("#so-list").select_option("excluded")
    expect(page.locator(".so-head")).to_contain_text("X: put back.")

    other = browser.new_context().new_page()  # another window of another person
    other.goto(address)
    on_page(other, "project")
    expect(other.locator(".p-problems")).to_contain_text("2 left out")
    page.locator("#so-list").focus()
    page.locator(".so-head").click()
    page.keyboard.press("Control+z")
    expect(note).to_contain_text("3 odd images")
    expect(fact).to_contain_text("40 images")
    expect(other.locator(".p-problems")).to_have_count(0)
    other.evaluate("() => FactStudio.go('select')")
    other.locator("#so-look").click()
    expect(other.locator(".so-tile")).to_have_count(3)
    for script in SCRIPTS:
        other.add_script_tag(path=script)
    assert violations(other, colours_only=False) == []
    other.context.close()

    page.keyboard.press("Control+Shift+z")
    page.locator("#so-list").select_option("excluded")
    expect(tiles).to_have_count(2)
    tiles.first.click()
    expect(page.locator(".sl-lookhead h2")).to_have_text("Left out")
    page.keyboard.press("Escape")
    page.locator(".so-scroll").focus()
    page.keyboard.press("x")  # the one in hand
    expect(tiles).to_have_count(1)
    expect(fact).to_contain_text("39 images")
