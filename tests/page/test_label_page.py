"""The Label page in a real browser: keys at speed, suggestions, the grid, the map, undo across reloads, two windows."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.pages.label.class_text import TEXT as CLASSES
from app.pages.label.text import TEXT
from fact_core.files import write_text
from fact_core.folders import data_folder
from fact_core.images.demo import demo_truth
from fact_core.labeling import classes, labels_now, operations, other_class, selections
from fact_core.labeling.history import Op, State
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect

from tests.page.browser_help import DIGITS, LONG, PAINTED, AddressOf, Serve, Watch, on_page, soon

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]

KEYS, PACE = 200, 0.2  # images labeled one by one, seconds between two keys
IN_THE_GRID, A_SCREEN = 1000, 30
NAME = "() => document.querySelector('.lb-about .clip').title"
QUIET = "() => document.querySelector('.lb-sync').dataset.state === 'saved'"


def truths(project: Project) -> dict[str, str]:
    """File name -> digit."""
    found = demo_truth(project.images)
    assert found is not None
    return {path.rpartition("/")[2]: str(name) for path, name in found.items()}


def saved(page: Page) -> None:
    page.wait_for_function(QUIET)


def begin(page: Page, budget: int, backbone: str) -> Project:
    """Choose images of the demo and go to the Label page, with a class a digit."""
    on_page(page, "project")
    page.wait_for_function(
        "() => FactStudio.state && FactStudio.state.counts && FactStudio.state.counts.pool === 1797", timeout=LONG
    )
    page.evaluate(
        "(config) => FactStudio.start('select', config)",
        {"budget": str(budget), "strategy": "random", "check": 20, "backbone": backbone},
    )
    page.wait_for_function(
        "() => FactStudio.state.selection && FactStudio.state.map && FactStudio.state.map.kind", timeout=LONG
    )
    project = projects.open_project(data_folder() / "demo")
    for digit in DIGITS:
        classes.add_class(project, digit)
    page.evaluate("() => { location.hash = 'label'; }")
    on_page(page, "label")
    page.wait_for_function("() => document.querySelectorAll('.lb-class[data-id]').length === 10")
    expect(page.locator("[data-act=train] .lb-long")).to_have_text(TEXT["label.train"].format(n=0))
    return project


def test_a_person_labels_by_key_by_grid_and_on_the_map(
    serve: Serve, page: Page, browser: Browser, tmp_path: Path, small_network: str
) -> None:
    served = serve("--demo")
    page.goto(served.address)
    project = begin(page, KEYS + 5, small_network)
    truth = truths(project)
    given = by_key(page, project, truth)
    accept_a_suggestion(page, project)
    given_now = in_the_grid(page, project, truth)
    assert given.items() <= given_now.items(), "the grid changed a label given by key"
    on_the_map(page, project)
    undo_outlives_a_reload(page, project)
    another_window_sees_it(page, project)
    classes_come_and_go(page, project)
    labels_from_a_file(page, project, tmp_path)
    find_a_class(page, project)


def by_key(page: Page, project: Project, truth: dict[str, str]) -> dict[int, str]:
    """200 images, at most 5 a second, each key for the image that is shown; the history is exactly that, in order."""
    expect(page.locator(".lb-frame .lb-next")).to_have_count(1)  # the next image is painted ahead
    told: list[tuple[str, str]] = []
    begun = time.monotonic()
    for number in range(KEYS):
        page.wait_for_timeout(max(0.0, 1000 * (begun + number * PACE - time.monotonic())))
        page.evaluate(PAINTED)  # a key acts on what a person sees
        name = page.evaluate(NAME).rpartition("/")[2]
        page.keyboard.press(str((int(truth[name]) + 1) % 10))
        told.append((name, truth[name]))
    saved(page)
    names, paths = {row.id: row.name for row in classes.classes(project)}, paths_of(project)
    history = labels_now.history(project)
    assert [(paths[row.item], names[row.class_id]) for row in history if row.item and row.class_id] == told
    assert len({name for name, _ in told}) == KEYS, "an image was shown twice"
    assert all(row.op == "label" and row.source == "person" and row.lead_time is not None for row in history)
    assert all(row.annotator for row in history), "it is not known who did it"
    return {row.item: names[row.class_id] for row in history if row.item and row.class_id}


def paths_of(project: Project) -> dict[int, str]:
    from fact_core.storage import items

    pool = items.pool(project)
    return {int(item): path.rpartition("/")[2] for item, path in zip(pool.ids, pool.paths, strict=True)}


def accept_a_suggestion(page: Page, project: Project) -> None:
    """Enter takes what is suggested, and the history says so; turned off, Enter does nothing."""
    expect(page.locator("[data-act=accept]")).to_be_visible()
    name = page.locator(".lb-answer strong").inner_text()
    before = len(labels_now.history(project))
    page.keyboard.press("Enter")
    saved(page)
    row = labels_now.history(project)[-1]
    assert (row.source, {c.id: c.name for c in classes.classes(project)}[row.class_id or 0]) == ("suggestion", name)
    page.locator("[data-act=suggest]").click()
    expect(page.locator("[data-act=accept]")).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert len(labels_now.history(project)) == before + 1
    page.locator("[data-act=suggest]").click()
    expect(page.locator("[data-act=accept]")).to_be_visible()


def in_the_grid(page: Page, project: Project, truth: dict[str, str]) -> dict[int, str]:
    """1,000 images: look through what looks like a digit, mark the wrong ones, Enter gives the rest."""
    paths, before = paths_of(project), labels_now.history(project)
    page.keyboard.press("g")
    expect(page.locator(".lg-scroll")).to_be_visible()
    done: dict[int, str] = {}
    rounds = 0
    while len(done) < IN_THE_GRID:
        rounds += 1
        assert rounds < 200, f"only {len(done)} images after {rounds} rounds"
        like = best_list(page)
        if like is None:
            break
        page.wait_for_timeout(100)
        scroll = page.locator(".lg-scroll")
        for _ in range(3):  # what was not on the screen is not confirmed
            scroll.evaluate("(e) => { e.scrollTop += e.clientHeight * 0.8; }")
            page.wait_for_timeout(60)
        shown, marked = list[int](), set[int]()
        while (
            now := page.evaluate(SEEN)
        ) != shown:  # on a busy machine a picture is painted late, and counts from then
            shown, wrong = now, [item for item in now if truth[paths[item]] != like and item not in marked]
            assert page.evaluate(MARK, wrong) == [], "a wrong image could not be clicked"
            marked |= set(wrong)
        rest = [item for item in shown if item not in marked]
        expect(page.locator("[data-act=gridconfirm]")).to_contain_text(f"{len(rest):,}")
        page.keyboard.press("Enter")
        saved(page)
        done |= dict.fromkeys(rest, like)
        page.wait_for_timeout(150)
    assert len(done) >= IN_THE_GRID, f"{len(done)} images could be confirmed"
    history = labels_now.history(project)[len(before) :]
    names = {row.id: row.name for row in classes.classes(project)}
    assert {row.item: names[row.class_id or 0] for row in history} == done
    assert {row.source for row in history} == {"grid"} and len(history) == len(done)
    assert not check_images(project) & set(done), "check images were labeled unseen"
    page.keyboard.press("g")
    return {row.item: names[row.class_id or 0] for row in labels_now.history(project) if row.item}


def check_images(project: Project) -> set[int]:
    from fact_core.labeling import selections

    return {entry.item for entry in selections.queue(project) if entry.role == "audit"}


#: The images of the list that were on the screen, in order: those up to the number in the head.
SEEN = """async () => {
    const pictured = () => [...document.querySelectorAll('.lg-tile img')].every((img) => img.complete);
    for (let wait = 0; wait < 200 && !pictured(); wait += 1) await new Promise((done) => setTimeout(done, 50));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const head = document.querySelector('.lb-grid .pane-head .small').textContent;
    const seen = Number(head.replace(/,/g, '').split(' ')[0]);
    const box = document.querySelector('.lg-scroll'), found = new Map(), at = box.scrollTop;
    for (let top = 0; found.size < seen && top <= box.scrollHeight; top += box.clientHeight) {
        box.scrollTop = Math.min(top, at);
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        for (const tile of box.querySelectorAll('.lg-tile')) found.set(tile.fsPlace, tile.fsId);
        if (box.scrollTop >= at) break;
    }
    box.scrollTop = at;
    return [...found].sort((a, b) => a[0] - b[0]).map(([, id]) => id).slice(0, seen);
}"""
#: A click on each of the images, scrolled to. Answers for which there was none, and why.
MARK = """async (wrong) => {
    const box = document.querySelector('.lg-scroll'), end = box.scrollTop;
    const left = new Map(wrong.map((id) => [id, 'is not drawn']));
    const name = (node) => node ? `${node.tagName} ${node.className}` : 'nothing';
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    for (let top = 0; left.size && top <= end + box.clientHeight; top += box.clientHeight / 2) {
        box.scrollTop = Math.min(top, end);
        await frame();
        const frame0 = box.getBoundingClientRect(), bar = document.querySelector('.lg-bar').getBoundingClientRect();
        for (const tile of [...box.querySelectorAll('.lg-tile')]) {
            if (!left.has(tile.fsId)) continue;
            const at = tile.getBoundingClientRect(), x = at.left + at.width / 2, y = at.top + at.height / 3;
            const told = `${top}: ${box.scrollTop} of ${end}, y ${y}, ${frame0.top} ${frame0.bottom} ${bar.top}`;
            left.set(tile.fsId, `is not on the screen (${told})`);
            if (y < frame0.top || y > Math.min(frame0.bottom, bar.top)) continue;
            const hit = document.elementFromPoint(x, y);
            left.set(tile.fsId, `lies under ${name(hit)} (${told})`);
            if (!hit || hit.closest('.lg-tile') !== tile) continue;
            const how = {clientX: x, clientY: y, button: 0, bubbles: true, pointerType: 'mouse'};
            for (const kind of ['pointerdown', 'pointerup', 'click']) box.dispatchEvent(new PointerEvent(kind, how));
            left.delete(tile.fsId);
        }
        if (box.scrollTop >= end && top > end) break;
    }
    box.scrollTop = end; // pictures that are painted late lie farther down
    await frame();
    return [...left].map(([id, why]) => `${id} ${why}`);
}"""


def best_list(page: Page) -> str | None:
    """Show the class that most images look like, of those that were not looked through; the last one while it lasts."""
    page.wait_for_timeout(250)  # suggestions from the labels just given
    found = page.evaluate(
        """async (enough) => {
            const list = document.querySelector('.lb-grid select');
            const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const shown = async (option) => {
                list.value = option.value;
                list.dispatchEvent(new Event('change'));
                await frame();
                const words = document.querySelector('.lb-grid .pane-head .small').textContent.replace(/,/g, '');
                return Number((words.match(/of (\\d+)/) || [0, 0])[1]);
            };
            const last = list.selectedOptions[0];
            if (last?.value.startsWith('like:') && await shown(last) >= enough)
                return [last.value, enough, last.textContent];
            let best = ['', 0, ''];
            for (const option of [...list.options].filter((each) => each.value.startsWith('like:'))) {
                const n = await shown(option);
                if (n > best[1]) best = [option.value, n, option.textContent];
            }
            if (best[1]) { list.value = best[0]; list.dispatchEvent(new Event('change')); await frame(); }
            return best;
        }""",
        A_SCREEN,
    )
    return str(found[2]).rpartition(" ")[2] if found[1] else None


def on_the_map(page: Page, project: Project) -> None:
    """A loop around the whole map, then a class: all open images get it in one step, no check image does."""
    before = labels_now.history(project)
    done = {row.item for row in before}
    the_legend_hides_and_isolates(page)
    page.locator("[data-act=lasso]").click()
    hidden_dots_are_not_chosen(page)
    loop(page)
    expect(page.locator(".lb-chosen")).to_be_visible()
    page.keyboard.press("g")  # the grid shows what is selected, no other list
    expect(page.locator(".lb-grid .lb-colour").first.locator("option:checked")).to_contain_text("Selected on the map")
    assert lists_without_an_arrow(page) == []
    page.keyboard.press("g")
    page.keyboard.press("4")
    saved(page)
    history = labels_now.history(project)[len(before) :]
    told = {row.item for row in history}
    assert len(told) > 100 and not told & done and not told & check_images(project)
    assert {(row.source, row.batch) for row in history} == {("map", history[0].seq)}
    assert all(row.lead_time is not None for row in history), "it is not known how long it took"
    expect(page.locator(".lb-chosen")).to_be_hidden()
    page.keyboard.press("Control+z")
    saved(page)
    assert {item for item, state in labels_now.states(project).items() if state.kind == "label"} == done
    page.locator("[data-act=lasso]").click()

    page.locator("[data-act=find]").click()
    page.get_by_role("searchbox", name=TEXT["label.map_search"]).fill("digit_00")
    page.keyboard.press("Enter")
    found = sum("digit_00" in name for name in paths_of(project).values())
    expect(page.locator(".lb-map .lb-search .small")).to_have_text(f"{found} images")
    expect(page.get_by_role("searchbox", name=TEXT["label.map_search"])).not_to_be_focused()  # a key gives a class now
    page.keyboard.press("Escape")
    expect(page.locator(".lb-chosen")).to_be_hidden()


def lists_without_an_arrow(page: Page) -> list[str]:
    """Lists that look like plain words."""
    plain = "(all) => all.filter((each) => getComputedStyle(each).appearance === 'none').map((each) => each.className)"
    return list(page.locator("select:visible").evaluate_all(plain))


def the_legend_hides_and_isolates(page: Page) -> None:
    """A click hides a class and shows it again; a double click leaves it alone, and a second one brings all back."""
    keys, shown = page.locator(".lb-legend [data-key]"), page.locator(".lb-legend [aria-pressed=true]")
    n = keys.count()
    assert n > 2
    keys.first.click()
    expect(shown).to_have_count(n - 1)
    page.wait_for_timeout(600)  # longer than a double click
    keys.first.click()
    expect(shown).to_have_count(n)
    for alone in (1, n):
        page.wait_for_timeout(600)
        keys.nth(1).dblclick()
        expect(shown).to_have_count(alone)


def hidden_dots_are_not_chosen(page: Page) -> None:
    """Where the legend leaves one class, a loop around the whole map chooses no dot of another."""
    page.locator(".lb-map .pane-head select").select_option("like")
    key = page.locator(".lb-legend [data-key]").first
    chosen: list[int] = []
    for _ in range(2):
        loop(page)
        expect(page.locator(".lb-chosen")).to_be_visible()
        chosen.append(int(page.locator(".lb-chosen strong").inner_text().split()[0].replace(",", "")))
        page.keyboard.press("Escape")
        expect(page.locator(".lb-chosen")).to_be_hidden()
        key.dblclick()
        page.wait_for_timeout(600)
    assert 0 < chosen[1] < chosen[0]
    assert chosen[1] <= int(key.locator("small").inner_text().replace(",", ""))
    page.locator(".lb-map .pane-head select").select_option("label")


def loop(page: Page) -> None:
    """Draw a circle as large as the map."""
    box = page.locator("#page-label .fm-top").bounding_box()
    assert box is not None
    x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, min(box["width"], box["height"]) / 2 - 4
    page.mouse.move(x + r, y)
    page.mouse.down()
    for step in range(1, 41):
        page.mouse.move(x + r * math.cos(step / 40 * 2 * math.pi), y + r * math.sin(step / 40 * 2 * math.pi))
    page.mouse.up()


def undo_outlives_a_reload(page: Page, project: Project) -> None:
    """After a reload undo goes on with what was done before it, a grid's batch in one step; then redo."""
    before = labels_now.states(project)
    page.reload()
    on_page(page, "label")
    expect(page.locator("[data-act=undo]").first).to_be_enabled()
    page.keyboard.press("Backspace")
    once = other_than(page, project, before)
    batch = labels_now.history(project)[-1].batch
    gone = {
        item for item in before if before[item].kind == "label" and (item not in once or once[item].kind != "label")
    }
    assert gone and batch is not None
    assert len(gone) == Counter(row.batch for row in labels_now.history(project) if row.op == "undo")[batch]
    page.keyboard.press("Control+Shift+z")
    now = other_than(page, project, once)
    assert {item: state.class_id for item, state in now.items()} == {
        item: state.class_id for item, state in before.items()
    }


def other_than(page: Page, project: Project, before: dict[int, State], patience: float = 30) -> dict[int, State]:
    """The labels as soon as they are not what they were, and all are saved."""
    until = time.monotonic() + patience
    while labels_now.states(project) == before and time.monotonic() < until:
        page.wait_for_timeout(100)
    saved(page)
    return labels_now.states(project)


def another_window_sees_it(page: Page, project: Project) -> None:
    """A label of another window is there within 2 s; the later one wins, and the history keeps both."""
    other = page.context.new_page()
    other.goto(page.url)
    on_page(other, "label")
    other.wait_for_function("() => document.querySelectorAll('.lb-class[data-id]').length === 10")
    count = "() => document.querySelectorAll('.lb-class .lb-count')[{}].textContent"
    was = [int(other.evaluate(count.format(digit)).replace(",", "")) for digit in range(10)]
    page.wait_for_timeout(1500)
    name = page.evaluate(NAME)
    page.keyboard.press("1")
    began = time.monotonic()
    expected = f"{was[0] + 1:,}"
    other.wait_for_function(f"() => ({count.format(0)})() === '{expected}'", timeout=20_000)
    assert time.monotonic() - began < 4, "the other window was told late"  # 2 s on a computer that does nothing else
    item = next(item for item, path in paths_of(project).items() if name.endswith(path))
    operations.apply(project, "somebody.else", [Op(1, "label", item, classes.classes(project)[9].id)])
    other.wait_for_function(f"() => ({count.format(9)})() === '{was[9] + 1:,}'", timeout=20_000)
    assert labels_now.states(project)[item].class_id == classes.classes(project)[9].id
    assert [row.client for row in labels_now.history(project, item)][-1] == "somebody.else"
    assert len(labels_now.history(project, item)) >= 2
    other.close()


def counts(project: Project) -> dict[str, int]:
    return {each.name: each.count for each in classes.classes(project)}


def settled(page: Page, project: Project, wanted: dict[str, int], patience: float = 30) -> None:
    """The classes become what is wanted, in the database and on the page."""
    until = time.monotonic() + patience
    while counts(project) != wanted and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert counts(project) == wanted
    names = page.locator(".lb-class[data-id] .lb-name")
    expect(names).to_have_text(list(wanted))
    expect(page.locator(".lb-class[data-id] .lb-count")).to_have_text([f"{n:,}" for n in wanted.values()])


def menu(page: Page, name: str, act: str) -> None:
    line = page.locator(".lb-class[data-id]").filter(has=page.locator(f".lb-name[title='{name}']"))
    line.click(button="right")
    page.get_by_role("menuitem", name=act).click()


def classes_come_and_go(page: Page, project: Project) -> None:
    """Delete and merge say how many labels go; the key for undo takes them back, as the button in the notice does."""
    before = counts(project)
    menu(page, "3", CLASSES["classes.delete"])
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text(f"{before['3']:,}")
    dialog.get_by_role("button", name=CLASSES["classes.delete"]).click()
    settled(page, project, {name: n for name, n in before.items() if name != "3"})
    expect(page.locator(".toast.acts")).to_be_visible()
    page.keyboard.press("Control+z")
    settled(page, project, before)

    menu(page, "4", CLASSES["classes.merge"])
    dialog.get_by_role("combobox").select_option("5")
    dialog.get_by_role("button", name=CLASSES["classes.merge_yes"]).click()
    merged = {name: n for name, n in before.items() if name != "4"} | {"5": before["5"] + before["4"]}
    settled(page, project, merged)
    page.locator(".toast").get_by_role("button", name=TEXT["label.undo"]).click()
    settled(page, project, before)

    offered = page.locator(".lb-classes").get_by_role("button", name=CLASSES["classes.none"])
    offered.click()
    none = page.locator(".lb-class[data-id]", has_text=CLASSES["classes.none"])
    expect(none).to_contain_text(TEXT["label.needs_two"])  # a row has room for that alone
    expect(page.locator(".lb-add", has_text=CLASSES["classes.none"])).to_have_count(0)  # there is one at most
    assert other_class.name_of(project) == CLASSES["classes.none"]
    menu(page, CLASSES["classes.none"], CLASSES["classes.ordinary"])
    expect(none).not_to_contain_text(CLASSES["classes.none_is"])
    menu(page, "4", CLASSES["classes.other"])
    expect(page.locator(".lb-class[data-id]", has_text=CLASSES["classes.none_is"])).to_have_count(1)
    assert other_class.name_of(project) == "4"
    menu(page, "4", CLASSES["classes.ordinary"])
    menu(page, CLASSES["classes.none"], CLASSES["classes.delete"])
    dialog.get_by_role("button", name=CLASSES["classes.delete"]).click()
    settled(page, project, before)


def labels_from_a_file(page: Page, project: Project, folder: Path) -> None:
    """A CSV is shown before anything happens; then one step, which one key takes back."""
    before, history = counts(project), len(labels_now.history(project))
    labeled = labels_now.states(project)
    free = [path for item, path in paths_of(project).items() if item not in labeled][:5]
    file = folder / "labels.csv"
    file.write_text("file_name,label\n" + "".join(f"{name},7\n" for name in free) + "none.png,7\n", "utf-8")
    page.get_by_role("button", name=CLASSES["import.open"]).click()
    page.locator("dialog[open] input[type=file]").set_input_files(file)
    expect(page.locator("dialog[open] .li-shown")).to_contain_text("none.png")
    assert len(labels_now.history(project)) == history, "the preview changed something"
    page.locator("dialog[open] .btn.primary").click()
    settled(page, project, before | {"7": before["7"] + 5})
    expect(page.locator(".toast.acts")).to_be_visible()
    page.keyboard.press("Control+z")
    settled(page, project, before)


def find_a_class(page: Page, project: Project) -> None:
    """More classes than keys: the first letters, then Enter; a key of its own."""
    for name in ("oak tree", "old oak", "maple"):
        classes.add_class(project, name)
    page.wait_for_function("() => document.querySelectorAll('.lb-class[data-id]').length === 13")
    before = len(labels_now.history(project))
    page.keyboard.press("o")
    expect(page.locator(".lb-found li").first).to_have_text("oak tree")
    page.keyboard.type("l")
    expect(page.locator(".lb-found li").first).to_have_text("old oak")
    page.keyboard.press("Enter")
    saved(page)
    rows = labels_now.history(project)
    assert len(rows) == before + 1
    assert {c.id: c.name for c in classes.classes(project)}[rows[-1].class_id or 0] == "old oak"
    expect(page.locator(".lb-finder")).to_have_count(0)


def test_work_goes_on_where_it_was_left(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """First what has no answer, then what was skipped; the head tells of what is shown, the notice goes by a key."""
    project = flat_project(tmp_path, images=6)
    ids = np.arange(1, 6, dtype=np.int64)
    chosen = Selection(ids, ("pick",) * 3 + ("audit",) * 2, ids[:0], "random", {"budget": 3, "check": 2})
    selections.save(project, chosen, None)
    number = classes.ensure_classes(project, ["a long name"])["a long name"]
    for at, item in enumerate((1, 3, 4, 5), 1):
        operations.apply(project, "test", [Op(at, "label", item, number, None)])
    operations.apply(project, "test", [Op(5, "skip", 2, None, None)])
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("() => FactStudio.go('label')")
    on_page(page, "label")
    expect(page.locator(".lb-answer .lb-number")).to_have_text("2 of 3")
    expect(page.locator(".lb-count-of")).to_have_text("4 of 5, 2 of them check images")
    expect(page.locator(".lb-skipped")).to_have_text("1 skipped: go back to it")
    expect(page.locator("[data-act=train]")).to_be_disabled()  # of one class nothing can be learned
    page.set_viewport_size({"width": 390, "height": 844})  # nothing of the head lies over the next
    row = [
        page.locator(f".lb-head {each}").bounding_box()
        for each in (".lb-count-of", ".lb-skipped", ".lb-sync", "[data-act=train]")
    ]
    ends = [(box["x"], box["x"] + box["width"]) for box in row if box]
    assert len(ends) == 4 and all(one[1] <= other[0] for one, other in pairwise(ends)), ends
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(700)
    page.keyboard.press("ArrowRight")
    expect(page.locator("div.lb-notice")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lb-count-of")).to_have_text("4 of 5, 2 of them check images")
    page.locator(".lb-skipped").click()
    expect(page.locator(".lb-answer .lb-number")).to_have_text("2 of 3")
    classes.add_class(project, "lily of the valley")
    name = page.locator(".lb-name").nth(1)
    expect(name).to_have_text("lily of the valley")
    soon(lambda: name.evaluate("(each) => each.scrollWidth <= each.clientWidth"))  # the name is not cut


def test_a_long_name_of_a_class_is_read_whole_whatever_stands_below_it(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    project = flat_project(tmp_path, images=6)
    selections.save(project, Selection(np.arange(1, 6, dtype=np.int64), ("pick",) * 5, np.arange(0), "random"), None)
    names = ["rose", "Passiflora caerulea var. constance-elliottii", "a_name_without_a_space_in_it_that_goes_on"]
    numbers = classes.ensure_classes(project, names)
    operations.apply(project, "test", [Op(n, "label", n, numbers[name]) for n, name in enumerate(names[:2], 1)])
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("() => FactStudio.go('label')")
    shown = page.locator(".lb-name")
    expect(shown).to_have_text(names)
    expect(page.locator(".lb-needs").nth(2)).to_have_text(TEXT["label.needs_two"])
    cut = "nodes => nodes.map((n) => [n.scrollWidth - n.clientWidth, n.scrollHeight - n.clientHeight])"
    soon(lambda: shown.evaluate_all(cut), [[0, 0]] * 3)
    lines = [each.bounding_box() for each in page.locator(".lb-class[data-id]").all()]
    ends = [(box["y"], box["y"] + box["height"]) for box in lines if box]
    inside = [each.bounding_box() for each in page.locator(".lb-called").all()]
    assert all(
        box and top <= box["y"] and box["y"] + box["height"] <= end
        for box, (top, end) in zip(inside, ends, strict=True)
    )
    assert all(one[1] <= other[0] for one, other in pairwise(ends))


def test_whether_a_training_has_learned_from_the_labels_is_said(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    """All are labeled: what comes next is to train, or, once that is done, to see the results."""
    project = flat_project(tmp_path, images=6)
    ids, chosen = np.arange(1, 5, dtype=np.int64), np.arange(1, 7, dtype=np.int64)
    roles = (*("pick",) * 4, *("audit",) * 2)
    selections.save(project, Selection(chosen, roles, ids[:0], "random", {"budget": 4, "check": 2}), None)
    known = classes.ensure_classes(project, ["a", "b"])
    y = [known[name] for name in "aabbab"]
    ops = [Op(at, "label", int(item), each, None) for at, (item, each) in enumerate(zip(chosen, y, strict=True), 1)]
    operations.apply(project, "test", ops)
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("() => FactStudio.go('label')")
    on_page(page, "label")
    notice, train = page.locator("div.lb-notice"), page.locator("[data-act=train]")
    expect(page.locator(".lb-count-of")).to_contain_text("6 of 6, 2 of them check images")
    # the same numbers as above and on the button
    expect(notice).to_contain_text(
        "All 6 are labeled. Now train on 4 labels: those of the check images are kept apart."
    )
    expect(train).to_contain_text("Train on 4 labels")
    run = run_queue.queue(project, "train", {})
    kept = {"ids": ids.tolist(), "y": [0, 0, 1, 1], "classes": ["a", "b"], "class_ids": [known["a"], known["b"]]}
    write_text(project.run_folder(run) / "labels.json", json.dumps(kept), "keeping the labels")
    run_queue.finish(project, run, "done", result={})
    expect(notice).to_contain_text("The newest training has learned from them: see Results.")
    assert "primary" not in (train.get_attribute("class") or "")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # the last one that is trained on: no training learns from check images
    expect(page.locator(".lb-frame .lb-image:not(.lb-next)")).to_have_attribute("alt", "003.png")
    page.evaluate(PAINTED)
    page.keyboard.press("1")
    expect(notice).to_contain_text("Now train on 4 labels")
    assert "primary" in (train.get_attribute("class") or "")


def test_an_address_of_no_project_shows_the_list(serve: Serve, page: Page, watch: Watch) -> None:
    watch.calm = False  # the browser itself reports answers like 404
    served = serve()
    page.goto(f"{served.address}&p=nonesuch")
    page.goto(f"http://127.0.0.1:{served.port}/?p=nonesuch#label")
    on_page(page, "project")
    expect(page.locator("#page-project .note.bad")).to_contain_text("not there any more")
