"""A folder is finished in a real browser: a goal by keys, a question, accept, undo in another window, the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.labeling import acceptances, classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.page.test_finish_routes import label_checks, train
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import AddressOf
from tests.page.test_review_page import open_results

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

N, CHECKS = 140, 60


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """140 images, one learned, 60 to check; the last 40 answers are wrong, the two before unlike any class."""
    made = flat_project(tmp_path, N)
    for name in ("cat", "dog"):
        classes.add_class(made, name)
    ids = items.pool(made).ids
    drawn = np.random.default_rng(0).permutation(ids[1:])[:CHECKS]
    selection = Selection(np.append(ids[:1], drawn), ("pick", *("audit",) * CHECKS), ids[:0], "random", {})
    selections.save(made, selection, None)
    operations.apply(made, "test", [Op(1, "label", int(ids[0]), 1 + int(ids[0]) % 2)])
    label_checks(made, CHECKS)
    run = train(made, wrong=40, strange=2)
    run_queue.finish(made, run_queue.queue(made, "predict", {"run": run.id}), "done", result={"run": run.id})
    return made


def test_from_a_goal_to_the_rest(address_of: AddressOf, page: Page, project: Project) -> None:
    address = address_of(project)
    open_results(page, address)
    part, goal = page.locator("#results-finish"), page.locator("#finish-goal")
    expect(page.locator("#finish-review")).to_have_text("Review the answers, the surest first")  # also without a goal
    goal.press("End")
    expect(part).to_contain_text("99.5 % takes at least 736 check images among the accepted")
    goal.press("Home")
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
    confirm.click()
    page.wait_for_function("(n) => FactStudio.state.labels.total > n", arg=before)
    assert len(acceptances.now(project)) == taken
