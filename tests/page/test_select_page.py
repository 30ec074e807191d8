"""The Select page in a real browser: what its form remembers and says, and the way to more check images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.config import SelectConfig, to_dict
from fact_core.generators import finish
from fact_core.labeling import selections
from fact_core.storage import groups
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import AddressOf, go, on_page

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
    expect(page.locator(f"#sf-backbone option[value='{ABSENT}']")).to_contain_text("needs a download")
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
