"""What an open window costs while nothing happens: no frames are drawn, and the server sleeps."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from app.routes.gradio_assets import FOLDER, mended
from tests.page.browser_help import AddressOf, Served, go, labeled_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page

SECONDS = 2
#: Counts the frames that scripts ask for.
COUNT_FRAMES = """
window.frames_asked = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => { window.frames_asked += 1; return ask(draw); };
"""
#: Whether within half a minute two seconds come in which a tenth of the frames is asked for that a screen shows.
COMES_TO_REST = """async () => {
    for (let tries = 0; tries < 15; tries += 1) {
        const before = window.frames_asked;
        await new Promise((done) => setTimeout(done, 2000));
        if (window.frames_asked - before < 12) return true;
    }
    return false;
}"""


@pytest.mark.browser
@pytest.mark.slow
def test_nothing_is_drawn_and_the_server_sleeps(
    address_of: AddressOf, shared: Served, own_page: Page, tmp_path: Path
) -> None:
    page = own_page
    page.add_init_script(COUNT_FRAMES)
    page.goto(address_of(labeled_project(tmp_path)))
    served = psutil.Process(shared.process.pid)
    for name in ("project", "select", "label", "train", "results"):
        go(page, name)
        assert page.evaluate(COMES_TO_REST), f"{name} is drawn all the time"
        woken = served.num_ctx_switches().voluntary
        page.wait_for_timeout(SECONDS * 1000)
        assert served.num_ctx_switches().voluntary - woken < 80 * SECONDS, "the server looks for work all the time"
    assert page.evaluate("frames_asked") > 0, "what is counted is not there"


def test_the_script_that_is_installed_is_mended() -> None:
    """A release that writes it otherwise would draw for ever again."""
    (name,) = [each.name for each in FOLDER.glob("statustracker-*.js")]
    ours, theirs = mended(name), (FOLDER / name).read_text("utf-8")
    assert ours != theirs and len(ours) < len(theirs) + 20


@pytest.mark.parametrize("name", ["statustracker-.js", "../assets/x.js", "statustracker-*.js", "index.js"])
def test_no_other_file_comes_by_it(name: str) -> None:
    assert mended(name) == ""
