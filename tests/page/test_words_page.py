"""Words on the Label page in a real browser: guesses before the first label, the search by what is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.pages.label.text import TEXT as LABEL
from app.pages.label.word_text import TEXT
from app.pages.project.text import TEXT as PROJECT
from fact_core.choices import TEXT_SIDES
from fact_core.labeling import classes, selections
from fact_core.pretrained.text_weights import own_text_files
from fact_core.storage import items, run_queue, word_scores
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.types import IntArray, Selection
from tests.page.conftest import at_home
from tests.storage_help import flat_project

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Locator, Page, expect

from tests.page.browser_help import AddressOf, go, on_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NETWORK = "vit_base_patch16_clip_quickgelu_224.openai"


@pytest.fixture
def ready(home: Path) -> Iterator[None]:
    """The server finds the files of a text side: nobody reads them here, for what a run gives is there already."""
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, home)
        own = own_text_files(NETWORK)
        own.weights.parent.mkdir(parents=True, exist_ok=True)
        own.weights.write_bytes(b"weights")
        own.tokenizer.write_text("{}")
        own.weights.with_suffix(".json").write_text(json.dumps({"sha256": "", "bytes": 7}))
    yield
    for each in (own.weights, own.tokenizer, own.weights.with_suffix(".json")):
        each.unlink()


def done(project: Project, kind: str, config: dict[str, object], result: dict[str, object]) -> None:
    run = run_queue.queue(project, kind, {"backbone": NETWORK, **config})
    assert run_queue.claim(project, "test") is not None
    run_queue.finish(project, run, "done", result=result)


def seen(folder: Path) -> Project:
    """Thirty images with features and two classes; three are chosen."""
    project = flat_project(folder, images=30)
    pool = items.pool(project)
    FeatureStore.open(project.features_folder("clip"), 4).append(pool.digests, np.eye(4)[np.arange(30) % 4])
    done(project, "features", {}, {"key": "clip", "images": 30, "bad": 0})
    selections.save(project, Selection(pool.ids[:3], ("pick",) * 3, pool.ids[3:4], "random"), None)
    classes.ensure_classes(project, ["daisy", "rose"])
    (project.cache / "maps").mkdir(parents=True)
    np.save(project.cache / "maps" / "clip.npy", np.random.default_rng(0).random((30, 2)).astype(np.float32))
    np.save(project.cache / "maps" / "clip.ids.npy", pool.ids)
    return project


def test_names_guess_before_the_first_label_and_words_find_images(
    page: Page, address_of: AddressOf, ready: None, tmp_path: Path
) -> None:
    project = seen(tmp_path)
    pool, names = items.pool(project), [each.id for each in classes.classes(project)]
    ids = pool.ids
    for text, logits in (("", 3 * np.eye(2)[np.arange(30) % 2]), ("a red rose", np.arange(30.0)[:, None])):
        word_scores.save(project, f"key{len(text)}", ids, pool.digests, logits)
        texts, of = ([text], []) if text else (["daisy", "rose"], names)
        told = {"key": f"key{len(text)}", "features": "clip", "texts": texts, "classes": of}
        done(project, "words", {"query": text}, told)
    page.goto(address_of(project))
    on_page(page, "project")
    the_table_says_so(page)
    go(page, "label")
    expect(page.locator(".lb-answer")).to_contain_text("daisy")
    expect(page.locator("[data-act=suggest]")).to_have_attribute("title", TEXT["label.suggest_words"])
    page.locator("[data-act=find]").click()
    find = look_for(page.locator(".lb-map"), "a red rose")
    expect(find).to_contain_text("the 12 that fit best")
    expect(page.locator(".lb-chosen")).to_contain_text("12 images selected")
    first = page.locator(".lb-seen img").first
    assert f"/thumb/{ids[29]}" in str(first.get_attribute("src")), "the best one comes first"
    in_the_grid(page, ids)


def the_table_says_so(page: Page) -> None:
    """Of each backbone with a text side, whether that is here; where it is not, the button that brings it."""
    page.get_by_text(re.compile("^Change: all")).click()
    rows = page.locator(".p-backbones tbody tr")
    expect(rows.filter(has_text=PROJECT["project.b_words_ready"])).to_have_count(1)
    expect(rows.filter(has_text=PROJECT["project.b_words_ready"])).to_contain_text("CLIP ViT-B/16")
    expect(rows.get_by_role("button", name="Download it")).to_have_count(len(TEXT_SIDES) - 1)


def look_for(where: Locator, words: str) -> Locator:
    """Search by words. What stands around the fields."""
    where.get_by_label(TEXT["label.search_by"]).select_option("words")
    expect(where.locator(".lb-nowords")).to_be_hidden()
    field = where.get_by_label(TEXT["label.map_words"])
    field.fill(words)
    field.press("Enter")
    return where.locator(".lb-search")


def in_the_grid(page: Page, ids: IntArray) -> None:
    """What words find is a list of its own; a key gives what is selected in it a class; Escape ends it."""
    page.keyboard.press("g")
    grid = page.locator(".lb-grid")
    page.locator("[data-act=gridfind]").click()
    expect(look_for(grid, "a red rose")).to_contain_text("the 12 that fit best")
    lists = grid.get_by_label(LABEL["grid.which"])
    expect(lists).to_have_value("found")
    expect(lists.locator("option:checked")).to_have_text(LABEL["grid.found"].format(n=12))
    tiles = grid.locator(".lg-tile")
    expect(tiles).to_have_count(12)
    expect(tiles.first.locator("img")).to_have_attribute("src", re.compile(f"/thumb/{ids[29]}\\b"))
    expect(grid.get_by_role("listbox")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.press("2")
    expect(lists.get_by_role("option", name=LABEL["grid.class"].format(name="rose"))).to_have_count(1)
    expect(tiles).to_have_count(12)
    grid.get_by_label(TEXT["label.search_by"]).select_option("name")
    field = grid.get_by_role("searchbox", name=LABEL["grid.search"])
    field.fill("007")
    field.press("Enter")
    expect(lists.locator("option:checked")).to_have_text(LABEL["grid.found"].format(n=1))
    field.press("Escape")
    expect(field).to_be_hidden()
    expect(lists.locator("option[value=found]")).to_have_count(0)


def test_a_backbone_that_knows_no_words_is_said_to(page: Page, address_of: AddressOf, tmp_path: Path) -> None:
    project = seen(tmp_path)
    done(project, "features", {"backbone": "tf_efficientnet_lite0"}, {"key": "clip", "images": 30, "bad": 0})
    page.goto(address_of(project))
    on_page(page, "project")
    go(page, "label")
    page.locator("[data-act=find]").click()
    page.locator(".lb-map").get_by_label(TEXT["label.search_by"]).select_option("words")
    expect(page.locator(".lb-map .lb-nowords")).to_have_text(
        TEXT["label.no_words_none"].format(title="EfficientNet-Lite0")
    )
    expect(page.locator(".lb-map .lb-nowords button")).to_have_count(0)
    why = f"{LABEL['label.why_labels']} {TEXT['label.words_none']}"
    expect(page.locator("[data-act=suggest]")).to_have_attribute("title", why)
