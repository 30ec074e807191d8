"""Another network of timm's on the Project page, and which backbone suits the labels, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.storage import project as projects
from tests.conftest import MakeImages

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from app.shell.server import key_of
from tests.colours_help import VIT, random_vit_ready, two_colours
from tests.page.browser_help import LONG, Watch, choose, go, on_page
from tests.page.conftest import Serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
NAME = "test_vit.r160_in1k"


def test_a_network_is_found_added_compared_and_used(
    serve: Serve, page: Page, watch: Watch, tmp_path: Path, make_images: MakeImages
) -> None:
    project = two_colours(tmp_path / "p", make_images(tmp_path / "photos"))
    projects.remember(project)
    page.goto(f"{serve().address}&p={key_of(project.folder)}")
    on_page(page, "project")
    page.locator("#p-change > summary").click()
    expect(page.locator("#p-compare-go")).to_be_disabled()  # only one is here

    page.locator("#p-network-words").fill("pit ti_224")
    page.locator("#p-network-words").press("Enter")
    found = page.locator(".p-networks")
    expect(found.locator(".p-network").first).to_have_text("pit_ti_224.in1k", timeout=LONG)
    watch.calm = False  # a refusal stands in the console
    found.get_by_role("button", name="Add: pit_ti_224.in1k").click()
    expect(found).to_contain_text("pit_ti_224.in1k cannot be used", timeout=LONG)
    expect(found).to_contain_text("one token for each patch")
    watch.calm = True

    page.locator("#p-network-words").fill(NAME)
    page.get_by_role("button", name="Look for it").click()
    row = found.locator("tbody tr").first
    expect(row).to_contain_text("0.3 M", timeout=LONG)
    expect(row).to_contain_text("Apache-2.0")
    expect(row).to_contain_text("160 px")
    row.get_by_role("button", name=f"Add: {NAME}").click()
    expect(page.locator(f"[id='p-net-{VIT}']")).to_be_checked(timeout=LONG)
    expect(page.locator(".p-net")).to_contain_text("One of timm's networks")

    # Where it is chosen, too: in the form of a selection, and in that of a training.
    go(page, "select")
    expect(page.locator("#sf-backbone")).to_have_value(VIT)
    go(page, "train")
    choose(page, "backbone", NAME)
    expect(page.locator("#train-form")).to_contain_text("One of timm's networks")

    # Its weights come, and both are compared on the labels.
    random_vit_ready()
    go(page, "project")
    page.reload()
    on_page(page, "project")
    page.locator("#p-compare-go").click()
    compared = page.locator(".p-compared")
    expect(compared.locator("tbody tr")).to_have_count(2, timeout=LONG)
    expect(page.locator("#p-compare")).to_contain_text("16 labels of 2 classes")
    expect(compared.locator("tr.chosen")).to_contain_text("proposed")
    compared.get_by_role("button", name="Use it: EfficientNet-Lite0").click()
    expect(page.locator("#p-net-tf_efficientnet_lite0")).to_be_checked()

    page.locator("#p-change > summary").click()
    page.get_by_role("button", name="Take off the table").click()
    expect(page.locator(f"[id='p-net-{VIT}']")).to_have_count(0)
