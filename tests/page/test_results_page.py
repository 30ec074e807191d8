"""The Results page in a real browser, on stored runs: one that failed, an export of many files, a narrow window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fact_core.config import to_dict, train_config
from fact_core.generators import finish
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import AddressOf, on_page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FILES = [f"file-{number}.csv" for number in range(9)]


@pytest.fixture
def project(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    """A done run with an export of nine files, and a newer one that failed."""
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    done = train(made, label(made))
    for kind, status, config, result in (
        ("export", "done", {"run": done, "items": ["model"]}, {"folder": "/x", "files": FILES}),
        ("train", "failed", to_dict(train_config("quick", recipe="lp")), None),
    ):
        run = run_queue.queue(made, kind, config)
        assert run_queue.claim(made, "test") is not None
        run_queue.finish(made, run, status, reason="The disk is full." if status == "failed" else "", result=result)
    return made


def test_results_say_what_is_true(address_of: AddressOf, page: Page, project: Project) -> None:
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("FactStudio.go('results')")
    on_page(page, "results")
    expect(page.locator("#results-accuracy")).to_have_text("75.0 %")
    expect(page.locator(".export-done")).to_contain_text(f"9 files: {', '.join(FILES)}")  # all of them are named

    page.set_viewport_size({"width": 390, "height": 844})
    cut = "(all) => all.filter((each) => each.scrollWidth > each.clientWidth).length"
    assert page.locator(".matrix th").evaluate_all(cut) == 0
    page.set_viewport_size({"width": 1440, "height": 900})

    expect(page.locator("#results-next")).to_have_text("Label these next")  # all of this round is labeled
    page.locator("#results-next").click()
    expect(page.locator("dialog .btn.primary")).to_have_text("Choose 16 images")  # no more are left
    page.locator("#next-count").fill("17")
    expect(page.locator("dialog")).to_contain_text("A whole number from 1 to 16.")
    page.keyboard.press("Escape")

    page.locator(".results-run").select_option(label="Run 2, Linear probe, failed")
    panes = page.locator(".results-panes")
    expect(panes).to_contain_text("Run 2 failed, so there is no model to measure.")
    expect(panes).to_contain_text("The disk is full.")
    expect(panes).not_to_contain_text("No check images were labeled")
    expect(panes).not_to_contain_text("There are no check labels yet")

    told = "(found) => FactStudio.errorBox({ what: 'Too small', found, do: '' }).textContent"
    missing = "() => FactStudio.errorBox({ what: 'There is no such folder', found: '/x', do: '' }).textContent"
    assert page.evaluate(missing) == "There is no such folder. Asked for: /x."
    assert page.evaluate(told, "rose") == "Too small. Found: rose."  # a bare value does not dangle
    assert page.evaluate(told, "You gave 3.") == "Too small. You gave 3."


def test_images_are_sorted_into_folders_and_taken_back(
    address_of: AddressOf, page: Page, project: Project, tmp_path: Path
) -> None:
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("FactStudio.go('results')")
    page.locator(".results-run").select_option(label="Run 1, Linear probe, 4 labels")
    page.locator("#results-sort").click()
    dialog, yes = page.locator("dialog"), page.locator("dialog .btn.primary")
    expect(dialog).to_contain_text("8 labeled by you, 16 not known")
    expect(yes).to_have_text("Sort 24 images")
    page.locator("#sort-into").fill(str(project.images / "new"))  # among the images
    expect(dialog).to_contain_text("lies in the images' folder")
    expect(yes).to_be_disabled()
    page.locator("#sort-into").fill(str(tmp_path / "sorted"))
    page.locator("#sort-model").check()
    page.locator("#sort-sure").fill("70")
    expect(dialog).to_contain_text("8 labeled by you, 16 answered by the model")
    assert not (tmp_path / "sorted").exists()
    yes.click()
    expect(page.locator(".sort-done")).to_contain_text("Sorted into", timeout=60_000)
    assert {each.name for each in (tmp_path / "sorted").iterdir()} == {"green", "red", "list.csv", "undo.jsonl"}
    page.get_by_role("button", name="Take back").click()
    yes.click()
    expect(page.get_by_text("Taken back: 25 files removed.")).to_be_visible(timeout=60_000)
    assert not (tmp_path / "sorted").exists()
