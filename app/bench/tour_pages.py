"""What each picture of the tour shows: how a person would come to it, once the project is as far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fact_core.errors import RunError

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: The project is open in the window.
THERE = "() => window.FactStudio && FactStudio.state && FactStudio.state.project"
#: All that is asked for is there and drawn, and nothing turns.
STILL = """() => {
    const inSight = (image) => {
        const { left, top, width, height } = image.getBoundingClientRect();
        const found = document.elementFromPoint(left + width / 2, top + height / 2);
        return found === image || Boolean(found?.contains(image));
    };
    const pictures = [...document.images].filter((each) => each.offsetParent && inSight(each));
    return FactStudio.state && !FactStudio.state.run && pictures.every((each) => each.complete);
}"""
CALM = 1500  # ms that the page is left alone for: what it draws a moment later
#: On the Label page's map: (x, y, radius) of the circle in which most dots lie, of those of a seventh of its width.
DENSEST = """() => {
    const map = window.factProbe.map, dots = [...map.data.ids].map((id) => map.toScreen(id));
    const radius = document.querySelector("#page-label .fm-top").clientWidth / 7, every = Math.ceil(dots.length / 300);
    const inside = ([x, y]) => dots.filter((each) => Math.hypot(each[0] - x, each[1] - y) < radius).length;
    const middles = dots.filter((_, place) => place % every === 0).map((at) => [inside(at), at]);
    return [...middles.sort((a, b) => b[0] - a[0])[0][1], radius];
}"""
#: The grid's lists of what looks like a class: [value, words] each.
LISTS = """() => [...document.querySelectorAll(".lb-grid select option")]
    .filter((each) => each.value.startsWith("like:")).map((each) => [each.value, each.textContent])"""
#: Show one of them; the images that are in sight then.
SHOWN = """async (value) => {
    const list = document.querySelector(".lb-grid select");
    list.value = value;
    list.dispatchEvent(new Event("change"));
    for (let n = 0; n < 4; n += 1) await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)));
    return [...document.querySelectorAll(".lg-tile")].map((each) => each.fsId);
}"""
#: The opaque colours that the page's own parts have: [red, green, blue] each.
COLOURS = """() => {
    const found = new Set();
    for (const node of document.querySelectorAll("body, body *")) {
        if (!node.checkVisibility()) continue;
        const { color, backgroundColor, borderTopColor, fill } = getComputedStyle(node);
        [color, backgroundColor, borderTopColor, fill].forEach((each) => found.add(each));
    }
    return [...found].map((each) => each.match(/^rgb\\((\\d+), (\\d+), (\\d+)\\)$/))
        .filter(Boolean).map((each) => each.slice(1).map(Number));
}"""
MARKED = 2  # images of the grid

#: Image -> the name of its class.
Truth = Mapping[int, str]


def project(page: Page, truth: Truth) -> None:
    """The folder, what was found in it, the backbone."""
    _step(page, "project")


def select(page: Page, truth: Truth) -> None:
    """The chosen images on the map, and how well they stand for the others."""
    _step(page, "select")


def train(page: Page, truth: Truth) -> None:
    """The charts of the newest run."""
    _step(page, "train")
    page.locator("#train-chart .main-svg").first.wait_for()
    _still(page)


def results(page: Page, truth: Truth) -> None:
    """The accuracy, the matrix, the surest mistakes, the export."""
    _step(page, "results")
    page.locator(".rm-legend button").first.wait_for()
    _still(page)


def review(page: Page, truth: Truth) -> None:
    """The images behind the largest wrong figure of the matrix."""
    wrong = page.locator(".matrix .m-cell:not(.right) .m-open")
    counts = [int(each.replace(",", "")) for each in wrong.all_inner_texts()]
    if not counts:
        raise RunError("The model makes no mistakes that could be shown")
    wrong.nth(counts.index(max(counts))).click()
    page.locator(".rv-tile img").first.wait_for()
    page.locator("#page-results [data-id='split-']").click()  # not the check images alone
    _still(page)


def choose_next(page: Page, count: int) -> None:
    """Ask for another round, as the button of Results does."""
    _step(page, "results")
    page.locator("#results-next").click()
    page.locator("#next-count").fill(str(count))
    page.locator("dialog .btn.primary").click()
    page.locator("dialog").wait_for(state="detached")


def label(page: Page, truth: Truth) -> None:
    """The image in hand, the classes, what is suggested, the map."""
    page.wait_for_function(THERE)
    page.locator("[data-act=accept]").wait_for()
    _still(page)


def suggested(page: Page, truth: Truth) -> None:
    """The map, coloured by what is suggested, with a loop around where most images lie."""
    label(page, truth)
    page.locator("#page-label .lb-colour:has([value=like])").select_option("like")
    page.locator("#page-label [data-act=lasso]").click()
    x, y, radius = page.evaluate(DENSEST)
    box = page.locator("#page-label .fm-top").bounding_box()
    if box is None:
        raise RunError("The Label page shows no map")
    turns = [n / 24 * 2 * math.pi for n in range(25)]
    places = [(box["x"] + x + radius * math.cos(turn), box["y"] + y + radius * math.sin(turn)) for turn in turns]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    page.locator(".lb-chosen").wait_for()
    _still(page)


def grid(page: Page, truth: Truth) -> None:
    """What looks like one class, with some that do not belong marked."""
    label(page, truth)
    page.keyboard.press("g")
    page.locator(".lg-tile img").first.wait_for()
    found: dict[str, list[int]] = {}
    for value, words in page.evaluate(LISTS):
        name = max((each for each in set(truth.values()) if words.endswith(each)), key=len)
        found[value] = [place for place, item in enumerate(page.evaluate(SHOWN, value)) if truth[item] != name]
    value = max(found, key=lambda each: min(MARKED, len(found[each])))  # where there is something to mark
    page.evaluate(SHOWN, value)
    _still(page)
    for place in found[value][:MARKED]:
        page.locator(".lg-tile").nth(place).click()
    _still(page)


def _step(page: Page, name: str) -> None:
    page.evaluate("(name) => FactStudio.go(name)", name)
    page.wait_for_function("(name) => document.body.dataset.page === name", arg=name)
    _still(page)


def _still(page: Page) -> None:
    page.wait_for_function(STILL)
    page.wait_for_timeout(CALM)
    page.wait_for_function(STILL)


Photograph = Callable[["Page", Truth], None]
#: name of the picture -> how it is come to, in this order, in one window.
FIRST_ROUND: dict[str, Photograph] = {
    "tour-project.png": project,
    "tour-select.png": select,
    "tour-train.png": train,
    "tour-results.png": results,
    "tour-review.png": review,
}
#: The same, each in a window of its own: width in px, and scheme.
SECOND_ROUND: dict[str, tuple[Photograph, int, str]] = {
    "tour-label.png": (label, 1440, "light"),
    "tour-map.png": (suggested, 1440, "light"),
    "tour-grid.png": (grid, 1440, "light"),
    "tour-dark.png": (label, 1440, "dark"),
    "tour-narrow.png": (label, 390, "dark"),
}
