"""Images are added to the choice in a real browser: by a button or key, a box of dots, a region without a pick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.config import SelectConfig, to_dict
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.map_files import save_map
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect

from tests.page.browser_help import AddressOf, go, on_page
from tests.page.test_access import SCRIPTS, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

N, PICKS, CHECKS, GAP = 40, 6, 2, 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """40 images in a row on the map, 1 to 6 are picks, 7 and 8 check images; there is a region without a pick."""
    made = flat_project(tmp_path, images=N)
    measured = {"mean": 0.2, "worst": 0.4, "covered": 0.5, "objective": 0.1}
    lot = {name: {"mean": value, "low": value, "high": value} for name, value in measured.items()}
    gaps = [{"item": GAP, "size": 5, "distance": 0.4}]
    about = {"radius": 0.2, "pool": N, "sample": N, "known": 0, "gap_count": 1, "gap_share": 0.1, "gaps": gaps}
    about |= {"chosen": measured, "random": lot}
    config = {**to_dict(SelectConfig(strategy="activeft", check=CHECKS)), "budget": PICKS, "evidence": about}
    ids = np.arange(1, PICKS + CHECKS + 1, dtype=np.int64)
    roles = ("pick",) * PICKS + ("audit",) * CHECKS
    selections.save(made, Selection(ids, roles, np.arange(9, 12), "activeft", config), None)
    place = np.stack([np.linspace(-1, 1, N), np.zeros(N)], axis=1).astype(np.float32)
    save_map(made, "row", items.pool(made).ids, place)
    run_queue.finish(made, run_queue.queue(made, "map", {}), "done", result={"key": "row"})
    classes.add_class(made, "a")
    return made


def by_hand(project: Project) -> list[int]:
    return [entry.item for entry in selections.queue(project) if entry.source]


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "select")
    expect(page.locator(".sl-strip .sl-tile")).to_have_count(PICKS)


def dot(page: Page, place: str, item: int) -> tuple[float, float]:
    """Where an image of the row lies in the window: the map's own words for it."""
    found = page.evaluate("(n) => window.shownMap.toScreen(n)", item)
    box = page.locator(f"{place} .fm-top").bounding_box()
    assert box is not None and found is not None
    return box["x"] + found[0], box["y"] + found[1]


def keep_maps(page: Page, place: str) -> None:
    """Remember the map that a page has made, to know where its dots lie."""
    page.add_init_script(
        "document.addEventListener('fs:map', (event) => "
        f"{{ if (event.target.closest('{place}')) window.shownMap = event.detail; }}, true)"
    )


def axe_says(browser: Browser, address: str) -> list[str]:
    """What axe has against the page, in a narrow window that lets it in."""
    with browser.new_context(bypass_csp=True, viewport={"width": 390, "height": 844}) as narrow:
        other = narrow.new_page()
        other.goto(address)
        other.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
        other.evaluate("() => FactStudio.go('select')")  # the steps lie in a menu of a narrow window
        on_page(other, "select")
        expect(other.locator(".sl-strip .sl-tile").first).to_be_visible()
        expect(other.locator("#sf-budget")).to_be_visible()
        other.evaluate("() => document.querySelector('.sl-loop').hidden = false")
        for script in SCRIPTS:
            other.add_script_tag(path=script)
        return violations(other, colours_only=False)


def test_one_image_a_region_and_a_box_of_dots(
    address_of: AddressOf, own_page: Page, browser: Browser, project: Project
) -> None:
    operations.apply(project, "test", [Op(1, "label", 15, 1)])
    page = own_page
    keep_maps(page, ".sl-map")
    opened(page, address_of(project))
    strip, look, toasts = (
        page.locator(".sl-strip .sl-tile"),
        page.locator(".sl-side .part").first,
        page.locator(".toast"),
    )

    # a region without a pick
    page.get_by_role("button", name="Add this image to the choice: 5 images like this").click()
    expect(strip).to_have_count(PICKS + 1)
    expect(page.locator(".sv-region")).to_have_count(0)
    assert by_hand(project) == [GAP]

    # what is left out is not offered, but put back; the keys of the page are told
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("replace a chosen image by the next best")
    page.keyboard.press("Escape")
    page.mouse.click(*dot(page, ".sl-map", 20))
    expect(look).to_contain_text("Not chosen")
    operations.apply(project, "test", [Op(2, "exclude", 20)])  # meanwhile, in another window
    expect(look).to_contain_text("It is left out of the pool")
    expect(look.get_by_role("button", name="Add to the choice")).to_have_count(0)
    look.get_by_role("button", name="Put back into the pool").click()
    expect(look.get_by_role("button", name="Add to the choice")).to_be_visible()
    page.wait_for_function("() => window.shownMap.toScreen(20)")  # on the map again

    # one image by its key: pointed at on the map
    page.mouse.click(*dot(page, ".sl-map", 20))
    expect(look).to_contain_text("Not chosen")
    page.keyboard.press("a")
    expect(strip).to_have_count(PICKS + 2)
    expect(look).to_contain_text(f"{PICKS + 2} of {PICKS + 2}, added by you")
    page.keyboard.press("r")
    expect(strip).to_have_count(PICKS + 1)
    look.get_by_role("button", name="Add to the choice").click()
    expect(strip).to_have_count(PICKS + 2)
    assert by_hand(project) == [GAP, 20]

    # a box around dots 5 to 17: picks, check images and a labeled one among them are left as they are
    expect(toasts.last).to_contain_text("1 image is in the choice now")
    page.locator("#page-select").get_by_role("button", name="Choose dots with a box").click()
    left, right = dot(page, ".sl-map", 5), dot(page, ".sl-map", 17)
    page.mouse.move(left[0] - 5, left[1] - 30)
    page.mouse.down()
    page.mouse.move(right[0] + 5, right[1] + 30, steps=4)
    page.mouse.up()
    loop = page.locator(".sl-loop")
    expect(loop).to_contain_text("13 images")
    assert axe_says(browser, address_of(project)) == []
    loop.get_by_role("button", name="Add 8 to the choice").click()  # what cannot be added is not offered
    expect(strip).to_have_count(PICKS + 2 + 8)
    for words in ("8 images are in the choice now", "2 are check images", "1 has an answer", "2 were chosen before"):
        expect(toasts.last).to_contain_text(words)
    assert by_hand(project) == [GAP, 20, *range(9, 15), 16, 17]
    assert [entry.item for entry in selections.queue(project)][-CHECKS:] == [7, 8]

    # undone in one click, also after another window has labeled one of them
    operations.apply(project, "other", [Op(1, "label", 16, 1)])
    toasts.last.get_by_role("button", name="Undo").click()
    expect(strip).to_have_count(PICKS + 2 + 1)
    expect(toasts.last).to_contain_text("7 images are not in the choice any more. 1 has an answer by now and stays.")
    assert by_hand(project) == [GAP, 20, 16]
    kept = selections.latest(project)
    assert kept is not None and kept.selection.next_best.tolist() == [9, 10, 11]


def test_a_loop_on_the_map_of_label_adds_to_the_queue(address_of: AddressOf, own_page: Page, project: Project) -> None:
    page = own_page
    keep_maps(page, ".lb-map")
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "label")
    expect(page.locator(".lb-count-of")).to_contain_text(f"0 of {PICKS + CHECKS}")
    page.wait_for_function("() => window.shownMap?.data")
    left, right = dot(page, ".lb-map", 20), dot(page, ".lb-map", 22)
    page.keyboard.down("Shift")
    page.mouse.move(left[0] - 2, left[1] - 20)
    page.mouse.down()
    page.mouse.move(right[0] + 2, right[1] + 20, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    chosen = page.locator(".lb-chosen")
    expect(chosen.locator(".lb-seen img")).to_have_count(3)  # what a class would be given to
    chosen.get_by_role("button", name="Add 3 to the choice").click()
    expect(page.locator(".lb-count-of")).to_contain_text(f"0 of {PICKS + CHECKS + 3}")
    assert by_hand(project) == [20, 21, 22]
    on_page(page, "label")


def test_what_was_rejected_is_listed_and_the_choice_is_judged_anew(
    address_of: AddressOf, page: Page, browser: Browser, project: Project
) -> None:
    opened(page, address_of(project))
    stale, listed = page.locator(".sv-stale"), page.locator(".sl-striphead button", has_text="rejected")
    expect(stale).to_have_count(0)
    expect(listed).to_be_hidden()
    for _ in range(2):
        page.locator(".sl-strip .sl-tile").first.click()
        page.locator(".sl-look, .sl-side").get_by_role("button", name="Reject, take the next").click()
    expect(listed).to_have_text("2 rejected")
    expect(stale).to_contain_text("2 images were rejected or added after these figures were made.")
    stored = selections.latest(project)
    assert stored is not None and stored.rejected == (1, 9)
    page.set_viewport_size({"width": 1280, "height": 480})
    listed.click()
    out = page.locator(".sl-grid .sl-rejected")
    expect(out).to_have_count(2)
    expect(out.first).to_be_in_viewport(ratio=0.9)  # the pictures, not the heading over them alone
    assert axe_says(browser, address_of(project)) == []
    out.nth(1).click()
    page.get_by_role("button", name="Choose it again").click()
    expect(out).to_have_count(1)
    expect(stale).to_contain_text("One image was rejected or added")
    # The worker would judge it by features; here its answer is put where it would put it.
    stored = selections.latest(project)
    assert stored is not None and stored.rejected == (1,) and 9 in stored.picks
    judged = {**stored.config["evidence"], "chosen": {"mean": 0.123, "worst": 0.4, "covered": 0.5, "objective": 0.1}}
    result = {"selection": stored.id, "mark": stored.mark, "seconds": 0.1, "evidence": judged}
    run_queue.finish(project, run_queue.queue(project, "compare", {"now": True}), "done", result=result)
    expect(stale).to_have_count(0)
    expect(page.locator(".sv-plots")).to_contain_text("0.123")
    expect(page.locator(".sv-note")).to_contain_text("Of the choice as it is now")

    # what is changed elsewhere does not move the pictures
    grid, at = page.locator(".sl-grid"), "(node) => node.scrollTop"
    grid.evaluate("(node) => node.scrollTo(0, 60)")
    for seq in (1, 2):
        operations.apply(project, "other", [Op(seq, "label", int(stored.picks[seq]), 1)])
        expect(grid.locator("[data-stand=done]")).to_have_count(seq)
    assert grid.evaluate(at) == 60
    # a new round is brought into view, and what an earlier one has rejected can still be chosen again
    more = np.concatenate([stored.picks, np.arange(12, 36), [7, 8]])
    roles = ("pick",) * (len(more) - CHECKS) + ("audit",) * CHECKS
    selections.save(project, Selection(more, roles, more[:0], "activeft", {}), None, extends=True)
    expect(grid.locator("[data-stand=new]").first).to_be_in_viewport()
    page.locator(".sl-middle").get_by_role("button", name="Map", exact=True).click()
    expect(page.locator(".sl-strip [data-stand=new]").first).to_be_in_viewport()
    listed.click()
    out.first.click()
    page.get_by_role("button", name="Choose it again").click()
    expect(out).to_have_count(0)
    assert by_hand(project) == [1]
