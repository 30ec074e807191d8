"""From a key to the next image: ``python3 launch.py bench label [--full] [--json FILE]``.

The program serves a synthetic pool (10,000 and 100,000 images, ``--full`` 1,000,000 more) whose queue is 500 JPEGs of
1600 x 1200. In Chromium, 200 digits are pressed at 5 a second. For each, two times are taken and the later one counts:
the Event Timing API's from the key to the next frame that was presented, and until another image lies in the page,
complete and decoded (looked for in every frame). Then the label history is read: "lost" are labels of images that were
shown under a key and are not in it, "reordered" are those that stand in it behind a later one. "early" are keys that
came before their image was painted: the page takes none of them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from app.bench import browser as browsers
from app.bench import figures, pool
from fact_core.bench import page_tables
from fact_core.events import Progress
from fact_core.labeling import classes, labels_now
from fact_core.storage.project import Project
from fact_core.types import Step

SIZES, LARGEST = (10_000, 100_000), 1_000_000
KEYS = 200
KEYS_A_SECOND = 5.0


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the two sizes; ``full`` adds a million."""
    rows = yield from pool.over((*SIZES, *((LARGEST,) if full else ())), measure)
    return {"text": page_tables.label_table(rows), "json": rows}


def measure(project: Project, items: int, home: Path, keys: int = KEYS) -> Step[dict[str, Any]]:
    """One row: serve the project and label its queue by ``keys`` digits."""
    with browsers.serving(project, home) as address, browsers.chromium() as browser:
        with browsers.label_page(browser, address) as page:
            page.wait_for_function(
                "() => { const i = document.querySelector('.lb-frame img'); return i && i.complete; }"
            )
            page.wait_for_function("() => document.querySelectorAll('#page-label .lb-classes .lb-give').length > 9")
            page.wait_for_function("() => window.factProbe.first > 0")
            page.wait_for_timeout(1500)  # what the page does after its first paint is not what is measured
            browsers.mode(page, "keys")
            began = time.monotonic()
            for number, digit in enumerate(np.random.default_rng(0).integers(0, 10, keys).tolist()):
                time.sleep(max(0.0, began + number / KEYS_A_SECOND - time.monotonic()))
                page.keyboard.press(str(digit))
                if number % 20 == 0:
                    yield Progress("keys", number, keys, "keys")
            page.wait_for_timeout(figures.NEVER_MS / 2)
            page.wait_for_function(
                "() => document.querySelector('.lb-sync').innerText === FactStudio.t('label.sync_saved')"
            )
            seen, events = browsers.probed(page, "keys"), browsers.probed(page, "events")
            device = browsers.device(browsers.probed(page, "renderer"))
    stored = [(row.item or 0, row.class_id or 0) for row in labels_now.history(project) if row.op == "label"]
    by_key = [each.id for each in classes.classes(project)]
    return figures.label_row(items, seen, [e for e in events if e["name"] == "keydown"], stored, by_key, device)
