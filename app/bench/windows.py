"""Many windows at once, for long: ``python3 launch.py bench windows [--full] [--json FILE]``.

Eight windows of Chromium, each a browser of its own to the program, label one project of 500 photos by keys, each 5
labels a second, for 60 s (``--full``: until 10,000 labels). Every operation that the server has acknowledged is then
looked for in the history: "lost" are those that are not in it, "reordered" those that stand behind a later one of the
same window. "mb" is the server's memory after a tenth of the time and at the end.

Then 20 trainings of the light model, one after another, by one child process on the demo's digits: its memory after
the third and after the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from app.bench import browser as browsers
from app.bench import figures, pool
from fact_core.bench import page_tables
from fact_core.config import to_dict, train_config
from fact_core.errors import RunError
from fact_core.events import Log, Progress
from fact_core.images.demo import demo_truth, make_demo
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_process, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Step

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

WINDOWS, KEYS_A_SECOND, SECONDS, LABELS = 8, 5.0, 60.0, 10_000
TRAININGS, SETTLED, DEMO = 20, 3, 1797  # DEMO: images in it


def run(full: bool) -> Step[dict[str, Any]]:
    """Measure both; ``full`` labels until there are 10,000 labels."""
    keys = LABELS // WINDOWS if full else round(SECONDS * KEYS_A_SECOND)
    rows = yield from pool.over((pool.FILES,), lambda project, _, home: label(project, home, keys))
    rows += yield from pool.inside(lambda folder: train(folder, TRAININGS))
    return {"text": page_tables.windows_table(rows), "json": rows, "failed": sum(row["lost"] or 0 for row in rows)}


def label(project: Project, home: Path, keys: int, windows: int = WINDOWS) -> Step[dict[str, Any]]:
    """One row: that many windows press that many keys each."""
    with browsers.serving(project, home) as address, browsers.chromium() as browser, ExitStack() as open_windows:
        pages = [open_windows.enter_context(browsers.label_page(browser, address)) for _ in range(windows)]
        heard: list[list[tuple[str, int]]] = [[] for _ in pages]
        for page, ops in zip(pages, heard, strict=True):
            page.wait_for_function("() => document.querySelector('.lb-frame img')?.complete")
            page.on("response", _listener(ops))
        began, early = time.monotonic(), 0.0
        digits = np.random.default_rng(0).integers(0, 10, (keys, windows)).tolist()
        for number, row in enumerate(digits):
            time.sleep(max(0.0, began + number / KEYS_A_SECOND - time.monotonic()))
            for page, digit in zip(pages, row, strict=True):
                page.keyboard.press(str(digit))
            if number == keys // 10:
                early = memory_mb("app.main")
            if number % 20 == 0:
                yield Progress("keys", number * windows, keys * windows, "keys")
        seconds = time.monotonic() - began
        for page in pages:
            _wait_until_saved(page)
        late = memory_mb("app.main")
        device = browsers.with_cores()
    lost, reordered = checked(heard, [(row.client, row.seq) for row in labels_now.history(project)])
    told = f"{windows} windows, {keys * windows / seconds:.0f} keys a second"
    count = sum(map(len, heard))
    return _row(told, "labels", count, lost, reordered, early, late, device)


def checked(heard: Sequence[Sequence[tuple[str, int]]], stored: Sequence[tuple[str, int]]) -> tuple[int, int]:
    """(lost, reordered) of what each window heard to be stored: (client, number), against the history."""
    sets = [frozenset(ops) for ops in heard]
    own = [[each for each in stored if each in ops] for ops in sets]
    both = [figures.lost_and_reordered(ops, kept) for ops, kept in zip(heard, own, strict=True)]
    return sum(lost for lost, _ in both), sum(reordered for _, reordered in both)


def _listener(ops: list[tuple[str, int]]) -> Callable[[Response], None]:
    return lambda answer: ops.extend(acknowledged(answer))


def acknowledged(answer: Response) -> list[tuple[str, int]]:
    """(client, number) of the operations that an answer of the server says are stored."""
    if not answer.ok or not answer.url.endswith("/ops"):
        return []
    body = answer.request.post_data_json or {}
    return [(body["client"], op["seq"]) for op in body["ops"]]


def train(folder: Path, trainings: int, most: int = DEMO, **options: Any) -> Step[list[dict[str, Any]]]:
    """One row: the memory of one child process over that many trainings of the light model, of ``most`` images."""
    project = _labeled_digits(folder, most)
    config = to_dict(train_config("quick", recipe="lm", **options))
    runs = [run_queue.queue(project, "train", {**config, "seed": number}) for number in range(trainings)]
    child = run_process.spawn_worker(project, 5.0)
    sizes: list[float] = []
    try:
        for number, each in enumerate(runs):
            yield Progress("trainings", number, trainings, "trainings")
            while (now := run_queue.get(project, each)).open and child.poll() is None:
                time.sleep(0.1)
            if now.status != "done":
                raise RunError("A training of the bench ended as " + now.status, now.reason[:300])
            sizes.append(psutil.Process(child.pid).memory_info().rss / 1e6)
    finally:
        child.terminate()
        child.wait()
    yield Log("MB after each training: " + " ".join(f"{size:.0f}" for size in sizes))
    told = "1 child process, light model"
    return [_row(told, "trainings", trainings, None, None, sizes[SETTLED - 1], sizes[-1], browsers.with_cores())]


def memory_mb(module: str) -> float:
    """Memory (MB of 10^6 bytes) of the child process that runs that module. RunError when there is none."""
    for each in psutil.Process().children(recursive=True):
        if module in each.cmdline():
            return float(each.memory_info().rss / 1e6)
    raise RunError("The program ended while it was measured", module)


def _row(what: str, unit: str, count: int, lost: int | None, late: int | None, *rest: Any) -> dict[str, Any]:
    early_mb, late_mb, device = rest
    row = {"what": what, unit: count, "lost": lost, "reordered": late}
    return {**row, "mb_early": round(early_mb), "mb_late": round(late_mb), "device": device}


def _wait_until_saved(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('.lb-sync').innerText === FactStudio.t('label.sync_saved')")


def _labeled_digits(folder: Path, most: int) -> Project:
    """The first images of the demo, 30 of them labeled by what they show."""
    images = make_demo(folder)
    for more in sorted(images.iterdir())[most:]:
        more.unlink()
    truth = demo_truth(images) or {}
    project = projects.create(folder / "project", images)
    run = run_queue.queue(project, "select", {"budget": "30"})
    child = run_process.spawn_worker(project, 0.5)
    child.wait()
    if (ended := run_queue.get(project, run)).status != "done":
        raise RunError("The demo's selection ended as " + ended.status, ended.reason[:300])
    names = classes.ensure_classes(project, sorted(set(truth.values())))
    chosen = items.get_many(project, [entry.item for entry in selections.queue(project)])
    ops = [Op(n, "label", each.id, names[truth[each.path]]) for n, each in enumerate(chosen, start=1)]
    operations.apply(project, "bench", ops)
    return project
