"""Looking for a folder by clicking, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeImages

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, Route, expect

from tests.page.browser_help import LONG, on_page, soon
from tests.page.conftest import Serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_project_is_made_of_a_folder_that_was_clicked(
    serve: Serve, page: Page, tmp_path: Path, make_images: MakeImages
) -> None:
    photos = make_images(tmp_path / "disk" / "photos" / "2026")
    page.goto(serve("--browse", str(tmp_path / "disk")).address)
    page.locator("#p-demo").click()  # the demo is a click away
    expect(page.locator("#page-project h1")).to_have_text("Digits (demo)")
    page.get_by_role("button", name="New", exact=True).click()
    page.locator("#p-new").get_by_role("button", name="Browse").click()
    dialog = page.locator("dialog[open]")
    body = dialog.locator(".body")
    soon(lambda: body.evaluate("(node) => node.scrollWidth - node.clientWidth"), 0)  # nothing is wider than the dialog
    dialog.get_by_role("navigation").get_by_role("button", name="disk", exact=True).click()
    dialog.get_by_role("button", name="photos").click()
    dialog.get_by_role("button", name="2026").press("Enter")  # by key as well
    expect(dialog.locator(".p-here b")).to_have_text(str(photos))
    expect(dialog.get_by_role("status")).to_contain_text("No image lies right in this folder")
    expect(dialog.get_by_role("status")).to_contain_text("sub-folders")
    dialog.get_by_role("button", name="green").click()
    expect(dialog.get_by_role("status")).to_contain_text("12 images lie right in this folder")
    use = dialog.get_by_role("button", name="Use this folder")
    on_the_way: list[Route] = []
    page.route("**/x/folder?*", lambda route: on_the_way.append(route))
    dialog.get_by_role("button", name="Up").click()
    expect(use).to_be_disabled()  # until it is known which folder "this" is
    page.wait_for_timeout(100)
    on_the_way.pop().continue_()
    page.unroute("**/x/folder?*")
    use.click()
    expect(page.locator("#p-images")).to_have_value(str(photos))
    page.get_by_role("button", name="Create and scan").click()
    expect(page.locator("#page-project .fact")).to_have_text("24 images are ready.", timeout=LONG)

    page.locator(".p-row.current .btn.icon").click()  # another name for the project
    page.get_by_role("menuitem", name="Rename this project").click()
    page.locator("#p-rename").fill(" Summer <b>2026</b> ")
    page.locator("#p-rename").press("Enter")
    name = "Summer <b>2026</b>"
    expect(page.locator("#page-project h1")).to_have_text(name)
    expect(page.locator(".p-row.current .name")).to_have_text(name)
    page.reload()
    expect(page.locator("#page-project h1")).to_have_text(name)

    # A second project, one file of it, and a project of that file.
    packed = tmp_path / "packed.zip"
    page.locator(".p-row.current .btn.icon").click()
    page.get_by_role("menuitem", name="Duplicate this project").click()
    page.locator("#p-duplicate").fill("Second")
    dialog.get_by_role("button", name="Duplicate").click()
    expect(page.locator("#page-project h1")).to_have_text("Second", timeout=LONG)
    page.locator(".p-row.current .btn.icon").click()
    page.get_by_role("menuitem", name="Pack into one file").click()
    page.locator("#p-pack").fill(str(packed))
    page.get_by_label("With the images").check()
    dialog.get_by_role("button", name="Pack", exact=True).click()
    expect(page.locator(".toast.good")).to_contain_text(str(packed), timeout=LONG)
    page.locator("#p-packed").click()
    page.locator("#p-unpack").fill(str(packed))
    page.locator("#p-unpack-to").fill(str(photos))
    dialog.get_by_role("button", name="Open it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The folder for the project is not empty")
    page.locator("#p-unpack-to").fill("")
    dialog.get_by_role("button", name="Open it").click()
    expect(dialog).to_have_count(0, timeout=LONG)
    expect(page.locator(".p-row.current .name")).to_have_text("Second")
    expect(page.locator(".p-row .name")).to_have_text(["Second", "Second", name, "Digits (demo)"])
    expect(page.locator("#page-project .fact")).to_have_text("24 images are ready.")

    # A fresh look at the program goes on where one was.
    page.evaluate("() => FactStudio.go('select')")
    on_page(page, "select")
    page.goto(page.url.split("?")[0])
    page.get_by_role("button", name="Continue there").click()
    on_page(page, "select")
    expect(page.locator("header")).to_contain_text("Second")
