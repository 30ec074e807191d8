"""The Train page's form in a real browser: what it leaves out, and that nothing of an earlier run is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fact_core.config import TrainConfig, options, to_dict, train_config
from fact_core.storage import run_queue
from fact_core.storage.project import Project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import AddressOf, go, labeled_project, open_fold, with_speed

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

#: Options that the form leaves out, and a choice that it leaves out.
OWN = {"ff.warm_epochs": 7, "ff.keep": "best_test", "lp.mode": "sgd", "ff.prompt_deep": False, "lm.frofa": "rotate"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A labeled project with a run that somebody started on the command line."""
    made = labeled_project(tmp_path)
    run = run_queue.queue(made, "train", to_dict(train_config("quick", **OWN)))
    assert run_queue.claim(made, "test") is not None
    run_queue.finish(made, run, "failed", reason="The disk is full.")
    return made


def test_what_the_form_leaves_out_is_kept_when_a_run_is_started_again(
    address_of: AddressOf, page: Page, project: Project
) -> None:
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(json={"run": 1})

    page.route("**/run", take)
    page.goto(address_of(project))
    go(page, "train")
    open_fold(page, "train-more")
    for fold in ("lp", "ff", "lm"):
        open_fold(page, f"train-fold-{fold}")
    expect(page.locator("#opt-ff-drop_path")).to_be_visible()
    hidden = [name for name, each in options(TrainConfig) if each.metadata["paper"] is True]
    for name in hidden:
        expect(page.locator(f"#opt-{name.replace('.', '-')}")).to_be_hidden()
    frofa = page.locator("#opt-lm-frofa input")
    expect(frofa).to_have_value("rotate")
    frofa.click()
    expect(page.locator('[role=option][aria-label="Brightness"]')).to_have_count(1)
    expect(page.locator('[role=option][aria-label="Rotate"]')).to_have_count(0)
    frofa.press("Escape")
    page.locator("#opt-ff-steps input").first.fill("77")
    page.locator("#opt-ff-steps input").first.press("Tab")
    with page.expect_response("**/run"):
        page.locator("#train-start").click()
    assert sent and sent[0]["kind"] == "train"
    assert sent[0]["config"]["ff.steps"] == 77
    assert {name: sent[0]["config"][name] for name in OWN} == OWN


def test_how_long_it_takes_is_told_before_it_starts(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """By the speed at the features; with the form's values, whichever the person sets."""
    made = labeled_project(tmp_path)
    with_speed(made)
    page.goto(address_of(made))
    go(page, "train")
    fact = page.locator(".train-head .fact")
    expect(fact).to_contain_text("It takes about")
    minutes = re.compile(r"about (\d+) min")

    def told() -> int:
        found = minutes.search(fact.inner_text())
        return int(found[1]) if found else 0

    efforts = page.locator(".train-effort")
    expect(efforts).to_have_count(3)
    # Of the recommended efforts standard takes too long for a first look here: the shorter one is chosen.
    expect(efforts.filter(has_text="Quick")).to_have_attribute("aria-pressed", "true")
    expect(efforts.filter(has_text="Quick")).to_contain_text("proposed")
    expect(page.locator("#opt-preset input")).to_have_value("Quick")
    expect(fact).to_contain_text(efforts.filter(has_text="Quick").locator("span").first.inner_text().split(": ")[1])
    short = told()
    efforts.filter(has_text="Standard").click()
    expect(page.locator("#opt-preset input")).to_have_value("Standard")
    expect(fact).not_to_contain_text(f"about {short} min")
    before = told()
    assert before > 2 * max(1, short)
    # each recipe with what it is for and its time, of which a click takes one
    # before the first training, where the chosen recipe takes long: what gives an answer soon
    sooner = page.locator("p[role=status]", has_text="Light model+ gives a first answer in")
    expect(sooner).to_be_visible()
    page.locator(".train-all summary").click()
    recipes = page.locator(".train-recipe")
    expect(recipes.filter(has_text="The paper's: probe, full finetune")).to_contain_text("here")
    expect(page.locator(".train-recipe[data-key='fact-prompt']")).to_contain_text("not with this backbone")
    able = [each.is_enabled() for each in recipes.all()]
    assert True in able and False in able and able == sorted(able, reverse=True)  # what fits comes first
    page.locator(".train-recipe[data-key='lm+']").click()
    expect(page.locator("#opt-recipe input")).to_have_value("Light model+")
    expect(fact).not_to_contain_text(f"about {before} min")
    page.locator(".train-recipe[data-key='fact+']").click()
    expect(fact).to_contain_text(f"about {before} min")
    open_fold(page, "train-more")
    open_fold(page, "train-fold-st")
    steps = page.locator("#opt-st-steps input").first
    expect(steps).to_have_value("300")  # the effort's own values are there
    for _ in range(5):  # the effort's values may come once more behind the recipe's
        steps.fill("30000")
        steps.press("Tab")
        page.wait_for_timeout(1000)
        if steps.input_value() == "30000" and f"about {before} min" not in fact.inner_text():
            break
    expect(fact).not_to_contain_text(f"about {before} min")
    assert told() > 10 * before or " h " in fact.inner_text()
