"""Hostile names on every page in a real browser, and two tabs that get into each other's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.pages.label.class_text import TEXT as CLASSES
from app.pages.label.text import TEXT as LABEL
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.types import IntArray, Selection
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train
from tests.storage_help import flat_project, is_sound

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import PAINTED, AddressOf, Watch, go, on_page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

#: They are names of folders, too: no "/".
NAMES = (
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1<⁄script>",
    "${window.pwned=1} {{window.pwned=1}}",
)
#: What would stand in the page if one of them were read as HTML.
INERT = "() => !window.pwned && !document.querySelector('[onerror], img[src=x]') && ![...document.scripts]\
.some((each) => each.textContent.includes('pwned'))"


def test_names_are_text_on_every_page(
    address_of: AddressOf, page: Page, tmp_path: Path, make_images: Callable[..., Path]
) -> None:
    """Hostile input 4: of classes, folders, files and the project; in lists, tooltips, cards, charts and dialogs."""
    folder = make_images(tmp_path / NAMES[0], each=6)
    for number, name in enumerate(NAMES):
        (folder / "red" / f"00{number}.png").rename(folder / "red" / f"{name}.png")
    (folder / f"{NAMES[0]}.jpg").write_text("no picture: it is listed with its reason")
    project = projects.create(tmp_path / "project", folder, NAMES[0])
    finish(scan(project))
    train(project, label(project))
    classes.add_class(project, "third")
    for each, name in zip(classes.classes(project), NAMES, strict=True):
        classes.rename_class(project, each.id, name)
    page.goto(address_of(project))
    on_page(page, "project")
    expect(page.locator("#page-project")).to_contain_text(NAMES[0])
    for name in ("select", "label", "train", "results"):
        go(page, name)
        page.wait_for_timeout(700)
        for place in (
            ".sl-strip .sl-tile",
            ".lb-tile",
            ".mistake-open",
            ".matrix td",
            "canvas",
            "#train-chart .nsewdrag",
        ):
            for shown in page.locator(f"#page-{name} {place}").all()[:2]:
                if shown.is_visible():
                    shown.hover(force=True)
                    page.wait_for_timeout(60)
        assert page.evaluate(INERT), name
    go(page, "label")
    listed = page.locator(".lb-class[data-id] .lb-name")
    assert set(listed.all_inner_texts()) == set(NAMES), "they stand there as they are"
    listed.first.click(button="right")
    page.get_by_role("menuitem", name=CLASSES["classes.delete"]).click()
    expect(page.locator("dialog[open]")).to_contain_text(NAMES[0])
    page.keyboard.press("Escape")
    page.evaluate("(name) => FactStudio.toast({what: name, found: name, do: name})", NAMES[0])
    expect(page.locator(".toast.bad")).to_contain_text(NAMES[0])
    assert page.evaluate(INERT)
    assert page.title().startswith("FACT Studio") or NAMES[0] in page.title()


def cats_and_dogs(address_of: AddressOf, page: Page, tmp_path: Path) -> tuple[projects.Project, IntArray, int, int]:
    """A project on its Label page: itself, the ids of its 12 images, of which 10 are picks, and two classes."""
    project = flat_project(tmp_path, images=12)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:10], ("pick",) * 10, ids[10:], "random"), None)
    cat, dog = (classes.add_class(project, name) for name in ("cat", "dog"))
    page.goto(address_of(project))
    on_page(page, "project")
    go(page, "label")
    return project, ids, cat, dog


def test_two_tabs_give_one_image_two_labels_before_they_hear_of_each_other(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    """Hostile input 12: the later one says whose place it took, and gives it back; keys that moved rest a moment."""
    project, ids, cat, dog = cats_and_dogs(address_of, page, tmp_path)
    other = page.context.new_page()
    other.goto(page.url)
    on_page(other, "label")
    other.evaluate(PAINTED)
    other.route("**/changes?*", lambda route: None)  # it hears nothing of the first tab
    other.route("**/state?*", lambda route: None)
    page.bring_to_front()
    page.evaluate(PAINTED)
    page.keyboard.press("1")
    says(page, "saved")
    first = int(ids[0])
    assert labels_now.states(project)[first].class_id == cat
    other.bring_to_front()
    other.keyboard.press("2")
    says(other, "saved")
    assert labels_now.states(project)[first].class_id == dog
    told = other.locator(".toast", has_text="was labeled cat in another window")
    expect(told).to_be_visible()
    told.get_by_role("button", name=LABEL["label.undo"]).click()
    says(other, "saved")
    assert labels_now.states(project)[first].class_id == cat
    other.close()
    page.bring_to_front()
    classes.reorder(project, [dog, cat])
    expect(page.locator(".toast", has_text=LABEL["label.keys_moved"])).to_be_visible()
    before = labels_now.history(project)
    page.keyboard.press("1")
    page.wait_for_timeout(1600)
    assert labels_now.history(project) == before, "it was meant for the other class"
    page.keyboard.press("1")
    says(page, "saved")
    assert labels_now.history(project)[-1].class_id == dog


def test_an_undo_that_a_merge_stops_says_why(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """A merge by somebody else lies over the label; once it is taken back, the same key undoes it."""
    project, ids, cat, dog = cats_and_dogs(address_of, page, tmp_path)
    for number in (1, 2):
        page.evaluate(PAINTED)
        page.keyboard.press("1")
        says(page, "saved")
        page.wait_for_timeout(300 * number)
    first, second = (int(each) for each in ids[:2])
    merged = classes.merge(project, cat, dog, "merge-elsewhere")
    expect(page.locator(".lb-class[data-id]")).to_have_count(1)
    page.keyboard.press("Backspace")
    expect(page.locator(".toast", has_text="stays as it is")).to_be_visible()
    assert labels_now.states(project)[second].class_id == dog
    classes.unmerge(project, merged.batch, cat)
    expect(page.locator(".lb-class[data-id]")).to_have_count(2)
    page.keyboard.press("Backspace")
    says(page, "saved")
    assert first not in labels_now.states(project) and labels_now.states(project)[second].class_id == cat


def says(tab: Page, state: str) -> None:
    """Wait until a tab says so of its labels."""
    tab.wait_for_function("(state) => document.querySelector('.lb-sync').dataset.state === state", arg=state)


def test_a_class_is_deleted_in_one_tab_while_the_other_gives_it(
    address_of: AddressOf, page: Page, watch: Watch, tmp_path: Path
) -> None:
    """Hostile input 12: the other tab says so, and neither loses a label that was saved."""
    project = flat_project(tmp_path, images=12)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:10], ("pick",) * 10, ids[10:], "random"), None)
    kept = {classes.add_class(project, name): name for name in ("cat", "dog")}
    page.goto(address_of(project))
    on_page(page, "project")
    go(page, "label")
    other = page.context.new_page()
    other.goto(page.url)
    for each in (page, other):
        on_page(each, "label")
        expect(each.locator(".lb-class[data-id]")).to_have_count(2)
        expect(each.locator(".lb-stage img:not(.lb-next)")).to_be_visible()

    page.keyboard.press("1")
    says(page, "saved")
    other.route("**/changes?*", lambda route: None)  # it hears nothing of the first tab from here on
    other.route("**/state?*", lambda route: None)
    watch.calm = False  # the browser itself reports the refusal
    page.locator(".lb-class[data-id]").nth(1).click(button="right")
    page.get_by_role("menuitem", name=CLASSES["classes.delete"]).click()
    page.locator("dialog[open]").get_by_role("button", name=CLASSES["classes.delete"]).click()
    expect(page.locator(".lb-class[data-id]")).to_have_count(1)

    before = labels_now.history(project)
    other.bring_to_front()
    other.keyboard.press("2")
    expect(other.locator("body")).to_contain_text("does not exist any more")
    assert labels_now.history(project) == before, "a label of a class that is gone is not stored"
    other.unroute_all(behavior="ignoreErrors")
    other.reload()
    on_page(other, "label")
    expect(other.locator(".lb-class[data-id]")).to_have_count(1)
    other.keyboard.press("1")
    says(other, "refused")  # what it gave before is kept until somebody gives it up; the new one is stored
    states = labels_now.states(project)
    assert len(states) >= 1 and {kept[state.class_id or 0] for state in states.values()} == {"cat"}
    assert is_sound(project)
    other.close()
