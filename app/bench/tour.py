"""README's tour, photographed anew: ``python3 launch.py bench tour --images DIR [--place DIR] [--into DIR]``.

The images, one folder a class, are copied to a place of their own and taken through the program: ``launch.py run``
with 60 labels and 40 check images, once with the light model alone and once with all three phases; then what is odd,
and the picture of the pool by UMAP. Project, Select, Train, Results and the images behind a figure are photographed.
Then a second round is chosen and half of it labeled, by the names of the folders, at six seconds a label: Label, its
grid, its map, in the dark and on a phone. Nothing on the pictures is made up but the hand that labels.

The same place given again is taken up where it was left.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.bench import browser as browsers
from app.bench import tour_pages
from app.bench.picture import small
from fact_core.errors import InputError, RunError, storage_error
from fact_core.events import Log
from fact_core.exchange.folders import read_class_folders
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import DATABASE, Project, open_project
from fact_core.types import Step

if TYPE_CHECKING:
    from playwright.sync_api import Page

BUDGET, CHECKS, ROUND, LABELED = 60, 40, 60, 34
SECONDS = 6.0  # a label
LONGEST = 3600.0  # s that a run may take
#: The trainings, the one that is shown last.
RECIPES = ("lm", "fact")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this bench."""
    give = parser.add_argument
    give("--images", type=Path, required=True, metavar="DIR", help="folder with images, one sub-folder a class")
    give("--place", type=Path, metavar="DIR", help="where copies and project lie, seen on the pictures (a new one)")
    into = browsers.ROOT / "assets"
    give("--into", type=Path, default=into, metavar="DIR", help="where the pictures are written (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Take all pictures. InputError where the folder has no classes, or nowhere to put them; RunError."""
    if not given.into.is_dir():
        raise InputError("There is no such folder for the pictures", str(given.into))
    read_class_folders(given.images)  # before anything is made
    with _place(given.place) as place:
        project = yield from _trained(given.images, place)
        taken = yield from _photographed(project, place, given.into)
    sizes = [f"{name:14}{size / 1000:6.0f} kB" for name, size in taken.items()]
    return {"text": "\n".join(sizes), "json": [{"picture": name, "bytes": size} for name, size in taken.items()]}


@contextmanager
def _place(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tour-", ignore_cleanup_errors=True) as made:
        yield Path(made).resolve()


def _trained(source: Path, place: Path) -> Step[Project]:
    """The project after its first round: ``launch.py run``, which goes on where it was left."""
    images = place / "pictures" / source.resolve().name
    try:
        if not images.is_dir():
            shutil.copytree(source, images, ignore=shutil.ignore_patterns(".*"))
    except OSError as error:
        raise storage_error(error, "copying the images") from error
    folder = place / "projects" / images.name
    if not _is_trained(folder):
        for recipe in RECIPES:
            yield Log(f"A first round with {BUDGET} labels and {CHECKS} check images, recipe {recipe}")
            command = [sys.executable, "-m", "fact_core.cli", "run", "--images", str(images), "--project", str(folder)]
            command += ["--labels-from", "folders", "--budget", str(BUDGET), "--check", str(CHECKS)]
            command += ["--recipe", recipe, "--preset", "quick"]
            done = subprocess.run(command, cwd=browsers.ROOT, env=_env(place), check=False)
            if done.returncode:
                raise RunError("The first round did not come to its end", f"exit code {done.returncode}")
    return open_project(folder)


def _is_trained(folder: Path) -> bool:
    """Whether all trainings of the tour are there and have answered the pool."""
    if not (folder / DATABASE).is_file():
        return False
    project = open_project(folder)
    answered = {each.config["run"] for each in run_queue.list_runs(project, "predict") if each.status == "done"}
    recipes = {each.config["recipe"] for each in run_queue.list_runs(project, "train") if each.id in answered}
    return recipes >= set(RECIPES)


def _env(place: Path) -> dict[str, str]:
    home = place / "home"
    return {**os.environ, "FACT_STUDIO_HOME": str(home), "FACT_STUDIO_CACHE": str(home / "cache")}


def _photographed(project: Project, place: Path, into: Path) -> Step[dict[str, int]]:
    """Name -> bytes of each picture, which lies in ``into`` then."""
    taken: dict[str, int] = {}
    truth = _truth(project, [int(each) for each in items.pool_ids(project)])

    def take(page: Page, name: str) -> None:
        content = small(page.screenshot(), [tuple(each) for each in page.evaluate(tour_pages.COLOURS)])
        try:
            (into / name).write_bytes(content)
        except OSError as error:
            raise storage_error(error, "writing a picture") from error
        taken[name] = len(content)

    with browsers.serving(project, place / "home") as address, browsers.chromium() as browser:
        with browsers.window(browser, address, "select") as page:
            page.wait_for_function(tour_pages.THERE)
            for kind in ("odd", "map"):
                yield from _done(page, project, kind)
            if _is_first_round(project):
                for name, photograph in tour_pages.FIRST_ROUND.items():
                    photograph(page, truth)
                    take(page, name)
                    yield Log(name)
                tour_pages.choose_next(page, ROUND)
                yield from _waited(project, "select")
            label_some(project)
        for name, (photograph, width, scheme) in tour_pages.SECOND_ROUND.items():
            with browsers.window(browser, address, "label", width, scheme) as page:
                photograph(page, truth)
                take(page, name)
                yield Log(name)
    return taken


def _is_first_round(project: Project) -> bool:
    return len(selections.queue(project)) <= BUDGET + CHECKS


def _done(page: Page, project: Project, kind: str) -> Step[None]:
    """Have the program do a run of that kind, where it has done none."""
    if any(each.status == "done" for each in run_queue.list_runs(project, kind)):
        return
    page.evaluate("(kind) => FactStudio.start(kind)", kind)
    yield from _waited(project, kind)


def _waited(project: Project, kind: str) -> Step[None]:
    """Until the newest run of that kind has ended. RunError when it failed, or takes too long."""
    yield Log(f"waiting for {kind}")
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        newest = next(iter(run_queue.list_runs(project, kind)), None)
        if newest is not None and newest.status not in ("queued", "running"):
            if newest.status != "done":
                raise RunError(f"The run {kind} did not come to its end", newest.reason)
            return
        time.sleep(0.5)
    raise RunError(f"The run {kind} did not come to its end", f"after {LONGEST:.0f} s")


def label_some(project: Project, count: int = LABELED, seconds: float = SECONDS) -> None:
    """Label the first open images of the queue by the names of their folders, up to ``count`` of this round's picks."""
    states, known = labels_now.states(project), {each.name: each.id for each in classes.classes(project)}
    picks = [entry.item for entry in selections.queue(project) if entry.role == "pick"][-ROUND:]
    open_ones = [item for item in picks if item not in states][: max(0, count - sum(each in states for each in picks))]
    truth = _truth(project, open_ones)
    first = len(labels_now.history(project)) + 1
    ops = [Op(first + n, "label", item, known[truth[item]], lead_time=seconds) for n, item in enumerate(open_ones)]
    operations.apply(project, "tour", ops)


def _truth(project: Project, ids: Collection[int]) -> dict[int, str]:
    """Image -> the name of its folder."""
    return {item: Path(path).parent.name for item, path, _ in items.known(project, ids)}
