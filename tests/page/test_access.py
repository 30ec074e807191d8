"""Every page for everybody: axe's rules, the keyboard alone, four widths, light and dark, no motion for who wants none.

One server and one project for all tests of this file; what a test does to the page ends with its window.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.folders import data_folder
from fact_core.images.demo import demo_truth, make_demo
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.conftest import SMALL

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
from playwright.sync_api import Browser, Page, expect

from tests.page.browser_help import DIGITS, LONG, PAINTED, Served, Window, keep_some, on_page
from tests.ready_program import Asked

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

PAGES = ("project", "select", "label", "train", "results")
WIDTHS = {390: 844, 768: 1024, 1440: 900, 2560: 1440}  # px: width -> height of the window
SCRIPTS = (Path(str(resources.files("axe_playwright_python"))) / "axe.min.js", Path(__file__).with_name("access.js"))
POOL, BUDGET, CHECKS = 160, 24, 12  # a part of the demo's images: what is looked at needs no more
CHOSEN = {"budget": str(BUDGET), "check": CHECKS, "backbone": SMALL}
QUICK = {
    "preset": "quick",
    "backbone": SMALL,
    "ff.steps": 6,
    "ff.pixels": 64,
    "ff.batch": 8,
    "st.steps": 6,
    "st.images": 60,
    "lm.steps": 6,
    "lm.views": 1,
}


# ---- the site -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """The program, with a project that has something to show on every page."""

    address: str
    port: int
    project: Project


@pytest.fixture(scope="module")
def site(
    browser: Browser, _ready: Asked | None, _small_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("access")
    shutil.copytree(_small_weights, home / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_STUDIO_HOME", str(home / "data"))
        patch.setenv("FACT_STUDIO_CACHE", str(home / "cache"))
        keep_some(make_demo(data_folder() / "demo-images"), POOL)
        served = Served(home / "started", "--demo", ready=_ready)
        try:
            project = projects.open_project(data_folder() / "demo")
            bring_to_results(browser, served.address, project)
            add_another_run(project)
            yield Site(served.address, served.port, project)
            assert served.process.poll() is None, "the server ended"
        finally:
            served.end()
            print(f"---- what the server printed\n{served.told()}")


def bring_to_results(browser: Browser, address: str, project: Project) -> None:
    """Choose, label all but one and train in a few steps; then the pool is predicted."""
    page = browser.new_page()
    page.set_default_timeout(LONG)
    page.goto(address)
    on_page(page, "project")
    page.wait_for_function(
        "(n) => FactStudio.state && FactStudio.state.counts && FactStudio.state.counts.pool === n", arg=POOL
    )
    page.evaluate("(config) => FactStudio.start('select', config)", CHOSEN)
    page.wait_for_function("() => FactStudio.state.selection && FactStudio.state.map && FactStudio.state.map.kind")
    label_all_but_one(project)
    page.evaluate("(config) => FactStudio.start('train', config)", QUICK)
    page.wait_for_function("() => FactStudio.state.runs.some((run) => run.kind === 'train' && run.status === 'done')")
    page.wait_for_function("() => !FactStudio.state.run")
    page.close()


def add_another_run(project: Project) -> None:
    """One with the same answers, but for some: runs can be compared."""
    first = run_queue.list_runs(project, "train")[0]
    other = run_queue.queue(project, "train", first.config)
    run_queue.finish(project, other, "done", result=first.result)
    with np.load(project.predictions_file(first.id)) as stored:
        answers = dict(stored)
    answers["y"] = np.where(np.arange(len(answers["y"])) % 5 == 0, 0, answers["y"])
    project.predictions_file(other).parent.mkdir(parents=True, exist_ok=True)
    np.savez(project.predictions_file(other), **answers)
    run_queue.finish(project, run_queue.queue(project, "predict", {"run": other}), "done", result={"run": other})


def label_all_but_one(project: Project) -> None:
    truth, pool = demo_truth(project.images), items.pool(project)
    assert truth is not None
    paths = dict(zip(pool.ids.tolist(), pool.paths, strict=True))
    ids = {digit: classes.add_class(project, digit) for digit in DIGITS}
    rest = selections.queue(project)[1:]
    ops = [Op(n, "label", each.item, ids[str(truth[paths[each.item]])]) for n, each in enumerate(rest, start=1)]
    operations.apply(project, "somebody", ops)


Open = Callable[..., Page]


@pytest.fixture(scope="module")
def window(site: Site, browser: Browser) -> Iterator[Window]:
    made = Window(browser, site.port, *SCRIPTS)
    yield made
    made.close()


@pytest.fixture
def opened(site: Site, window: Window, request: pytest.FixtureRequest) -> Iterator[Open]:
    """opened(width=1440, dark=False): the project page, as nobody has seen it yet."""

    def start(width: int = 1440, *, dark: bool = False, calm: bool = False) -> Page:
        window.put_away()
        page = window.page()
        resize(page, width)
        page.emulate_media(
            color_scheme="dark" if dark else "light", reduced_motion="reduce" if calm else "no-preference"
        )
        page.goto(site.address)
        page.wait_for_function("() => window.FactStudio?.state?.project && document.body?.dataset.page")
        show(page, "project")
        return page

    failed = request.session.testsfailed
    yield start
    if request.session.testsfailed > failed:
        window.close()


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})


# ---- what a person sees --------------------------------------------------------------------------------


#: What stands on a page when all of it has come.
READY = {
    "project": ".p-preview img",
    "select": ".sl-panes:has(.sl-strip .sl-tile):has(.sv-plot)",
    "label": ".lb-stage img:not(.lb-next)",
    "train": "#train-chart .main-svg",
    "results": ".rm-legend button",
}


def show(page: Page, name: str) -> None:
    page.evaluate("(name) => { location.hash = name; }", name)
    page.wait_for_function("(name) => document.body?.dataset.page === name", arg=name)
    page.wait_for_function("(place) => document.querySelector(place)", arg=READY[name])


def show_grid(page: Page) -> None:
    show(page, "label")
    page.keyboard.press("g")
    page.wait_for_function("() => access.showLike()", polling=200)
    expect(page.locator(".lg-tile").first).to_be_visible()


def show_menu(page: Page) -> None:
    show(page, "label")
    page.locator(".lb-class[data-id] .lb-give").first.focus()
    page.locator(".lb-more").first.click()
    expect(page.get_by_role("menu")).to_be_visible()


def show_keys(page: Page) -> None:
    show(page, "label")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def show_import(page: Page) -> None:
    show(page, "label")
    page.locator(".li-foot button").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("radio").nth(1).check()
    page.wait_for_timeout(300)


def show_backbones(page: Page) -> None:
    """The Project page with the table of all backbones."""
    show(page, "project")
    if page.locator("#p-change").get_attribute("open") is None:
        page.locator("#p-change > summary").click()


def show_options(page: Page) -> None:
    show(page, "train")
    for fold in ("train-more", "train-fold-ff", "train-fold-all"):
        button = page.locator(f"#{fold} > button").first
        if "open" not in (button.get_attribute("class") or "").split():
            button.click()


def show_review(page: Page) -> None:
    page.evaluate("() => { location.hash = 'results?see=1'; }")
    page.wait_for_function("() => document.body?.dataset.page === 'results'")
    expect(page.locator(".rv-tile").first).to_be_visible()
    filters = page.locator(".rv-filters")
    if filters.is_visible() and filters.get_attribute("aria-expanded") == "false":
        filters.click()


def show_large(page: Page) -> None:
    show_review(page)
    page.locator(".rv-tile").first.dblclick()
    expect(page.locator(".rv-near li").first).to_be_visible()


def show_runs(page: Page) -> None:
    show(page, "results")
    page.locator("#results-runs").click()
    expect(page.get_by_role("dialog")).to_be_visible()


VIEWS: dict[str, Callable[[Page], None]] = {
    **{name: lambda page, name=name: show(page, name) for name in PAGES},  # type: ignore[misc]
    "project": show_backbones,
    "grid": show_grid,
    "menu": show_menu,
    "keys": show_keys,
    "import": show_import,
    "options": show_options,
    "review": show_review,
    "large": show_large,
    "runs": show_runs,
}


def leave(page: Page, view: str) -> None:
    """Close what a view opened."""
    if view == "grid":
        page.keyboard.press("g")
    elif view == "review":
        show(page, "results")
    elif view in ("menu", "keys", "import", "large", "runs"):
        page.keyboard.press("Escape")
        expect(page.locator("dialog, [role=menu]")).to_have_count(0)


# ---- axe ------------------------------------------------------------------------------------------------


def violations(page: Page, *, colours_only: bool) -> list[str]:
    page.wait_for_timeout(150)
    found: list[str] = page.evaluate("(coloursOnly) => access.violations(coloursOnly)", colours_only)
    return found


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True), (2560, False)])
def test_axe_finds_nothing(opened: Open, width: int, dark: bool) -> None:
    """Every rule that axe has on by itself, none is turned off. In the dark only colours differ from the light."""
    page = opened(width, dark=dark)
    assert page.evaluate("() => FactStudio.dark()") is dark
    found = {}
    for view, open_view in VIEWS.items():
        open_view(page)
        found[view] = violations(page, colours_only=dark)
        leave(page, view)
    assert not any(found.values()), json.dumps({view: each for view, each in found.items() if each}, indent=1)


# ---- the keyboard alone -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """An element that Tab has reached."""

    key: str
    region: int
    clipped: tuple[str, ...]
    seen: bool


def walk(page: Page, most: int = 400) -> list[Stop]:
    """Press Tab until the focus is where it was first. Fails when it never gets there."""
    page.evaluate("() => access.begin()")
    stops: list[dict[str, Any]] = []
    for number in range(most):
        page.keyboard.press("Tab" if number else "Shift+Tab")
        step = page.evaluate("() => access.step()")
        if stops and step["seen"] is not None:
            stops[-1]["seen"] = step["seen"]
        if step.get("end"):
            return [Stop(each["key"], each["region"], tuple(each["clipped"]), bool(each["seen"])) for each in stops]
        if "key" in step:
            stops.append(step)
    raise AssertionError(f"Tab never comes back to the start; last {[each['key'] for each in stops[-6:]]}")


def stops_expected(page: Page) -> list[str]:
    """What Tab should reach, once nothing more appears."""
    before: list[str] = []
    for _ in range(20):
        page.wait_for_timeout(250)
        now = page.evaluate("() => access.tabbable().map(access.keyOf)")
        if now == before:
            break
        before = now
    return before


def walk_of_steady_page(page: Page) -> tuple[Counter[str], list[Stop]]:
    """What Tab should reach, and a walk on which nothing of it changed.

    An answer that came late renames a button: a walk across that change says nothing of the page.
    """
    for _ in range(4):
        wanted, stops = stops_expected(page), walk(page)
        if stops_expected(page) == wanted:
            return Counter(wanted), stops
    raise AssertionError("the page changes from one walk to the next")


@pytest.mark.parametrize("width", [1440, 390])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(opened: Open, width: int) -> None:
    page = opened(width)
    for view in (*PAGES, "grid", "options", "review"):
        VIEWS[view](page)
        cut = page.evaluate("() => access.cutNames()")
        assert not cut, f"{view}: the field of a list is too narrow: {cut}"
        wanted, stops = walk_of_steady_page(page)
        assert len(stops) > 10, f"{view}: there is more than that"
        missed = wanted - Counter(stop.key for stop in stops)
        assert not missed, f"{view}: Tab does not reach {list(missed)}"
        unseen = [stop.key for stop in stops if not stop.seen]
        assert not unseen, f"{view}: no ring around {unseen}"
        cut = {stop.key: stop.clipped for stop in stops if len(stop.clipped) > 1}
        assert not cut, f"{view}: the ring is cut off around {cut}"
        regions = [stop.region for stop in stops]
        assert regions == sorted(regions), f"{view}: header, page head, then the panes from left to right: {regions}"
        leave(page, view)


def focused(page: Page) -> str:
    return str(page.evaluate("() => access.keyOf(document.activeElement)"))


def test_tab_leaves_a_long_list_of_choices(opened: Open) -> None:
    """A list that scrolls is no stop of its own, and it closes."""
    page = opened()
    page.add_style_tag(content="#train-form .option-list { max-height: 120px; }")
    show(page, "train")
    page.locator("#opt-preset input").focus()
    for _ in range(1 + page.locator(".train-effort").count()):  # the efforts with their times
        page.keyboard.press("Tab")
    assert focused(page) == "input Backbone"
    lists = page.locator("#train-form [role=listbox]")
    expect(lists).to_have_count(1)
    assert lists.evaluate("(list) => list.scrollHeight > list.clientHeight")
    page.keyboard.press("Tab")
    expect(page.locator("#train-more > button")).to_be_focused()
    expect(lists).to_have_count(0)


@pytest.mark.parametrize("place", [".li-foot button", "header [data-id=help]", "#page-project .foot button"])
def test_a_dialog_holds_the_focus_and_gives_it_back(opened: Open, place: str) -> None:
    page = opened()
    show(page, "project" if "project" in place else "label")
    page.locator(place).last.focus()
    opener = focused(page)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert page.evaluate("() => Boolean(document.activeElement.closest('dialog'))"), "the focus stays behind the dialog"
    inside = set()
    for _ in range(14):  # beyond its last button the focus leaves for the browser's own bar, never for the page
        page.keyboard.press("Tab")
        assert page.evaluate(
            "() => document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))"
        )
        inside.add(focused(page))
    assert len(inside) > 1
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert focused(page) == opener


def test_a_menu_is_used_by_arrows_and_gives_the_focus_back(opened: Open) -> None:
    page = opened()
    show(page, "label")
    page.locator(".lb-class[data-id] .lb-give").nth(1).focus()
    page.keyboard.press("Tab")
    opener = focused(page)
    page.keyboard.press("Enter")
    entries = page.get_by_role("menu").get_by_role("menuitem")
    expect(entries.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(entries.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(entries.last).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    assert focused(page) == opener


def test_the_strips_are_walked_by_arrows_and_keep_the_focus(opened: Open) -> None:
    page = opened()
    show(page, "select")
    tiles = page.locator(".sl-strip .sl-tile")
    expect(page.locator(".sl-strip .sl-tile[tabindex='0']")).to_have_count(1)
    tiles.first.focus()
    page.keyboard.press("Enter")
    expect(tiles.first).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    expect(tiles.nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator(".sl-strip .sl-tile[tabindex='0']")).to_have_count(1)

    show(page, "label")
    tiles = page.locator(".lb-strip .lb-tile")
    tiles.nth(2).focus()
    name = tiles.nth(2).get_attribute("aria-label")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # a ring as after Tab: Enter belongs to the tile
    page.keyboard.press("Enter")
    expect(page.locator(".lb-strip [aria-current=true]")).to_have_attribute("aria-label", str(name))
    expect(page.locator(".lb-strip [aria-current=true]")).to_be_focused()


#: page, element, key: each of them makes its page draw that element again
REDRAWN = [
    ("project", ".p-backbones input.radio:checked", "ArrowDown"),
    ("project", "header [data-id=theme]", "Enter"),
    ("select", ".sl-lookhead button:last-child", "Enter"),
    ("label", ".lb-key[aria-pressed]", "Enter"),
    ("label", "select.lb-colour", "ArrowDown"),
    ("train", ".train-name", "Enter"),
    ("results", ".export-item input", "Space"),
]


def test_what_is_drawn_again_keeps_the_focus(opened: Open) -> None:
    page = opened()
    show(page, "select")
    page.locator(".sl-strip .sl-tile").first.click()
    show_backbones(page)
    for name, place, key in REDRAWN:
        show(page, name)
        page.locator(place).first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")  # as a person gets there, not as a script does
        page.keyboard.press(key)
        page.wait_for_timeout(500)
        assert page.evaluate("() => document.activeElement !== document.body"), f"{key} at {place} loses the focus"


# ---- widths and motion -------------------------------------------------------------------------------------


def test_nothing_is_pushed_sideways(opened: Open) -> None:
    page = opened()
    found = {}
    for view, open_view in VIEWS.items():
        for width in WIDTHS:
            resize(page, width)
            open_view(page)
            page.wait_for_timeout(200)  # what watches its size draws again
            found[f"{view} at {width}"] = page.evaluate("() => access.sideways()")
            leave(page, view)
    assert not any(found.values()), json.dumps({place: each for place, each in found.items() if each}, indent=1)


def test_nothing_moves_where_less_motion_is_wanted(opened: Open) -> None:
    page = opened(calm=True)
    for view, open_view in VIEWS.items():
        open_view(page)
        found = page.evaluate("() => access.moving()")
        assert not found, f"{view}: {found}"
        leave(page, view)
    show(page, "label")
    page.evaluate(PAINTED)
    assert page.evaluate("() => access.growth()") == [100], "the map's marks grow"
    page.keyboard.press("Backspace")
    page = opened()
    show(page, "label")
    assert page.evaluate("() => access.moving()"), "what is looked for is not there"
    page.evaluate(PAINTED)
    assert page.evaluate("() => access.growth()")[0] < 100
    page.keyboard.press("Backspace")
