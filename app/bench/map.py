"""The map of the Label page: ``python3 launch.py bench map [--full] [--json FILE]``.

The program serves a synthetic pool of 10,000 and of 200,000 dots (``--full``: 1,000,000 more); Chromium opens the
Label page in a fresh window without a cache, 1440 x 900. "Painted" means: drawn, the graphics process has done it,
and, where an input began it, the Event Timing API's frame was presented; the latest of these times counts.

    first_paint_s          from the navigation until all dots are drawn
    first_after_start_s    the same of the very first window after a start of the program
    click_to_paint_ms_p95  30 clicks on chosen images: until the map shows the other one as the current
    click_to_image_ms_p95  until that image is there, decoded (it was not decoded ahead)
    lasso_paint_ms         from letting go of a lasso around 45 % of the dots until they are painted as selected
    frames_per_s           mean frames with a newly drawn map while it is dragged for 3 s
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.bench import browser as browsers
from app.bench import figures, pool
from fact_core.bench import page_tables
from fact_core.errors import RunError
from fact_core.events import Progress
from fact_core.labeling import selections
from fact_core.storage.project import Project
from fact_core.types import Step

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES, LARGEST = (10_000, 200_000), 1_000_000
CLICKS, PAN_SECONDS = 30, 3.0


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the two sizes; ``full`` adds a million."""
    rows = yield from pool.over((*SIZES, *((LARGEST,) if full else ())), measure)
    return {"text": page_tables.map_table(rows), "json": rows}


def measure(project: Project, items: int, home: Path) -> Step[dict[str, Any]]:
    """One row: serve the project, open its Label page, use its map."""
    with browsers.serving(project, home) as address, browsers.chromium() as browser:
        with browsers.label_page(browser, address) as page:
            very_first = _painted(page)
        with browsers.label_page(browser, address) as page:
            first = _painted(page)
            _must_show_dots(page)
            page.wait_for_function(
                "() => { const i = document.querySelector('.lb-frame img'); return i && i.complete; }"
            )
            page.wait_for_timeout(1000)
            yield Progress("map", 1, 4, "parts")
            clicks = _clicks(page, [entry.item for entry in selections.queue(project)][1 : CLICKS + 1])
            yield Progress("map", 2, 4, "parts")
            frames = _pan(page)
            yield Progress("map", 3, 4, "parts")
            lasso, inside = _lasso(page)
            renderer = browsers.probed(page, "renderer")
    return {
        "pool": items,
        "first_paint_s": first,
        "first_after_start_s": very_first,
        "click_to_paint_ms_p95": figures.percentile(clicks["marked"], 95),
        "click_to_image_ms_p95": figures.percentile(clicks["shown"], 95),
        "lasso_points": inside,
        "lasso_paint_ms": lasso,
        "frames_per_s": frames,
        "renderer": renderer or "2-D canvas, drawn by the processor",
        "device": browsers.device(renderer),
    }


def _painted(page: Page) -> float:
    """Seconds until all dots are drawn."""
    page.wait_for_function("() => window.factProbe.first > 0")
    return round(float(browsers.probed(page, "first")) / 1000, 2)


def _must_show_dots(page: Page) -> None:
    """RunError when the map's picture has one colour only: the figures would mean nothing."""
    import io

    import numpy as np
    from PIL import Image

    shot = Image.open(io.BytesIO(page.locator("#page-label .fm").screenshot())).convert("L")
    if np.asarray(shot).std() < 2:
        raise RunError("The map of the Label page is empty", "a picture of one colour")


def _clicks(page: Page, ids: Sequence[int]) -> dict[str, list[float]]:
    """ms from letting go of the button to the painted map and to the image; one click on the dot of each image."""
    browsers.mode(page, "clicks")
    for number, each in enumerate(ids, start=1):
        x, y = _place(page, each)
        page.mouse.move(x, y)
        page.wait_for_timeout(250)  # as a person, who sees the little card first
        page.mouse.down()
        page.mouse.up()
        page.wait_for_function(
            "([n, now, most]) => { const row = window.factProbe.clicks[n - 1]; "
            "return row && row.marked !== null && (row.shown !== null || performance.now() - row.at > most); }",
            arg=[number, 0, figures.NEVER_MS],
        )
        page.wait_for_timeout(150)
    browsers.mode(page, "")
    seen = browsers.probed(page, "clicks")
    events = [each for each in browsers.probed(page, "events") if each["name"] == "pointerup"]
    return {part: figures.paint_times(seen, events, part) for part in ("marked", "shown")}


def _pan(page: Page) -> float | None:
    """Frames a second with a new map while it is dragged about."""
    page.evaluate("() => { window.factProbe.draws.length = 0; }")
    box = _box(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    began = time.monotonic()
    while time.monotonic() - began < PAN_SECONDS:
        for dx, dy in ((60, 0), (60, 40), (-60, 40), (-60, -40), (60, -40)):
            page.mouse.move(x + dx, y + dy, steps=20)
    page.mouse.up()
    frames = figures.frame_rate(browsers.probed(page, "draws"))
    page.locator("#page-label [data-act=mapFit]").click()
    page.wait_for_timeout(500)
    return frames


def _lasso(page: Page) -> tuple[float | None, int | None]:
    """(ms from letting go to the painted selection, dots in it) around all that lies left of the map's middle."""
    button = page.locator("#page-label [data-act=lasso]")
    if not button.count():
        return None, None
    button.click()
    box = _box(page)
    left, right = box["x"] + 2, box["x"] + box["width"] / 2
    top, bottom = box["y"] + 2, box["y"] + box["height"] - 2
    browsers.mode(page, "lasso")
    page.mouse.move(right, top)
    page.mouse.down()
    for x, y in ((left, top), (left, bottom), (right, bottom), (right, top + 8)):
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    page.wait_for_function("() => window.factProbe.lassos.length && window.factProbe.lassos[0].painted")
    seen = browsers.probed(page, "lassos")[:1]
    events = [each for each in browsers.probed(page, "events") if each["name"] == "pointerup"]
    inside = page.evaluate(
        "() => Number((document.querySelector('.lb-chosen').innerText.match(/[\\d,.]+/) || ['0'])[0]"
        ".replace(/[,.]/g, ''))"
    )
    return figures.paint_times(seen, events, "painted")[0], int(inside)


def _place(page: Page, item: int) -> tuple[float, float]:
    """Where an image's dot lies in the window."""
    at = page.evaluate("(id) => window.factProbe.map.toScreen(id)", item)
    box = _box(page)
    return box["x"] + at[0], box["y"] + at[1]


def _box(page: Page) -> dict[str, float]:
    box = page.locator("#page-label .fm-top").bounding_box()
    if box is None:
        raise RunError("The Label page shows no map")
    return {name: float(box[name]) for name in ("x", "y", "width", "height")}
