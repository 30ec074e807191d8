"""In a real browser: links are offered and followed with one click; the large picture is what the network sees."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.pages.project.text import TEXT
from fact_core.generators import finish
from fact_core.labeling import classes, selections
from fact_core.storage import items, run_queue, view
from fact_core.storage import project as projects
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import paint

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import LONG, AddressOf, Serve, on_page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_with_one_click(serve: Serve, page: Page, tmp_path: Path) -> None:
    root, store = tmp_path / "images", tmp_path / "store"
    for number in range(6):
        file = paint(store / f"{number}.png", number, (40, 30))
        root.mkdir(exist_ok=True)
        (root / file.name).symlink_to(file)
    page.goto(serve().address)
    on_page(page, "project")
    page.fill("#p-images", str(root))
    page.locator("#p-images").press("Enter")
    follow = page.locator("[data-act=p-follow]")
    expect(follow).to_be_visible(timeout=LONG)
    expect(page.locator(".p-main")).to_contain_text("links that lead out of it")
    expect(page.locator(".p-note")).to_contain_text(str(store))
    page.screenshot(path=tmp_path / "offered.png")
    follow.click()
    page.wait_for_function("() => FactStudio.state.counts && FactStudio.state.counts.pool === 6", timeout=LONG)
    expect(page.locator("[data-act=p-unfollow]")).to_have_text(TEXT["project.unfollow"])
    page.screenshot(path=tmp_path / "followed.png")


def test_the_view_is_changed_at_once_or_after_a_question(serve: Serve, page: Page, tmp_path: Path) -> None:
    """No question while nothing was computed; with features a person may still leave it as it is."""
    made = projects.create(tmp_path / "project", paint(tmp_path / "images" / "a.png", 1, (60, 40)).parent)
    finish(scan(made))
    page.goto(serve("--project", str(made.folder)).address)
    on_page(page, "project")
    chosen = page.locator("#p-view")
    expect(chosen).to_have_value("auto")
    chosen.select_option("squash")
    expect(page.locator(".p-main")).to_contain_text("Proportions are lost.")
    chosen.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "squash.png")
    run_queue.finish(made, run_queue.queue(made, "features", {}), "done", result={"images": 1})
    page.wait_for_function("() => FactStudio.state.runs.some((run) => run.kind === 'features')", timeout=LONG)
    chosen.select_option("whole")
    expect(page.locator("dialog")).to_contain_text("Nothing is lost")
    page.screenshot(path=tmp_path / "asked.png")
    page.locator("dialog button").first.click()
    expect(chosen).to_have_value("squash")
    assert view.chosen(made) == "squash"
    chosen.select_option("whole")
    page.get_by_role("button", name=TEXT["project.view_yes"]).click()
    expect(page.locator(".p-main")).to_contain_text("own proportions")
    assert view.chosen(made) == "whole"
    page.reload()
    on_page(page, "project")
    expect(chosen).to_have_value("whole")


def test_the_stage_shows_white_beneath_and_upright(page: Page, address_of: AddressOf, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    icon = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    icon.paste((0, 0, 0, 255), (20, 20, 40, 40))
    icon.save(root / "icon.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.new("RGB", (3000, 1500), "red")
    wide.paste("blue", (0, 0, 1500, 1500))
    wide.save(root / "turned.png", exif=exif)
    deep = np.linspace(0, 1020, 3600).reshape(60, 60).astype(np.uint16)
    Image.fromarray(deep).save(root / "deep.png")
    project = projects.create(tmp_path / "project", root)
    finish(scan(project))
    pool = items.pool(project)
    by_name = dict(zip(pool.paths, pool.ids.tolist(), strict=True))
    order = np.array([by_name[name] for name in ("icon.png", "turned.png", "deep.png")], dtype=np.int64)
    chosen = Selection(order, ("pick",) * 3, order[:0], "random", {"budget": 3, "check": 0})
    selections.save(project, chosen, None)
    classes.add_class(project, "cat")
    page.emulate_media(color_scheme="dark")
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("() => FactStudio.go('label')")
    on_page(page, "label")
    white = seen(page, "icon.png", tmp_path)  # the outermost pixels of the shot may be the page's
    assert white[9, 9].min() > 250 and white[-9, -9].min() > 250 and white[len(white) // 2, len(white) // 2].max() < 9
    page.keyboard.press("ArrowRight")
    turned = seen(page, "turned.png", tmp_path)
    assert turned.shape[0] > 1.8 * turned.shape[1]  # upright
    assert turned[5, 5, 2] > 200 and turned[-5, 5, 0] > 200  # what was left is above
    page.evaluate("() => document.querySelector('[data-act=actual]').click()")
    page.wait_for_function("() => document.querySelector('.lb-image:not(.lb-next)').naturalHeight === 3000")
    page.keyboard.press("ArrowRight")
    ramp = seen(page, "deep.png", tmp_path)
    assert ramp[2, 2].max() < 30 and ramp[-3, -3].min() > 225


def seen(page: Page, name: str, folder: Path) -> np.ndarray:
    """The pixels of the picture on the stage, as they stand on the screen."""
    image = page.locator(f".lb-image[alt='{name}']:not(.lb-next)")
    expect(image).to_be_visible()
    page.wait_for_function("() => { const i = document.querySelector('.lb-image:not(.lb-next)'); return i.complete; }")
    time.sleep(0.3)
    shot = image.screenshot(path=folder / f"{name}-stage.png")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
