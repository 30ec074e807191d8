"""The real program in a real browser: the whole way on the demo, a killed server, wrong entries.

FACT_STUDIO_SHOTS=FOLDER keeps pictures of the five pages.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.choices import BACKBONES, RECIPES
from fact_core.folders import data_folder
from fact_core.images.demo import demo_truth, make_demo
from fact_core.labeling import labels_now, selections
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.page.browser_help import (
    DIGITS,
    LONG,
    AddressOf,
    Serve,
    Watch,
    choose,
    go,
    keep_some,
    labeled_project,
    on_page,
    open_fold,
)
from tests.storage_help import flat_project, is_sound

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]  # minutes on a busy computer

POOL, BUDGET = 450, 30  # a part of the demo's images: what comes of each step needs no more
FEWER = {
    "ff": {"steps": ("100", "16"), "pixels": ("128", "64")},  # the digits have no more
    "st": {"steps": ("100", "4"), "images": ("5000", "60")},
    "lm": {"steps": ("200", "20"), "views": ("8", "2")},
}  # phase -> option -> what Quick says, what is typed over it
COUNT_POINTS = """() => (document.querySelector("#train-chart")?.data || [])  // not there yet after a reload
    .filter((line) => line.mode === "lines").reduce((n, line) => n + line.x.length, 0)"""
MISSING = "[...document.querySelectorAll('#page-label img[src]')].filter((e) => e.complete && !e.naturalWidth).length"
#: A key is meant for an image that has been painted.
SEEN = """async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    await document.querySelector('.lb-stage img:not(.lb-next)').decode();
    await frame();
    await frame();
}"""
SHOWN_RUN = (
    "() => { const run = FactStudio.train.shownRun(FactStudio.state); return run ? [run.id, run.status] : [0, '']; }"
)


def shoot(page: Page, name: str, folder: Path) -> None:
    target = Path(os.environ.get("FACT_STUDIO_SHOTS") or folder)
    page.wait_for_timeout(300)
    page.screenshot(path=target / f"{name}.png")


def painted(page: Page, place: str) -> float:
    """Share of an element's pixels that are not its background."""
    pixels = np.asarray(Image.open(io.BytesIO(page.locator(place).screenshot())).convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    assert len(colours) > 1, f"{place} is empty"
    return 1 - counts.max() / len(pixels)


def seen_images(page: Page, place: str) -> int:
    """How many images of an element are loaded and drawn."""
    return int(page.locator(f"{place} img").evaluate_all("all => all.filter(i => i.complete && i.naturalWidth).length"))


# ---- steps of the way -----------------------------------------------------------------------------------


def add_classes(page: Page, names: list[str]) -> None:
    """Add classes by typing: N, the name, Enter."""
    expect(page.locator(".lb-stage img:not(.lb-next)")).to_be_visible()
    for number, name in enumerate(names, start=1):
        page.keyboard.press("n")
        expect(page.locator(".lb-classes .lb-edit")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.locator(".lb-classes .lb-name")).to_have_count(number)
    assert page.locator(".lb-classes .lb-name").all_inner_texts() == names


def shown_file(page: Page) -> str:
    return page.locator(".lb-about .clip").inner_text()


def label_by_key(page: Page, truth: dict[str, str], names: list[str], given: dict[str, str], upto: int) -> None:
    """Give images their class by its key until ``upto`` are labeled. ``given``: file name -> class, is added to."""
    while len(given) < upto:
        page.evaluate(SEEN)
        file = shown_file(page)
        assert file not in given, f"{file} is shown a second time"
        given[file] = truth[file]
        page.keyboard.press(str((names.index(truth[file]) + 1) % 10))
        expect(page.locator(".lb-count-of b")).to_have_text(str(len(given)))
    expect(page.locator(".lb-sync")).to_have_text("Saved")


def stored(project: Project) -> dict[str, str]:
    """File name -> class, as the database has it."""
    held, pool = labels_now.snapshot(project), items.pool(project)
    names = dict(zip(pool.ids.tolist(), pool.paths, strict=True))
    return {names[int(i)]: held.classes[int(y)] for i, y in zip(held.ids, held.y, strict=True)}


def points(page: Page) -> int:
    return int(page.evaluate(COUNT_POINTS))


def wait_for_points(page: Page, more_than: int) -> int:
    page.wait_for_function(f"(n) => ({COUNT_POINTS})() > n", arg=more_than, timeout=LONG)
    return points(page)


# ---- the tests ---------------------------------------------------------------------------------------------


def test_the_whole_way_on_the_demo(serve: Serve, page: Page, tmp_path: Path) -> None:
    keep_some(make_demo(data_folder() / "demo-images"), POOL)
    page.goto(serve("--demo", typed=True).address)
    on_page(page, "project")
    expect(page.locator("#page-project .fact")).to_have_text(f"{POOL} images are ready.", timeout=LONG)
    page.wait_for_function("() => document.querySelectorAll('.p-preview img').length > 20")
    shoot(page, "project", tmp_path)
    page.get_by_role("button", name="Choose what to label").click()

    on_page(page, "select")
    page.locator("#sf-budget").fill(str(BUDGET))
    page.locator("#sf-check").fill("0")
    page.get_by_role("button", name=f"Select {BUDGET} images").click()
    expect(page.locator(".sl-strip .sl-tile")).to_have_count(BUDGET, timeout=LONG)
    page.wait_for_function(
        "(n) => document.querySelector('#page-select .lb-legend').innerText.includes(n)", arg=f"{POOL - BUDGET}"
    )
    assert painted(page, ".sl-map") > 0.01, "the map is empty"
    assert seen_images(page, ".sl-strip") > 0
    shoot(page, "select", tmp_path)
    see_the_evidence(page)
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.sl-grid img')].filter(i => i.naturalWidth).length > 9"
    )
    page.locator("#page-select .sl-primary").click()

    on_page(page, "label")
    project = projects.open_project(data_folder() / "demo")
    truth = demo_truth(project.images)
    assert truth is not None
    add_classes(page, DIGITS)
    given: dict[str, str] = {}
    label_by_key(page, truth, DIGITS, given, BUDGET // 2)
    shoot(page, "label", tmp_path)
    label_by_key(page, truth, DIGITS, given, BUDGET)
    expect(page.locator(".lb-count-of")).to_have_text(f"{BUDGET} of {BUDGET}")
    assert stored(project) == given
    expect(page.locator("nav.steps button[data-id=label] .fact")).to_have_text(f"{BUDGET} of {BUDGET}")
    page.get_by_role("button", name=f"Train on {BUDGET} labels").click()

    train_quickly(page, tmp_path)
    page.locator("#train-results").click()
    on_page(page, "results")
    see_the_result(page, tmp_path)
    export(page, tmp_path / "exported")


def see_the_evidence(page: Page) -> None:
    """Four small plots; another strategy is compared on demand, and a reload keeps it; regions without a pick."""
    expect(page.locator("#sf-strategy option:checked")).to_have_text("ActiveFT (recommended)")
    expect(page.locator(".sv-plot")).to_have_count(4)
    expect(page.locator(".sv-plot").last.locator(".sv-says")).to_contain_text("etter than")
    objective = page.locator(".sv-plot").last.locator(".sv-line b")
    ours, lot = (float(each) for each in objective.all_inner_texts())
    assert ours < lot, "ActiveFT must do better at its own objective than the lot"
    page.get_by_label("Strategy to compare with").select_option("kcenter")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".sv-is-other")).to_have_count(4, timeout=LONG)
    before = page.locator(".sv-plot").all_inner_texts()
    page.reload()
    on_page(page, "select")
    expect(page.locator(".sv-is-other")).to_have_count(4)
    expect(page.locator(".sv-plot").first).to_contain_text("k-center")  # its title, once the form is there
    assert page.locator(".sv-plot").all_inner_texts() == before
    if page.locator(".sv-gap").count():
        page.locator(".sv-gap").first.click()
        expect(page.locator("#page-select .sl-lookhead h2")).to_have_text("Not chosen")


def train_quickly(page: Page, folder: Path) -> None:
    """Effort Quick with fewer steps; a reload in the middle."""
    on_page(page, "train")
    choose(page, "preset", "Quick")
    open_fold(page, "train-more")
    for phase, changed in FEWER.items():
        open_fold(page, f"train-fold-{phase}")
        for name, (quick, fewer) in changed.items():
            field = page.locator(f"#opt-{phase}-{name} input").first
            expect(field).to_have_value(quick)
            field.fill(fewer)
            field.press("Tab")
    page.locator("#train-start").click()
    before = wait_for_points(page, 5)
    run, status = page.evaluate(SHOWN_RUN)
    assert status == "running"

    page.reload()
    on_page(page, "train")
    after = wait_for_points(page, before - 1)  # what was drawn is drawn again
    assert page.evaluate(SHOWN_RUN) == [run, "running"]
    wait_for_points(page, after + 9)
    shoot(page, "train", folder)
    expect(page.locator("#train-results")).to_be_visible(timeout=LONG)
    assert page.evaluate(SHOWN_RUN) == [run, "done"]


def see_the_result(page: Page, folder: Path) -> None:
    accuracy = page.locator("#results-accuracy")
    expect(accuracy).to_have_text(re.compile(r"\d %"), timeout=LONG)
    assert float(accuracy.inner_text().rstrip(" %")) > 50
    assert page.locator(".matrix tbody tr").count() == len(DIGITS)
    expect(page.locator(".mistake-open").first).to_be_visible()
    shoot(page, "results", folder)


def export(page: Page, into: Path) -> None:
    page.locator("#export-into").fill(str(into))
    page.locator("#results-export").click()
    expect(page.locator(".export-done .note.good")).to_contain_text(str(into), timeout=LONG)
    written = {each.name for each in into.iterdir()}
    assert {"predict.py", "model.onnx", "model.safetensors", "requirements.txt", "README.md"} <= written


def test_what_cannot_be_trained_is_told_before_the_start(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """A recipe that does not fit the backbone; and notices leave by themselves, a newer one in place of the same."""
    page.goto(address_of(labeled_project(tmp_path)))
    go(page, "train")
    start, why = page.locator("#train-start"), page.locator("#train-head .fact")
    expect(start).to_be_enabled()
    choose(page, "recipe", "FACT with prompts")
    expect(start).to_be_disabled()
    expect(why).to_contain_text("needs a plain vision transformer; EfficientNet-Lite0 is none.")
    open_fold(page, "train-more")
    open_fold(page, "train-fold-ff")
    expect(page.locator("#opt-ff-prompt_length")).to_be_visible()
    expect(page.locator("#opt-ff-lora_rank")).to_be_hidden()
    choose(page, "recipe", "L3FACT")
    expect(start).to_be_enabled()
    expect(page.locator("#opt-ff-lora_rank")).to_be_visible()
    expect(page.locator("#opt-ff-prompt_length")).to_be_hidden()
    assert page.evaluate("() => ['LoRA finetune', 'Linear probe', 'L-BFGS'].map(FactStudio.train.lower)") == [
        *("LoRA finetune", "linear probe", "L-BFGS")
    ]
    for _ in range(2):
        page.evaluate("() => FactStudio.toast({what: 'No room', found: '', do: 'Free some.'})")
    expect(page.locator(".toast.bad")).to_have_count(1)
    expect(page.locator(".toast")).to_have_count(0)


def test_another_backbone_brings_its_own_rates(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Those of the effort that depend on it; what was typed into other options stays."""
    page.goto(address_of(labeled_project(tmp_path)))
    go(page, "train")
    open_fold(page, "train-more")
    choose(page, "recipe", RECIPES["fact"].title)
    expect(page.locator("#train-fold-st")).to_be_hidden()  # FACT does not learn from the pool
    choose(page, "recipe", RECIPES["fact+"].title)
    for fold in ("ff", "st"):
        open_fold(page, f"train-fold-{fold}")
    names = ("ff-backbone_lr", "ff-layer_decay", "st-steps", "ff-steps")
    field = {name: page.locator(f"#opt-{name} input").first for name in names}
    expect(field["ff-backbone_lr"]).to_have_value("0.0003")
    expect(field["ff-layer_decay"]).to_have_value("1")
    expect(field["st-steps"]).to_have_value("300")
    field["ff-steps"].fill("77")
    field["ff-steps"].press("Tab")
    choose(page, "backbone", BACKBONES["vit_small_patch16_224.dino"].title)
    expect(field["ff-backbone_lr"]).to_have_value("0.0001")
    expect(field["ff-layer_decay"]).to_have_value("0.75")
    expect(field["st-steps"]).to_have_value("300")
    expect(field["ff-steps"]).to_have_value("77")
    choose(page, "preset", "Standard")
    expect(field["ff-steps"]).to_have_value("300")
    expect(field["ff-backbone_lr"]).to_have_value("0.0001")


def test_a_killed_server_loses_no_label(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    """Hostile input 11: kill -9 of the server while labeling."""
    project = flat_project(tmp_path, images=60)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:50], ("pick",) * 50, ids[50:], "random"), None)
    truth = {f"{number:03d}.png": ("even", "odd")[number % 2] for number in range(60)}
    first = serve("--project", str(project.folder))
    page.goto(first.address)
    on_page(page, "project")
    go(page, "label")
    names = ["even", "odd"]
    given: dict[str, str] = {}
    add_classes(page, names)
    label_by_key(page, truth, names, given, 4)

    watch.calm = False  # a browser reports every request that finds no server
    first.kill()
    assert is_sound(project)
    assert stored(project) == given

    # The window goes on without a server: what is said now waits in it, of an image that is there to be seen.
    page.evaluate(SEEN)
    file = shown_file(page)
    page.keyboard.press(str(names.index(truth[file]) + 1))
    expect(page.locator(".lb-sync")).to_have_text("1 wait")
    expect(page.locator(".offline")).to_be_visible()
    given[file] = truth[file]
    page.keyboard.press("End")
    page.wait_for_function(f"() => {MISSING} > 0")

    # Anew, it lets nobody in who was in before: the window says so, and keeps what waits.
    second = serve("--project", str(project.folder), port=first.port)
    expect(page.locator(".offline")).to_contain_text("Open the address that the program printed")
    expect(page.locator(".lb-sync")).to_have_text("1 wait")
    with page.context.new_page() as other:
        other.goto(second.address)
        on_page(other, "label")  # where this browser was last
        expect(page.locator(".lb-sync")).to_have_text("Saved")  # the first window goes on by itself
        expect(other.locator("nav.steps button[data-id=label] .fact")).to_have_text("5 of 50")
    assert stored(project) == given
    expect(page.locator(".offline")).to_have_count(0)
    page.keyboard.press("End")
    expect(page.locator(".lb-tile[aria-current]")).to_have_attribute("aria-label", re.compile("^50 of"))
    page.wait_for_function(f"() => {MISSING} === 0")
    watch.calm = True
    page.reload()
    on_page(page, "label")
    expect(page.locator(".lb-count-of b")).to_have_text("5")
    label_by_key(page, truth, names, given, 8)
    assert stored(project) == given and is_sound(project)


def test_wrong_entries_are_told_in_words(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    project = flat_project(tmp_path, images=12)
    served = serve("--project", str(project.folder))
    page.goto(served.address)
    on_page(page, "project")
    watch.calm = False  # the browser itself reports answers like 400
    missing = tmp_path / "no" / "such" / "folder"
    page.get_by_role("button", name="New", exact=True).click()
    page.locator("#p-images").fill(str(missing))
    page.get_by_role("button", name="Create and scan").click()
    told = page.locator("#page-project .note.bad")
    expect(told).to_contain_text(str(missing))
    expect(told).to_contain_text("There is no such image folder")
    assert not any(data_folder().rglob(projects.DATABASE)), "a project was left behind"

    go(page, "select")
    amount, wrong, button = page.locator("#sf-budget"), page.locator(".sl-wrong"), page.locator(".sl-primary")
    for entry, words in (("0", "at least 1 image"), ("13", "larger than the pool of 12"), ("2.5", "whole number")):
        amount.fill(entry)
        expect(wrong).to_contain_text(words)
        expect(button).to_be_disabled()
    amount.fill("3")
    expect(wrong).to_be_hidden()
    expect(button).to_be_enabled()

    # Past the form: the route says the same.
    for entry in ("0", "13", "many"):
        told = page.evaluate(
            "(n) => FactStudio.start('select', {budget: n}).then(() => null, (e) => [e.status, e.what])", entry
        )
        assert told is not None and told[0] == 400 and told[1]
    for shown in (page.inner_text("body"), served.told()):
        assert "Traceback" not in shown and "Error:" not in shown
