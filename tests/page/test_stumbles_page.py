"""Where a person who sees the program for the first time has stumbled, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.pages.label.class_text import TEXT as CLASSES
from app.pages.label.text import TEXT as LABEL
from app.shell.server import checked
from fact_core.choices import PRESETS, RECIPES
from fact_core.config import TrainConfig, to_dict, train_config
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.options import from_dict
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.conftest import MakeImages
from tests.page.test_results_routes import label, train
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import AddressOf, go, labeled_project, soon

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_more_classes_than_numbers(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """What fits no class has a key although ten others have the numbers, and its row holds all that it says."""
    project = labeled_project(tmp_path)
    for name in ("c", "d", "e", "f", "g", "h", "i", "j"):
        classes.add_class(project, name)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids, ("pick",) * len(ids), ids[:0], "random"), None)
    page.goto(address_of(project))
    go(page, "label")
    page.locator(".lb-classes").get_by_role("button", name=CLASSES["classes.none"]).click()
    row = page.locator(".lb-class[data-id]", has_text=CLASSES["classes.none"])
    expect(row.locator("kbd")).to_have_text(".")
    expect(page.locator(".lb-advice")).to_have_text(LABEL["label.type_letters"])
    assert "/" in LABEL["label.type_letters"], "F, G, N and X begin no name"
    inside = "(node) => node.scrollWidth <= node.closest('.lb-called').clientWidth"
    assert all(each.evaluate(inside) for each in row.locator(".lb-needs, .lb-holds").all())
    left = page.locator(".lb-head .fact").inner_text()
    page.wait_for_function("() => FactStudio.state && document.querySelector('.lb-frame .lb-image')")
    for _ in range(20):  # a key is for an image that has been seen
        page.keyboard.press(".")
        page.wait_for_timeout(200)
        if "None of these" in labels_now.snapshot(project).classes:
            break
    expect(row.locator(".lb-count")).to_have_text("1")
    expect(row.locator(".lb-needs")).to_have_text(LABEL["label.needs_one"])
    expect(row.locator(".lb-holds")).to_be_empty()  # a third line would lie on the row beside it
    expect(page.locator(".lb-head .fact")).to_have_text(left)  # one long look changes no estimate

    # However much is said of an image: its name is there.
    page.locator(".lb-size").evaluate("(node) => { node.textContent = 'the same bytes as '.repeat(20); }")
    about = page.locator(".lb-about > .clip").first
    soon(lambda: about.evaluate("(node) => node.scrollWidth <= node.clientWidth"))

    page.keyboard.press("g")
    page.keyboard.press("Control+z")
    expect(page.locator(".toast")).to_contain_text(LABEL["label.changed_many_one"])  # what undo did is told


def test_on_a_phone_the_settings_of_a_first_training_come_first(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    """Nothing has run: there is no Now and no log to show, on no screen."""
    page.goto(address_of(labeled_project(tmp_path)))
    go(page, "train")
    page.set_viewport_size({"width": 390, "height": 844})
    settings, charts = page.locator(".train-settings"), page.locator(".train-charts")
    expect(settings).to_be_visible()
    top = "(node) => node.getBoundingClientRect().y"
    soon(lambda: charts.evaluate(top) > settings.evaluate(top))
    expect(page.locator(".train-now")).to_be_hidden()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator(".train-log")).to_be_hidden()


def test_after_the_grid_the_next_open_image_is_due(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Not the one that waited when the grid was opened, and got its label there."""
    project = labeled_project(tmp_path)
    pool = items.pool(project)
    selections.save(project, Selection(pool.ids, ("pick",) * len(pool.ids), pool.ids[:0], "random"), None)
    page.goto(address_of(project))
    go(page, "label")
    name = page.locator(".lb-about > .clip").first
    page.wait_for_function("() => FactStudio.state && document.querySelector('.lb-frame .lb-image')")
    before = name.inner_text()
    page.keyboard.press("g")
    item = next(int(i) for i, path in zip(pool.ids, pool.paths, strict=True) if path == before)
    operations.apply(project, "other", [Op(90, "label", item, classes.classes(project)[0].id)])
    expect(page.locator(".lb-head")).to_contain_text("5 of 8")
    page.keyboard.press("g")
    expect(name).not_to_have_text(before)


def test_the_grid_leads_to_the_check_images(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """They are in none of its lists, and it is the last thing that is looked at when all chosen ones have an answer."""
    project = labeled_project(tmp_path)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids, ("pick",) * 4 + ("audit",) * 4, ids[:0], "random"), None)
    page.goto(address_of(project))
    go(page, "label")
    page.wait_for_function("() => FactStudio.state && document.querySelector('.lb-frame .lb-image')")
    page.keyboard.press("g")
    on = page.get_by_role("button", name=LABEL["grid.to_checks"])
    expect(on.locator("..")).to_contain_text("4 check images wait")
    on.click()
    expect(page.locator(".lb-frame .lb-image").first).to_be_visible()
    expect(page.locator("#page-label .lb-number")).to_contain_text("Check image")


def test_what_a_recipe_fixes_goes_with_it(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """After a run of "Light model+" the form's FACT is FACT: it learns from the pool only where somebody says so."""
    project = labeled_project(tmp_path)
    run = run_queue.queue(project, "train", to_dict(train_config("quick", recipe="lm+", **{"ff.steps": 33})))
    assert run_queue.claim(project, "test") is not None
    run_queue.finish(project, run, "failed", reason="The disk is full.")
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json["config"])
        route.fulfill(json={"run": 1})

    page.route("**/run", take)
    page.goto(address_of(project))
    go(page, "train")
    start, recipe = page.locator("#train-start"), page.locator("#opt-recipe input")
    expect(recipe).to_have_value(RECIPES["lm+"].title)  # the form shows the settings of the run
    with page.expect_response("**/run"):
        start.click()
    page.locator(".train-all summary").click()
    page.locator(".train-recipe", has_text=RECIPES["fact"].help).click()
    expect(recipe).to_have_value(RECIPES["fact"].title)
    with page.expect_response("**/run"):
        start.click()
    again, other = (from_dict(TrainConfig, checked("train", config)) for config in sent)
    assert (again.recipe, again.lm.pool, again.ff.steps) == ("lm+", True, 33)
    assert (other.recipe, other.lm.pool, other.ff.steps) == ("fact", False, 33)


def test_on_a_phone_the_progress_of_a_selection_is_in_sight(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Above the form, however far that is scrolled."""
    project = flat_project(tmp_path, 40)
    page.goto(address_of(project))
    go(page, "select")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#sf-backbone")).to_be_visible()
    scrolled = "(node) => { node.scrollTop = 300; return node.scrollTop; }"
    soon(lambda: page.locator(".sl-panes").evaluate(scrolled), 300)
    run = run_queue.queue(project, "select", {})
    progress = page.locator(".sl-run .meter")
    expect(progress).to_be_in_viewport()
    expect(page.locator("#sf-budget")).to_be_in_viewport()
    run_queue.request_stop(project, run)


@pytest.mark.parametrize("name", PRESETS)
def test_an_effort_speaks_of_no_phase(name: str) -> None:
    """It stands beside every recipe, also those that have no such phase."""
    assert "phase" not in PRESETS[name].help


def test_an_image_that_is_left_out_is_called_so(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Not "Not chosen", as one that waits in the pool; and not twice."""
    project = labeled_project(tmp_path)
    last = int(items.pool(project).ids[-1])
    operations.apply(project, "tab", [Op(90, "exclude", last)])
    page.goto(address_of(project))
    go(page, "label")
    page.locator(".lb-strip, .lb-frame").first.wait_for()
    wish = "(id) => { FactStudio.wish.image = id; document.dispatchEvent(new CustomEvent('fs:label')); }"
    page.evaluate(wish, last)
    answer = page.locator("#page-label .lb-number").locator("..")
    expect(answer).to_have_text("Left out")
    page.evaluate(wish, last - 1)
    expect(answer).to_contain_text("Not chosen")


def test_a_new_round_is_seen_where_odd_images_were_looked_at(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    project = labeled_project(tmp_path)
    page.goto(address_of(project))
    go(page, "select")
    page.wait_for_function("() => document.querySelector('#sf-check')")
    odd = page.locator("#page-select button", has_text=re.compile("^Odd$"))
    odd.evaluate("(node) => node.click()")
    expect(odd).to_have_attribute("aria-pressed", "true")
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:6], ("pick",) * 6, ids[6:], "random"), None)
    expect(odd).to_have_attribute("aria-pressed", "false")


def test_names_and_numbers_are_whole(
    address_of: AddressOf, page: Page, tmp_path: Path, make_images: MakeImages
) -> None:
    """The matrix names the class of the rest, no per cent sign stands alone in a line, a command is not broken."""
    project = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(project))
    train(project, label(project))
    page.goto(address_of(project))
    go(page, "results")
    head = page.locator(".matrix tbody th span").first
    head.evaluate("(node) => { node.textContent = 'None of these'; }")
    soon(lambda: head.evaluate("(node) => node.scrollWidth <= node.clientWidth"))
    # Of many classes the last ones are scrolled to: the names of the rows stay.
    page.locator(".matrix").evaluate("(node) => { node.style.minWidth = '3000px'; }")
    page.locator(".matrix-scroll").evaluate("(node) => { node.scrollLeft = 2000; }")
    inside = "(node) => node.getBoundingClientRect().left - node.closest('.matrix-scroll').getBoundingClientRect().left"
    soon(lambda: abs(page.locator(".matrix tbody th").first.evaluate(inside)) < 1)
    number = page.locator(".mistake-said .num").first
    soon(lambda: number.evaluate("(node) => node.getClientRects().length"), 1)
    soon(lambda: number.evaluate("(node) => getComputedStyle(node).whiteSpace"), "nowrap")


def test_the_number_of_check_images_stands_once_it_is_begun(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """A scan that goes on makes the pool larger, and another number would be proposed."""
    project = flat_project(tmp_path, 40)
    page.goto(address_of(project))
    go(page, "select")
    field = page.locator("#sf-check")
    expect(field).to_have_value("8")
    field.fill("")
    add_items(project, 40)
    expect(page.locator(".sl-head .fact, #page-select .fact").first).to_contain_text("80")
    expect(field).to_have_value("")
