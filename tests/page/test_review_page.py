"""The review in a real browser: from a figure to its images, filters, one image at large, mending, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train
from tests.page.test_review_routes import with_features

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import AddressOf, on_page, soon

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def project(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    """24 images; 4 trained on, 4 checked with; the model errs on the first two, of which the first is a check image."""
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    train(made, label(made))
    with_features(made)
    return made


def class_of(project: Project, item: int) -> str | None:
    state = labels_now.states(project).get(item)
    names = {each.id: each.name for each in classes.classes(project)}
    return names[state.class_id] if state and state.class_id else None


def wait_for_class(page: Page, project: Project, item: int, name: str | None) -> None:
    for _ in range(100):
        if class_of(project, item) == name:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"image {item} is {class_of(project, item)}, not {name}")


def open_results(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("FactStudio.go('results')")
    on_page(page, "results")
    expect(page.locator("#results-accuracy")).to_be_visible()


def test_from_a_cell_to_its_image_and_back(address_of: AddressOf, page: Page, project: Project) -> None:
    first = int(items.pool(project).ids[0])
    open_results(page, address_of(project))
    page.locator(".m-cell.wrong .m-open").click()
    tiles, count, large = page.locator(".rv-tile"), page.locator(".rv-head .fact"), page.locator("dialog.rv-box")
    expect(count).to_have_text("1 of 24 images")
    expect(tiles).to_have_count(1)
    expect(tiles.first).to_contain_text("red")
    expect(tiles.first).to_contain_text("is green")
    expect(page.locator(".results-panes")).to_be_hidden()

    # at large: what the model said, what is like it, and a label that is mended, undone and done again
    page.keyboard.press("Enter")
    expect(large).to_contain_text("000.png")
    expect(large.locator(".rv-top li")).to_have_text([re.compile("red.*75.0 %", re.S), re.compile("green", re.S)])
    expect(large).to_contain_text("A check image.")
    expect(large.locator(".rv-near li")).to_have_count(6)
    expect(large.locator(".rv-class[aria-pressed=true]")).to_contain_text("green")
    names = [each.name for each in classes.classes(project)]
    page.keyboard.press(str(names.index("red") + 1))
    expect(large.locator(".rv-done")).to_contain_text("It was green and is red now.")
    wait_for_class(page, project, first, "red")
    page.keyboard.press("Control+z")
    expect(large.locator(".rv-class[aria-pressed=true]")).to_contain_text("green")
    wait_for_class(page, project, first, "green")
    page.keyboard.press("Control+Shift+z")
    wait_for_class(page, project, first, "red")
    page.keyboard.press("Backspace")
    wait_for_class(page, project, first, "green")

    # Back leads from the image to the grid, and from there to the results; forward again to the same images
    page.go_back()
    expect(large).to_have_count(0)
    expect(tiles).to_have_count(1)
    page.go_back()
    expect(page.locator(".results-panes")).to_be_visible()
    page.go_forward()
    expect(count).to_have_text("1 of 24 images")
    page.keyboard.press("Escape")
    expect(page.locator(".results-panes")).to_be_visible()


#: The answer to a name that is looked for is a while in coming.
SLOW_FIND = """() => {
    const plain = window.fetch;
    window.fetch = async (address, options) => {
        if (!String(address).includes('/find?')) return plain(address, options);
        window.asked = true;
        await new Promise((done) => (window.answer = done));
        return plain(address, options);
    };
}"""


@pytest.mark.parametrize("meanwhile", ["news", "another filter"])
def test_names_are_shown_whatever_happens_while_they_are_looked_for(
    address_of: AddressOf, page: Page, project: Project, meanwhile: str
) -> None:
    open_results(page, address_of(project))
    page.locator(".results-classes .link", has_text="green").click()
    count = page.locator(".rv-head .fact")
    page.locator("#rv-clear").click()
    expect(count).to_have_text("24 of 24 images")
    page.evaluate(SLOW_FIND)
    page.locator("#rv-find").fill("GREEN/001")
    page.wait_for_function("() => window.asked")
    if meanwhile == "news":  # as each change of the project and each step back and forth
        page.evaluate("() => window.dispatchEvent(new HashChangeEvent('hashchange'))")
    else:
        page.locator("[data-id=is-wrong]").click()
        page.wait_for_function("() => location.hash.includes('is=wrong')")
    page.evaluate("() => window.answer()")
    expect(count).to_have_text("1 of 24 images")


def test_filters_are_in_the_address_and_many_are_labeled_at_once(
    address_of: AddressOf, page: Page, project: Project
) -> None:
    ids = [int(each) for each in items.pool(project).ids]
    open_results(page, address_of(project))
    page.locator(".results-classes .link", has_text="green").click()
    count = page.locator(".rv-head .fact")
    expect(count).to_have_text("2 of 24 images")
    page.locator("#rv-clear").click()
    expect(count).to_have_text("24 of 24 images")
    first = page.locator(".rv-tile").first
    expect(first).to_contain_text("is green")  # mistakes come first
    page.locator("[data-id=is-wrong]").click()
    expect(count).to_have_text("2 of 24 images")
    page.locator("#rv-find").fill("GREEN/001")
    expect(count).to_have_text("1 of 24 images")
    page.reload()
    expect(count).to_have_text("1 of 24 images")
    expect(page.locator("#rv-find")).to_have_value("GREEN/001")
    page.locator("#rv-clear").click()
    page.locator(".rv-order").select_option("name")
    expect(page.locator("#rv-label option")).to_have_text(["Any (24)", "green (12)", "red (12)", "No label (0)"])

    # three by keys and mouse, one of which is in hand already; one step for undo
    page.locator(".rv-tile").nth(1).click(modifiers=["Control"])
    page.locator(".rv-tile").nth(2).click(modifiers=["Shift"])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator(".rv-bar")).to_contain_text("3 selected")
    page.locator(".rv-give").select_option(label="red")
    expect(page.locator(".toast")).to_contain_text("3 images are red now.")
    for item in ids[1:4]:
        wait_for_class(page, project, item, "red")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    wait_for_class(page, project, ids[1], None)
    wait_for_class(page, project, ids[3], "green")  # a check image, labeled before

    # arrows walk through the list, an image beside it leads back
    page.locator(".rv-tile").nth(3).click()  # as in a file manager: this one alone
    page.locator(".rv-tile").nth(4).click()
    expect(page.locator(".rv-bar")).to_contain_text("1 selected")
    page.locator(".rv-tile").nth(4).dblclick()
    place = page.locator(".rv-place")
    expect(place).to_have_text("5 of 24")
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("6 of 24")
    page.keyboard.press("End")
    expect(place).to_have_text("24 of 24")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the images")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".rv-tile.lg-focus")).to_contain_text("red")
    shown, button = page.locator(".rv-aside"), page.locator(".rv-mapbutton")
    expect(shown).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".rv-side")).to_be_hidden()
    expect(shown).to_be_hidden()  # the images have the room, however it was in the wide window
    button.click()
    expect(shown).to_be_visible()
    page.reload()
    expect(page.locator(".rv-tile").first).to_be_visible()
    expect(shown).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.locator(".rv-filters").click()
    expect(page.locator(".rv-side")).to_be_visible()


def test_the_map_leads_to_images(address_of: AddressOf, page: Page, project: Project) -> None:
    """Green images lie at the right end of the map, red ones at the left: a box, a click and the legend find them."""
    open_results(page, address_of(project))
    place = page.locator(".results-pool .rm-map")
    expect(page.locator(".results-pool .rm-key")).to_have_text(["green10", "red14"])
    page.locator(".results-pool [data-id=box]").click()
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 4, steps=4)
    page.mouse.up()
    count = page.locator(".rv-head .fact")
    expect(count).to_have_text("12 of 24 images")
    expect(page.locator(".rv-listed")).to_contain_text("Chosen on the map (12)")
    page.reload()
    expect(count).to_have_text("12 of 24 images")
    page.locator("#rv-drop").click()
    expect(count).to_have_text("24 of 24 images")

    aside = page.locator(".rv-aside .rm-map")
    page.locator(".rv-aside select").select_option("is")
    page.locator(".rv-aside [data-id=key-wrong]").click()
    expect(count).to_have_text("2 of 24 images")
    page.locator(".rv-aside [data-id=key-wrong]").click()
    expect(count).to_have_text("24 of 24 images")
    box = aside.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 28, box["y"] + 28)  # the rim of the map: the red end
    expect(page.locator("dialog.rv-box")).to_have_attribute("aria-label", re.compile("^red/"))
    page.keyboard.press("Escape")
    page.locator(".rv-mapbutton").click()
    expect(aside).to_be_hidden()

    page.keyboard.press("Escape")
    doubted = page.locator(".results-suspects")
    expect(doubted).to_contain_text("None of the 8 labels stands out as wrong.")
    doubted.get_by_role("button", name="Look at the most doubtful").click()  # a wrong one may be among them
    expect(page.locator(".rv-order")).to_have_value("doubt")
    expect(count).to_have_text("24 of 24 images")

    # labels that look wrong: whether the model, which was taught them, is right by them is no filter
    labeled, known = labels_now.snapshot(project, "pick"), {each.name: each.id for each in classes.classes(project)}
    other = known["red" if labeled.classes[int(labeled.y[0])] == "green" else "green"]
    operations.apply(project, "other", [Op(1, "label", int(labeled.ids[0]), other)])
    expect(page.locator("[data-id=is-wrong]")).to_be_visible()
    page.keyboard.press("Escape")
    doubted.get_by_role("button", name="Look at them").click()
    expect(page.locator(".rv-listed")).to_contain_text("Labels to look at again")
    expect(page.locator(".rv-side")).to_contain_text("Where they stand")
    expect(page.locator("[data-id^=is-]")).to_have_count(0)


def test_runs_are_compared_and_the_best_is_shown(address_of: AddressOf, page: Page, project: Project) -> None:
    """The newest run errs on four images more: it says so, and leads to the best one and to where they differ."""
    first = run_queue.list_runs(project, "train")[0]
    train(project, np.array(first.result["ids"]), wrong=6)
    open_results(page, address_of(project))
    part = page.locator(".results-runs")
    expect(part).to_contain_text("Run 1 has 25.0 points more on the same 4 images. That is within the noise.")
    page.locator("#results-runs").click()
    lines = page.locator(".results-runtable tbody tr")
    expect(lines).to_have_count(2)
    page.set_viewport_size({"width": 1440, "height": 420})  # the dialog scrolls: nothing in it is drawn over the table
    rim = "(node) => node.getBoundingClientRect()"
    table, after = page.locator(".results-runtable table"), page.locator(".results-runtable + p")
    soon(lambda: table.evaluate(rim)["bottom"] <= after.evaluate(rim)["top"])
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(lines.nth(0)).to_contain_text("−25.0")
    page.get_by_role("button", name="Accuracy").click()
    expect(lines.nth(0)).to_contain_text("Run 1")
    expect(page.locator(".results-runtable th[aria-sort=descending]")).to_have_text("Accuracy")
    page.set_viewport_size({"width": 390, "height": 844})  # all that can be done is in sight, nothing is pushed aside
    table = page.locator(".results-runtable")
    page.set_viewport_size({"width": 390, "height": 560})  # lower than what it says: the dialog scrolls, and it alone
    whole = "(node) => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight"
    soon(lambda: table.evaluate(whole))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(table.locator("tbody tr").first.locator("td:visible")).to_have_count(4)
    expect(table.get_by_role("button", name="Delete run 1")).to_be_in_viewport()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="See where they differ").click()
    expect(page.locator(".rv-head .fact")).to_have_text("4 of 24 images")
    expect(page.locator(".rv-listed")).to_contain_text("Run 2 and run 1, the best, answer these differently (4)")
    expect(page.locator(".rv-side [data-id='is-'] small")).to_have_text("4")  # the numbers are those of this list
    # each image with what both said, and what it is; after a reload as well
    page.reload()
    tile = page.locator(".rv-tile").first
    expect(tile.locator(".rv-said")).to_have_text(["Run 2red", "Run 1green"])
    expect(tile.locator(".rv-is")).to_have_text("is green")
    expect(tile).to_have_attribute("title", re.compile(r"Run 2: red, 75\s% sure. Run 1: green, 75\s% sure. is green"))
    tile.dblclick()
    expect(page.locator("#rv-than")).to_have_text(re.compile("green.*75.0 %", re.S))
    page.keyboard.press("Escape")
    page.locator("#rv-drop").click()  # with the list goes what it was a list of
    expect(page.locator(".rv-said:visible").first).to_have_text(re.compile("%$"))
    page.go_back()
    page.locator("#results-best").click()
    expect(part).to_contain_text("Run 1, which is shown, is the best so far.")
    expect(page.locator(".results-run")).to_have_value(str(first.id))


def the_curve_opens_like_a_fan(page: Page, newest: int) -> None:
    """With four labels nothing can be said of fifty more; were it forty, a fan would begin at the newest run's dot."""
    curve = page.locator(".results-curve")
    expect(curve.locator(".ahead")).to_have_count(0)
    page.keyboard.press("Escape")

    def with_more_labels(route: Route) -> None:
        found = route.fetch().json()
        for row in found["runs"]:
            row["run"]["labels"] = 40
        ahead = [{"run": newest, "more": more, "low": 0.01, "likely": 0.026, "high": 0.061} for more in (50, 100)]
        route.fulfill(json={**found, "ahead": ahead})

    page.route("**/compare", with_more_labels)
    page.reload()
    page.locator("#results-runs").click()
    said = "With 50 more labels than run 3 learned from, a training probably gains 1 to 7 points of accuracy, 3 in the"
    expect(curve).to_contain_text(said)
    corners = curve.locator(".ahead").get_attribute("points") or ""
    dot = curve.locator("circle").last
    x, y = (float(dot.get_attribute(name) or "nan") for name in ("cx", "cy"))
    assert corners.split()[0] == corners.split()[-1] and len(corners.split()) == 6
    assert [float(each) for each in corners.split()[0].split(",")] == [pytest.approx(x), pytest.approx(y)]
    table = page.locator(".results-runtable")  # nothing lies over it, however long the dialog has become
    curve.get_by_text("How good is this forecast?").click()
    assert table.evaluate("(node) => node.scrollHeight <= node.clientHeight")
    expect(curve).to_contain_text("saying that nothing changes")
    page.unroute("**/compare")


def test_runs_are_named_and_deleted_and_the_proposed_one_is_exported(
    address_of: AddressOf, page: Page, project: Project
) -> None:
    """Of three runs the newest is proposed while it may be as good; a name stands everywhere; a deleted run is gone."""
    first = run_queue.list_runs(project, "train")[0]
    train(project, np.array(first.result["ids"]), wrong=6)
    newest = train(project, np.array(first.result["ids"]), wrong=0)
    open_results(page, address_of(project))
    expect(page.locator("#export-run")).to_have_value(str(newest))
    expect(page.locator(".export-why")).to_have_text("The newest run is the best one so far.")
    page.locator(".results-run").select_option(str(first.id))
    expect(page.locator(".export-why")).to_contain_text("You are looking at run 1.")
    expect(page.locator("#results-export")).to_have_text("Export run 3: 1 item")
    page.locator("#export-run").select_option(str(first.id))
    expect(page.locator(".export-why")).to_have_text("You chose it yourself. Proposed is run 3.")
    expect(page.locator("#export-into")).to_have_value(re.compile("-run1$"))
    expect(page.locator("#results-export")).to_have_text("Export 1 item")

    page.locator("#results-runs").click()
    lines = page.locator(".results-runtable tbody tr")
    expect(page.locator(".results-curve circle")).to_have_count(3)
    the_curve_opens_like_a_fan(page, newest)
    page.locator("[data-id=name-1]").click()
    page.locator("#run-name").fill("<b>first</b>")
    page.locator("#run-note").fill("as a start")
    page.keyboard.press("Escape")  # loses nothing
    expect(lines.nth(2)).to_contain_text("Run 1, <b>first</b>")
    expect(lines.nth(2)).to_contain_text("as a start")
    page.locator("[data-id=name-1]").click()
    page.locator("#run-note").fill("with two")
    page.locator("#run-note").press("Enter")  # a line of its own
    page.locator("#run-note").press_sequentially("lines")
    page.locator("#run-note").press("Control+Enter")
    expect(page.locator("#run-note")).to_have_count(0)
    expect(lines.nth(2)).to_contain_text(re.compile(r"with two\s+lines"))
    page.locator("[data-id=delete-1]").click()
    expect(page.locator("dialog").last).to_contain_text("go for good")
    page.get_by_role("button", name="Cancel").click()
    assert project.run_folder(first.id).exists()
    page.locator("[data-id=delete-1]").click()
    page.get_by_role("button", name="Delete it").click()
    expect(lines).to_have_count(2)
    assert not project.run_folder(first.id).exists()
    page.keyboard.press("Escape")
    expect(page.locator(".results-run")).to_have_value(str(newest))
    expect(page.locator("#export-run")).to_have_value(str(newest))
