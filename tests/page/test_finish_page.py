"""A folder is finished in a real browser: a goal by keys, a question, accept, undo in another window, the rest."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from app.pages.label.text import TEXT as LABEL
from app.pages.results.finish_text import TEXT
from fact_core.labeling import acceptances, classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.page.test_finish_routes import label_checks, train
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import AddressOf, lowest_goal
from tests.page.test_review_page import open_results

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

N, CHECKS = 140, 60


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """140 images, one learned, 60 to check; the last 40 answers are wrong, the two before unlike any class."""
    return made_with(tmp_path, N, 40, 2)


def made_with(tmp_path: Path, images: int, wrong: int, strange: int) -> Project:
    made = flat_project(tmp_path, images)
    for name in ("cat", "dog"):
        classes.add_class(made, name)
    ids = items.pool(made).ids
    drawn = np.random.default_rng(0).permutation(ids[1:])[:CHECKS]
    selection = Selection(np.append(ids[:1], drawn), ("pick", *("audit",) * CHECKS), ids[:0], "random", {})
    selections.save(made, selection, None)
    operations.apply(made, "test", [Op(1, "label", int(ids[0]), 1 + int(ids[0]) % 2)])
    label_checks(made, CHECKS)
    run = train(made, wrong, strange)
    run_queue.finish(made, run_queue.queue(made, "predict", {"run": run.id}), "done", result={"run": run.id})
    return made


def test_from_a_goal_to_the_rest(address_of: AddressOf, page: Page, project: Project) -> None:
    address = address_of(project)
    open_results(page, address)
    part, goal = page.locator("#results-finish"), page.locator("#finish-goal")
    expect(page.locator("#finish-review")).to_have_text("Review the answers, the surest first")  # also without a goal
    goal.press("End")
    expect(part).to_contain_text("99.5 % takes at least 736 check images among the accepted")
    expect(part).to_contain_text("2 check images do not count: they look unlike every class")
    page.locator("#finish-set").click()
    expect(part).to_contain_text(f"92 % is the most that {CHECKS - 2} check images can carry, and only where none")
    lowest_goal(page)
    page.reload()
    expect(goal).to_have_value("0")  # what a person wants is not forgotten
    page.locator("#finish-ask").press("Enter")
    expect(page.locator("#finish-can")).to_contain_text("images can be accepted")
    assert len(acceptances.looks(project)) == 1
    goal.press("ArrowRight")
    goal.press("ArrowLeft")  # what was said is known
    page.locator("#finish-accept").click()
    expect(page.locator("#finish-undo")).to_be_visible()
    taken = len(acceptances.now(project))
    expect(part).to_contain_text(f"{taken} accepted at 80 % by run 1.")
    assert taken > 10 and len(acceptances.looks(project)) == 1

    # another window takes it back; this one hears of it and does it again
    other = page.context.new_page()
    open_results(other, address)
    other.locator("#finish-undo").click()
    expect(page.locator("#finish-redo")).to_have_text(f"Accept {taken} again")
    expect(page.locator("#finish-accept")).to_have_count(0)  # it would do the same
    assert not acceptances.now(project)
    other.close()
    page.locator("#finish-redo").click()
    expect(page.locator("#finish-review")).to_have_text("Review the rest")

    # the rest in the grid, the surest first: its answers are labels
    before = len(labels_now.snapshot(project).ids)
    page.locator("#finish-review").click()
    lists = page.get_by_label("Which images")
    expect(lists).to_contain_text("The rest: cat")
    confirm = page.get_by_role("button", name="Confirm")
    expect(confirm).to_be_enabled()
    expect(page.locator("div.lb-notice")).to_be_hidden()  # all of the queue is labeled, but this goes on
    confirm.click()
    page.wait_for_function("(n) => FactStudio.state.labels.total > n", arg=before)
    train_button = page.locator(".lb-head [data-act=train]")
    expect(train_button).to_contain_text("labels")
    expect(train_button).to_have_class(re.compile("tinted"))  # the review goes on
    assert len(acceptances.now(project)) == taken


def test_what_more_labels_would_bring_is_told(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Once the goal was asked, with how good such forecasts are; not where a person has hardly more left to label."""
    project = made_with(tmp_path, 540, 8, 150)
    open_results(page, address_of(project))
    lowest_goal(page)
    line = page.locator("#finish-forecast")
    expect(line).to_have_count(0)
    page.locator("#finish-ask").click()
    expect(line).to_have_text(re.compile(r"With 100 more labels, chosen by “Label these next”, probably .* of the 379"))
    about = page.get_by_text(TEXT["finish.forecast_about"])
    expect(about).to_be_hidden()
    page.get_by_text(TEXT["finish.forecast_how"]).click()
    expect(about).to_be_visible()
    assert len(acceptances.looks(project)) == 1
    free = [int(i) for i in items.pool(project).ids if int(i) not in labels_now.states(project)]
    operations.apply(project, "test", [Op(900 + i, "label", i, 1 + i % 2) for i in free[-60:]])
    expect(page.locator("#results-finish")).to_contain_text("Open419")
    expect(line).to_have_count(0)


def test_what_an_earlier_training_let_through_is_offered(address_of: AddressOf, page: Page, project: Project) -> None:
    """The newest training lets less through at the goal than the one before did, which holds all the same."""
    address = address_of(project)
    open_results(page, address)
    lowest_goal(page)
    page.locator("#finish-ask").click()
    expect(page.locator("#finish-can")).to_contain_text("images can be accepted")
    expect(page.locator("#finish-before")).to_have_count(0)
    able = acceptances.looks(project)[0].accepted
    run = train(project, wrong=70, strange=2)
    run_queue.finish(project, run_queue.queue(project, "predict", {"run": run.id}), "done", result={"run": run.id})
    open_results(page, address)
    expect(page.locator("#results-finish")).to_contain_text("1 so far")  # what comes up is there as a whole
    page.locator("#finish-ask").click()
    before = page.locator("#finish-before")
    expect(before).to_have_text("Accept those of run 1")
    expect(page.locator("#results-finish")).to_contain_text(f"what it let through still holds: {able} images.")
    before.click()
    expect(page.locator("#results-finish")).to_contain_text(f"{able} accepted at 80 % by run 1.")
    expect(before).to_have_count(0)
    assert len(acceptances.now(project)) == able


def test_no_image_of_the_rest_is_lost(address_of: AddressOf, page: Page, project: Project) -> None:
    """What was marked wrong has a list of its own; then the check image that is open; then nothing is offered."""
    ids, check = items.pool(project).ids, next(e.item for e in selections.queue(project) if e.role == "audit")
    known = set(labels_now.snapshot(project).ids.tolist())
    free = [int(n) for n in ids if n not in known and n < ids[-50]]
    left = [n for n in free if n % 2 == 0][:3] + [n for n in free if n % 2][:2]
    ops = [Op(500 + int(n), "label", int(n), 1 + int(n) % 2) for n in ids if n not in known and n not in left]
    operations.apply(project, "test", [*ops, Op(900, "clear", check)])
    address = address_of(project)
    open_results(page, address)
    page.locator("#finish-review").click()
    lists, confirm = page.get_by_label("Which images"), page.get_by_role("button", name="Confirm")
    expect(lists.locator("option:checked")).to_have_text("The rest: cat (3)")
    expect(page.get_by_text("3 of 3 seen, 6 left in all")).to_be_visible()  # with the check image
    page.keyboard.press("1")  # its own list, and nothing is marked
    expect(page.locator(".toast")).to_contain_text("Click the wrong ones first")
    expect(lists.locator("option:checked")).to_have_text("The rest: cat (3)")
    page.locator(".lg-tile").first.click()
    confirm.click()
    expect(page.get_by_text("2 of 2 seen, 4 left in all")).to_be_visible()
    expect(lists.locator("option:checked")).to_have_text("The rest: dog (2)")  # by itself
    expect(confirm).to_have_text(re.compile("Confirm 2 as dog"))
    confirm.click()
    expect(lists.locator("option:checked")).to_have_text("The rest: not as the model says (1)")
    expect(page.locator(".lg-tile")).to_have_text("not cat")
    page.locator(".lg-tile").click()
    expect(page.locator(".lb-legend")).to_contain_text(LABEL["label.key_current"])
    page.keyboard.press("2")
    expect(page.locator(".lb-legend")).not_to_contain_text(LABEL["label.key_current"])  # none is in hand
    end = page.locator(".lb-grid .empty")
    expect(end).to_contain_text("1 image is still open.")
    end.get_by_role("button", name="Label one by one").click()
    expect(page.get_by_text(re.compile("Check image .* of")).first).to_be_visible()
    page.wait_for_function("(n) => FactStudio.state.labels.total === n", arg=len(ids) - 1)

    operations.apply(project, "test", [Op(901, "label", check, 1)])
    open_results(page, address)
    expect(page.locator("#results-finish")).to_contain_text("The folder is finished.")
    expect(page.locator("#results-next, #finish-more, #finish-goal, #finish-review")).to_have_count(0)
    expect(page.locator("#results-export")).to_be_visible()
