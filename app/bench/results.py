"""The review of Results in large pools: ``python3 launch.py bench results [--full] [--json FILE]``.

The program serves a synthetic pool of 10,000 and of 100,000 images (``--full`` 1,000,000 more) whose answers are
stored: ten classes, one in five wrong; 300 images were trained on, 200 are check images. In Chromium a person goes
through it. Times in ms, from the click to the second frame after all of it is there, median of ``AGAIN``:

    results_ms   from the header's step to the figures
    open_ms      a cell of the matrix: its images, with their pictures
    filter_ms    another class that the model said, among all images
    order_ms     another order of all images
    large_ms     an image at large, decoded, with what it is like
    next_ms      the next one
    back_ms      from the image and its grid to the results
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.bench import browser as browsers
from app.bench import pool
from fact_core.bench import page_tables
from fact_core.config import to_dict, train_config
from fact_core.events import Progress
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.thumbs import Thumbs
from fact_core.types import Role, Selection, Step

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES, LARGEST = (10_000, 100_000), 1_000_000
TRAINED, CHECKED, WRONG, WIDTH = 300, 200, 0.2, 128
AGAIN = 7

#: Click, double click, or choose an option; then wait until ``ready`` and for two frames. The time in ms.
TIMED = """async ([place, value, ready]) => {
    const node = document.querySelector(place), is = new Function(`return ${ready}`), began = performance.now();
    if (value === null) node.click();
    else if (value === "dblclick") node.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    else { node.value = value; node.dispatchEvent(new Event("change", { bubbles: true })); }
    const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
    await frame();
    while (!is()) {
        await frame();
        if (performance.now() - began > 60000) throw new Error(`never: ${ready}`);
    }
    await frame();
    return performance.now() - began;
}"""
TILES = "[...document.querySelectorAll('.rv-tile img')]"
COUNT = "document.querySelector('.rv-head .fact').textContent"
LARGE = (
    "(() => { const i = document.querySelector('.rv-box .lb-image:not(.lb-next)'); return i && i.complete "
    "&& i.naturalWidth && document.querySelector('.rv-near li') && i.alt; })()"
)


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure the two sizes; ``full`` adds a million."""
    rows = yield from pool.over((*SIZES, *((LARGEST,) if full else ())), measure)
    return {"text": page_tables.results_table(rows), "json": rows}


def measure(project: Project, size: int, home: Path) -> Step[dict[str, Any]]:
    """One row: answer the pool, serve the project, go through its review."""
    answer(project)
    found: dict[str, list[float]] = {}
    with browsers.serving(project, home) as address, browsers.chromium() as browser:
        with browsers.label_page(browser, address) as page:
            page.wait_for_function("() => window.factProbe.first > 0")
            for number in range(AGAIN):
                for name, milliseconds in walk(page).items():
                    found.setdefault(name, []).append(milliseconds)
                yield Progress("results", number + 1, AGAIN, "times")
            device = browsers.device(browsers.probed(page, "renderer"))
    figures = {f"{name}_ms": round(statistics.median(times)) for name, times in found.items()}
    first = {f"{name}_first_ms": round(found[name][0]) for name in ("results", "open")}
    return {"pool": size, **figures, **first, "device": device}


def walk(page: Page) -> dict[str, float]:
    """Once through the review, from the Label page. The ms of each step."""

    def timed(place: str, ready: str, value: str | None = None) -> float:
        return float(page.evaluate(TIMED, [place, value, ready]))

    page.evaluate("() => FactStudio.go('label')")
    page.wait_for_timeout(300)
    shown = "document.querySelector('#results-accuracy')?.offsetParent"
    found = {"results": timed("nav.steps [data-id=results]", shown)}
    page.wait_for_function("() => document.querySelector('.rm-legend button')")
    page.wait_for_timeout(300)
    all_there = f"{TILES}.length && {TILES}.every((each) => each.complete)"
    found["open"] = timed(".m-cell.right .m-open", f"document.querySelector('.seeing') && {all_there}")
    page.locator("#rv-clear").click()
    page.wait_for_timeout(300)
    before = page.evaluate(f"() => {COUNT}")
    found["filter"] = timed("#rv-said", f"{COUNT} !== {before!r} && {TILES}.length", "class 3")
    page.locator("#rv-clear").click()
    page.wait_for_function(f"() => {COUNT} === {before!r}")
    first = page.evaluate("() => document.querySelector('.rv-tile').id")
    found["order"] = timed(".rv-order", f"document.querySelector('.rv-tile').id !== {first!r}", "unsure")
    page.locator(".rv-order").select_option("wrong")
    page.locator("[data-id=split-check]").click()
    page.wait_for_timeout(300)
    found["large"] = timed(".rv-tile", LARGE, "dblclick")
    alt = page.evaluate("() => document.querySelector('.rv-box .lb-image:not(.lb-next)').alt")
    page.wait_for_timeout(300)
    found["next"] = timed(".rv-box [data-id=next]", f"({LARGE} || {alt!r}) !== {alt!r}")
    page.keyboard.press("Escape")
    page.locator(".rv-box").wait_for(state="detached")
    found["back"] = timed(".rv-back", f"{shown} && document.querySelector('.matrix')?.offsetParent")
    return found


def answer(project: Project, seed: int = 0) -> None:
    """Labels, a finished training, its answers for the pool, features, thumbnails: as the program stores them."""
    rng, known, ids = np.random.default_rng(seed), classes.classes(project), items.pool(project).ids
    truth = rng.integers(0, len(known), len(ids))
    pick: Role = "pick"
    check: Role = "audit"
    roles = (pick,) * TRAINED + (check,) * CHECKED
    some = TRAINED + CHECKED
    selections.save(project, Selection(ids[:some], roles, ids[:0], "random", {"budget": str(some)}), None)
    ops = [Op(n + 1, "label", int(ids[n]), known[int(truth[n])].id) for n in range(some)]
    operations.apply(project, "bench", ops)
    config = to_dict(train_config("quick", recipe="lm"))
    names, numbers = [each.name for each in known], [each.id for each in known]
    told = {"phases": [], "decisions": [], "report": None, "labels": TRAINED, "ids": ids[:TRAINED].tolist()}
    counts = np.bincount(truth[:TRAINED], minlength=len(known)).tolist()
    run = _done(project, "train", config, {**told, "classes": names, "class_ids": numbers, "counts": counts})
    y = np.where(rng.random(len(ids)) < WRONG, (truth + 1) % len(known), truth)
    p = rng.dirichlet(np.full(len(known), 0.3), len(ids)).astype(np.float32)
    best = p.argmax(axis=1)
    row = np.arange(len(ids))
    p[row, best], p[row, y] = p[row, y], p[row, best]  # the likeliest class is the answer
    file = project.predictions_file(run)
    file.parent.mkdir(parents=True, exist_ok=True)
    digests = np.array(items.pool(project).digests, dtype=np.bytes_)
    answers = {"ids": ids, "digests": digests, "y": y, "confidence": p.max(axis=1), "probabilities": p, "phase_lm": y}
    np.savez(file, allow_pickle=False, **answers)
    _done(project, "predict", {"run": run}, {"run": run})
    x = (np.eye(len(known), WIDTH)[truth] + 0.3 * rng.normal(size=(len(ids), WIDTH))).astype(np.float32)
    store = FeatureStore.open(project.features_folder("bench"), WIDTH, {"backbone": "bench"})
    store.append(items.pool(project).digests, x)
    store.projected(items.pool(project).digests)  # as that pass stores it beside them, too
    thumbs = Thumbs(project)  # the pass for the features makes them
    for item in items.get_many(project, ids[: pool.FILES].tolist()):
        thumbs.get_or_make(project, item)
    _done(project, "features", {}, {"key": "bench"})


def _done(project: Project, kind: str, config: dict[str, Any], result: dict[str, Any]) -> int:
    run = run_queue.queue(project, kind, config)
    run_queue.finish(project, run, "done", result=result)
    return run
