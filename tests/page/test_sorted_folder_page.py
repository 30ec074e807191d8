"""A person goes from a folder of photos to the sorted folder: two rounds, a second window, a restart, a reload between.

The real program from the first click to the last file. What is counted is looked up in the project, not on the page.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fact_core.folders import data_folder
from fact_core.labeling import acceptances, classes, finished, labels_now, selections
from fact_core.storage import db, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.page.browser_help import COUNTED, LONG, PAINTED, SOON, Serve, Served, Watch, choose, go, lowest_goal, on_page
from tests.storage_help import is_sound

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]

NAMES, EACH = ("red", "green", "blue"), 30
PICKS, CHECKS, MORE, LATER = 18, 36, 6, 9
SHOWN = "() => document.querySelector('.lb-about .clip').textContent"
DONE = "([kind, n]) => FactStudio.state.runs.filter((run) => run.kind === kind && run.status === 'done').length >= n"


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, str]:
    """90 photos in one folder, whose names say nothing: file name -> the colour of its ground and its pattern."""
    (tmp_path / "photos").mkdir()
    return taken(tmp_path, range(len(NAMES) * EACH))


def taken(tmp_path: Path, numbers: range) -> dict[str, str]:
    """Photos of these numbers, in the folder of photos."""
    rng, truth = np.random.default_rng(numbers.start), {}
    for number in numbers:
        name = NAMES[number % len(NAMES)]
        picture(rng, NAMES.index(name)).save(tmp_path / "photos" / f"{number:03d}.png")
        truth[f"{number:03d}.png"] = name
    return truth


def picture(rng: np.random.Generator, kind: int) -> Image.Image:
    """Red with lines across, green with lines down, blue with dots; a grey thing before it."""
    ground = rng.integers(0, 40, 3)
    ground[kind] = rng.integers(190, 255)
    made = Image.new("RGB", (64, 64), tuple(ground.tolist()))
    pen, wide, from_ = ImageDraw.Draw(made), int(rng.integers(3, 6)), int(rng.integers(0, 8))
    for at in range(from_, 64, 4 * wide):
        if kind == 0:
            pen.rectangle((0, at, 64, at + wide), fill=(255, 255, 255))
        elif kind == 1:
            pen.rectangle((at, 0, at + wide, 64), fill=(0, 0, 0))
        else:
            for down in range(0, 64, 4 * wide):
                pen.ellipse((at, down, at + 2 * wide, down + 2 * wide), fill=(255, 255, 0))
    x, y, w, h, grey = rng.integers((0, 0, 8, 8, 0), (40, 40, 26, 26, 255)).tolist()
    (pen.rectangle, pen.ellipse)[int(rng.integers(2))]((x, y, x + w, y + h), fill=(grey, grey, grey))
    return made


def test_from_the_folder_to_the_sorted_folder(
    serve: Serve, page: Page, watch: Watch, photos: dict[str, str], tmp_path: Path
) -> None:
    first = serve()
    page.goto(first.address)
    project = new_project(page, tmp_path / "photos")
    choose_images(page)
    given: dict[str, str] = {}
    go(page, "label")
    for number, name in enumerate(NAMES, start=1):
        page.evaluate(PAINTED)
        page.keyboard.press("n")
        expect(page.locator(".lb-classes .lb-edit")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.locator(".lb-classes .lb-name")).to_have_count(number)
    label_by_keys(page, project, photos, given, 20)
    page.reload()  # in the midst of it
    on_page(page, "label")
    label_by_keys(page, project, photos, given, PICKS + CHECKS)
    train(page, 1)

    # A second window asks for a promise and accepts; the first one hears of it.
    open_finish(page)
    other = page.context.new_page()
    other.set_default_timeout(SOON)
    watch.follow(other)
    other.goto(page.url)
    open_finish(other)
    accept(other)
    expect(page.locator("#finish-undo")).to_be_visible()
    accepted = len(acceptances.now(project))
    assert accepted > 0 and len(acceptances.looks(project)) == 1
    lowest_goal(page)  # the same question costs nothing
    assert_counts(project, given, accepted)

    # The server is killed and started anew: everything is there.
    watch.calm = False
    first.kill()
    assert is_sound(project)
    again(serve, first, page, other)
    watch.calm = True
    open_finish(page)
    assert_counts(project, given, accepted)

    # More photos come into the folder: they are answered, and what is open is labeled in the grid.
    photos |= taken(tmp_path, range(len(photos), len(photos) + LATER))
    look_again(page, len(photos))
    assert_counts(project, given, accepted)
    review_the_rest(page, project, photos)
    open_finish(page)
    page.reload()
    open_finish(page)
    expect(page.locator("#results-finish")).to_contain_text("The folder is finished.")
    by_person = {row.path: row.label for row in finished.rows(project) if row.source == "person"}
    assert_counts(project, by_person, len(photos) - len(by_person))
    sort(page, tmp_path / "sorted")
    assert_sorted(project, photos, tmp_path)
    assert len(run_queue.list_runs(project, "train")) == 1 and len(run_queue.list_runs(project, "sort")) == 1


def test_a_second_round_counts_no_label_twice(serve: Serve, page: Page, photos: dict[str, str], tmp_path: Path) -> None:
    """ "Label these next", labeled in another window than the one that asked; each image once in the queue."""
    page.goto(serve().address)
    project = new_project(page, tmp_path / "photos")
    choose_images(page)
    given: dict[str, str] = {}
    for name in NAMES:
        classes.add_class(project, name)
    go(page, "label")
    label_by_keys(page, project, photos, given, PICKS + CHECKS)
    train(page, 1)
    open_finish(page)
    other = page.context.new_page()
    other.set_default_timeout(SOON)
    other.goto(page.url)
    page.locator("#results-next").click()
    page.locator("#next-count").fill(str(MORE))
    page.get_by_role("button", name=f"Choose {MORE} images").click()
    on_page(page, "select")
    page.wait_for_function(DONE, arg=["select", 2], timeout=LONG)
    go(other, "label")
    expect(other.locator(".lb-count-of")).to_contain_text(f"{len(given)} of {len(given) + MORE}")
    label_by_keys(other, project, photos, given, PICKS + CHECKS + MORE)
    queue = [entry.item for entry in selections.queue(project)]
    assert len(queue) == len(set(queue)) == PICKS + CHECKS + MORE == len(given)
    expect(page.locator("nav.steps button[data-id=label] .fact")).to_have_text(f"{len(given)} of {len(given)}")
    train(other, 2)
    runs = {run.id: run.result for run in run_queue.list_runs(project, "train")}
    assert sorted(len(result["ids"]) for result in runs.values()) == [PICKS, PICKS + MORE]
    assert_counts(project, given, 0)


# ---- steps of the way ------------------------------------------------------------------------------------


def new_project(page: Page, folder: Path) -> Project:
    on_page(page, "project")
    page.locator("#p-images").fill(str(folder))
    page.get_by_role("button", name="Create and scan").click()
    expect(page.locator("#page-project .fact")).to_have_text("90 images are ready.", timeout=LONG)
    (found,) = {file.parent for file in data_folder().rglob(projects.DATABASE)}
    return projects.open_project(found)


def choose_images(page: Page) -> None:
    go(page, "select")
    page.locator("#sf-budget").fill(str(PICKS))
    page.locator("#sf-check").fill(str(CHECKS))
    page.locator(".sl-primary").click()
    expect(page.locator(".sl-strip .sl-tile")).to_have_count(PICKS, timeout=LONG)


def label_by_keys(page: Page, project: Project, truth: dict[str, str], given: dict[str, str], upto: int) -> None:
    """Give each image its class, until ``upto`` are labeled. given: file name -> class, is added to."""
    while len(given) < upto:
        page.evaluate(PAINTED)
        file = str(page.evaluate(SHOWN))
        assert file not in given, f"{file} is shown a second time"
        given[file] = truth[file]
        page.keyboard.press(str(NAMES.index(truth[file]) + 1))
        page.wait_for_function(COUNTED, arg=len(given))
    page.wait_for_function("(n) => FactStudio.state.labels.total >= n", arg=len(given))  # the server has told of all
    assert by_the_person(project) == given


def train(page: Page, number: int) -> None:
    go(page, "train")
    choose(page, "recipe", "Linear probe")
    page.locator("#train-start").click()
    page.wait_for_function(DONE, arg=["train", number], timeout=LONG)
    page.wait_for_function(DONE, arg=["predict", number], timeout=LONG)


def open_finish(page: Page) -> None:
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    go(page, "results")
    expect(page.locator("#results-finish")).to_be_visible(timeout=LONG)


def look_again(page: Page, images: int) -> None:
    """Scan the folder again and have the new photos answered."""
    go(page, "project")
    page.get_by_role("button", name="Scan again").click()
    expect(page.locator("#page-project .fact")).to_have_text(f"{images} images are ready.", timeout=LONG)
    open_finish(page)
    expect(page.locator(".results-note")).to_contain_text(f"{LATER} images came into the folder")
    page.locator("#results-answer").click()
    page.wait_for_function(DONE, arg=["predict", 2], timeout=LONG)
    expect(page.locator("#results-answer")).to_have_count(0)


def accept(page: Page) -> None:
    """The lowest goal, which 24 check images can carry."""
    lowest_goal(page)
    page.locator("#finish-ask").click()
    expect(page.locator("#finish-can")).to_contain_text("can be accepted")
    page.locator("#finish-accept").click()
    expect(page.locator("#finish-undo")).to_be_visible()


def again(serve: Serve, before: Served, page: Page, other: Page) -> None:
    """The server that came in the place of the other one: the page is opened by its address, both windows go on."""
    second, opened = serve(port=before.port), re.search(r"p=(\w+)", page.url)
    assert opened is not None
    page.goto(f"{second.address}&p={opened[1]}")
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    for each in (page, other):
        expect(each.locator(".offline")).to_have_count(0)
    other.close()


def review_the_rest(page: Page, project: Project, truth: dict[str, str]) -> None:
    """The model's answers in the grid, and the images that are unlike every class one by one."""
    paths = {item.id: item.path for item in items.get_many(project, items.pool(project).ids.tolist())}
    page.locator("#finish-review").click()
    lists = page.get_by_label("Which images")
    lists.locator("option[value^='rest:']").first.wait_for(state="attached")  # they are on their way from the server
    for _ in range(len(truth)):
        names = lists.locator("option").evaluate_all("all => all.map((each) => each.value)")
        mine = [name for name in names if name.startswith("rest:")]
        if not mine:
            return
        lists.select_option(mine[0])
        page.locator(".lg-tile").first.wait_for()
        shown = page.locator(".lg-tile").evaluate_all("all => all.map((each) => each.fsId)")
        before = len(labels_now.snapshot(project).ids)
        like = mine[0].removeprefix("rest:")
        wrong = [n for n in shown if like == "strange" or truth[paths[n]] != NAMES[int(like) - 1]]
        if wrong:
            page.locator(f"#lg-{wrong[0]}").click()
            page.keyboard.press(str(NAMES.index(truth[paths[wrong[0]]]) + 1))
        else:
            page.get_by_role("button", name="Confirm").click()
        page.wait_for_function("(n) => FactStudio.state.labels.total > n", arg=before)


def sort(page: Page, into: Path) -> None:
    page.locator("#results-sort").click()
    page.locator("#sort-into").fill(str(into))
    button = page.get_by_role("button", name="Sort 99 images")
    expect(button).to_be_enabled()
    button.click()
    expect(page.locator(".sort-done .note.good")).to_contain_text(str(into), timeout=LONG)


# ---- what holds ------------------------------------------------------------------------------------------


def by_the_person(project: Project) -> dict[str, str]:
    """File name -> class, as the database has it."""
    held, pool = labels_now.snapshot(project), items.pool(project)
    names = dict(zip(pool.ids.tolist(), pool.paths, strict=True))
    return {names[int(i)]: held.classes[int(y)] for i, y in zip(held.ids, held.y, strict=True)}


def assert_counts(project: Project, given: dict[str, str], taken: int) -> None:
    """Nothing is lost and nothing is there twice: labels, the history's rows, what is accepted, what is open."""
    assert by_the_person(project) == given
    with db.connect(project.db) as con:
        (twice,) = con.execute(
            "SELECT count(*) FROM (SELECT item FROM label WHERE op = 'label' GROUP BY item HAVING count(*) > 1)"
        ).fetchone()
    assert twice == 0
    rows = finished.rows(project)
    assert len({row.id for row in rows}) == len(rows) == len(items.pool(project).ids)
    sources = [row.source for row in rows]
    assert (sources.count("person"), sources.count("accepted")) == (len(given), taken)


def assert_sorted(project: Project, truth: dict[str, str], folder: Path) -> None:
    """Each photo lies in one folder, that of its label; those that stay are untouched; the list says the same."""
    files = list((folder / "sorted").rglob("*.png"))
    placed = {file.name: file.parent.name for file in files}
    assert len(files) == len(placed) == len(truth)
    assert placed == {row.path: row.label for row in finished.rows(project)}
    people = {row.path for row in finished.rows(project) if row.source == "person"}
    assert all(placed[name] == truth[name] for name in people)
    right = [placed[name] == truth[name] for name in truth if name not in people]
    assert sum(right) >= 0.8 * len(right), "the promise of 80 %"
    for file in files:
        assert file.read_bytes() == (folder / "photos" / file.name).read_bytes()
    assert len(list((folder / "photos").iterdir())) == len(truth)
    rows = list(csv.DictReader((folder / "sorted" / "list.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(truth) and not any(re.search("unsure", row["label"]) for row in rows)
