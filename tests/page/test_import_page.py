"""Labels from elsewhere on the Label page: what is not sure is asked there, and nothing is taken before."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from app.pages.label.class_text import TEXT
from fact_core.exchange import import_labels
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

from tests.page.browser_help import AddressOf, on_page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Twenty images: ash/raw/0.png, ash/cut/1.png, yew/raw/2.png ... The first two are chosen."""
    for number in range(20):
        paint(
            tmp_path / "images" / ("ash", "yew")[number // 2 % 2] / ("raw", "cut")[number % 2] / f"{number}.png", number
        )
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    ids = np.arange(1, 3, dtype=np.int64)
    selections.save(made, Selection(ids, ("pick", "pick"), ids[:0], "random", {"budget": 2, "check": 0}), None)
    return made


def open_dialog(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("() => FactStudio.go('label')")
    on_page(page, "label")
    page.get_by_role("button", name=TEXT["import.open"]).click()


def choose_file(page: Page, file: Path) -> None:
    """As a person does: a click, then the file in the system's own dialog."""
    with page.expect_file_chooser() as chooser:
        page.locator("dialog[open] input[type=file]").click()
    chooser.value.set_files(file)


def now(project: Project) -> dict[str, str]:
    names = {each.id: each.name for each in classes.classes(project)}
    paths = dict(zip((int(i) for i in items.pool(project).ids), items.pool(project).paths, strict=True))
    return {paths[i]: names[s.class_id] for i, s in labels_now.states(project).items() if s.class_id}


def test_a_file_that_is_not_clear_is_asked_about_and_a_part_is_kept_apart(
    address_of: AddressOf, page: Page, project: Project, tmp_path: Path
) -> None:
    open_dialog(page, address_of(project))
    paths = items.pool(project).paths
    rows = [f"{path};{('Esche', 'esche')[n % 2]};{n % 3}" for n, path in enumerate(paths[:15])]
    rows += [f"{paths[16]};Bäume|Esche;1", f"{paths[17]};nan;1", "train/none.png;Esche;1", "oak/raw/18.png;Esche;1"]
    file = tmp_path / "labels.dat"
    file.write_bytes("\r\n".join(["bild_datei;baum;größe", *rows]).encode("cp1252"))
    page.locator("dialog[open] input[type=file]").set_input_files(file)
    shown, send = page.locator("dialog[open] .li-shown"), page.locator("dialog[open] .btn.primary")
    expect(shown).to_contain_text("cp1252")
    expect(shown.locator(".li-sheet th").nth(1)).to_have_text("baum")
    expect(send).to_be_disabled()
    shown.locator("select[name=labels_image_column]").select_option("bild_datei")
    expect(shown.locator("select[name=labels_image_column]")).to_have_value("bild_datei")
    shown.locator("select[name=labels_class_column]").select_option("baum")
    expect(shown).to_contain_text(TEXT["import.labels_case"])
    expect(send).to_be_disabled()
    shown.get_by_label(TEXT["import.labels_case.join"]).check()
    expect(send).to_be_enabled()
    expect(send).to_have_text(TEXT["import.yes"].format(n=15))
    for words in ("train/none.png (Row 19)", "oak/raw/18.png (Row 20)", "Bäume|Esche", "nan"):
        expect(shown).to_contain_text(words)
    assert now(project) == {}, "the preview changed something"
    shown.get_by_label(re.compile("A fifth")).check()
    send.click()
    expect(page.locator(".toast.acts")).to_contain_text("3 of them are check images")
    assert now(project) == dict.fromkeys(paths[:15], "Esche")
    latest = selections.latest(project)
    assert latest is not None and latest.selection.roles.count("audit") == 3
    assert len(labels_now.snapshot(project, "audit").ids) == 3
    assert len(labels_now.snapshot(project, "pick").ids) == 12
    page.locator(".toast.acts button").first.click()
    expect(page.get_by_text(TEXT["import.undone"].format(n=15))).to_be_visible()
    assert now(project) == {}
    latest = selections.latest(project)
    assert latest is not None and latest.selection.roles == ("pick", "pick")


def test_the_level_of_folders_is_seen_and_can_be_changed(address_of: AddressOf, page: Page, project: Project) -> None:
    open_dialog(page, address_of(project))
    dialog = page.locator("dialog[open]")
    dialog.get_by_text(TEXT["import.folders"], exact=True).click()
    level = dialog.locator("select[name=labels_level]")
    expect(level).to_have_value("1")
    expect(dialog.locator(".li-classes")).to_contain_text("ash")
    level.select_option("2")
    expect(dialog.locator(".li-classes")).to_contain_text("cut")
    expect(dialog.locator(".li-classes")).not_to_contain_text("ash")
    level.select_option("1")
    expect(dialog.locator(".li-classes")).to_contain_text("yew")
    dialog.locator(".btn.primary").click()
    expect(page.locator(".toast.acts")).to_be_visible()
    assert set(now(project).values()) == {"ash", "yew"} and len(now(project)) == 20


def test_the_pages_go_on_from_imported_check_images_alone(address_of: AddressOf, page: Page, tmp_path: Path) -> None:
    """Where nothing was chosen before, the selection holds nothing but what was kept apart; every page stands that."""
    made = flat_project(tmp_path, 12)
    open_dialog(page, address_of(made))
    expect(page.locator("dialog[open] input[type=file]")).to_be_visible()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator(".lb-panes")).to_be_hidden()
    page.set_viewport_size({"width": 1440, "height": 900})
    rows = "".join(f"{n:03d}.png,{n % 2},{('train', 'test', 'train')[n % 3]}\n" for n in range(12))
    found = import_labels.read(made, import_labels.Source("file", f"file_name,label,split\n{rows}"))
    assert import_labels.commit(made, found, "x.import-1", "mine", "split").checks == 4
    page.goto(address_of(made))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    for name in ("project", "select", "train", "results", "label"):
        page.evaluate(f"() => FactStudio.go('{name}')")
        on_page(page, name)
        page.wait_for_timeout(500)
    expect(page.locator(".lb-class[data-id]")).to_have_count(2)


def test_folders_called_val_are_offered_as_check_images_and_odd_parts_are_told(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    for number in range(12):
        place = ("train", "train", "val")[number % 3], ("ash", "yew")[number // 3 % 2]
        paint(tmp_path / "images" / "/".join(place) / f"{number}.png", number)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    open_dialog(page, address_of(made))
    dialog = page.locator("dialog[open]")
    paths = items.pool(made).paths
    file = tmp_path / "labels.csv"
    parts = ("train", "tset", "val")
    file.write_text("file,label,split\n" + "".join(f"{path},x,{parts[n % 3]}\n" for n, path in enumerate(paths)))
    choose_file(page, file)
    expect(dialog).to_contain_text("4 rows are of a part that is not known, and are treated like train: 4 tset.")
    expect(dialog.get_by_label(TEXT["import.check_split"].format(test=4))).to_be_visible()
    dialog.get_by_text(TEXT["import.folders"], exact=True).click()
    expect(dialog).to_contain_text("Parts: 8 train, 4 val.")
    dialog.get_by_label(TEXT["import.check_split"].format(test=4)).check()
    dialog.locator(".btn.primary").click()
    expect(page.locator(".toast.acts")).to_contain_text("4 of them are check images")
    checks = {paths[items.pool(made).rows(np.array([i]))[0]] for i in labels_now.snapshot(made, "audit").ids}
    assert checks == {path for path in paths if path.startswith("val/")}
    assert set(now(made).values()) == {"ash", "yew"} and len(now(made)) == 12


def test_numbers_without_names_are_asked_about_all_of_them(
    address_of: AddressOf, page: Page, project: Project, tmp_path: Path
) -> None:
    """COCO without its list of categories: eleven numbers, of which eight are shown."""
    open_dialog(page, address_of(project))
    paths = items.pool(project).paths
    images = [{"id": n, "file_name": path} for n, path in enumerate(paths)]
    labels = [{"image_id": n, "category_id": 40 + n % 11} for n in range(len(paths))]
    file = tmp_path / "instances.json"
    file.write_text("file_name,label\nnone.png,x\n", "utf-8")
    shown, send = page.locator("dialog[open] .li-shown"), page.locator("dialog[open] .btn.primary")
    choose_file(page, file)
    expect(shown).to_contain_text("none.png")
    # Mended, and chosen again under its old name.
    file.write_text(json.dumps({"images": images, "annotations": labels, "categories": []}), "utf-8")
    choose_file(page, file)
    expect(shown.locator(".li-must")).to_contain_text(TEXT["import.labels_unnamed"])
    expect(shown.locator(".li-must .li-about")).to_have_text("40; 41; 42; 43; 44; 45; 46; 47, and 3 more")
    expect(send).to_be_disabled()
    shown.get_by_label(TEXT["import.labels_unnamed.names"]).check()
    expect(send).to_be_enabled()
    assert not now(project)
    send.click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert now(project) == {path: str(40 + n % 11) for n, path in enumerate(paths)}


def test_a_list_of_one_folder_is_read_once_its_folder_is_told(
    address_of: AddressOf, page: Page, tmp_path: Path
) -> None:
    """Frames are called 0.png, 1.png, ... in each folder; the list is that of one of them."""
    for number in range(12):
        paint(tmp_path / "films" / ("north", "south")[number // 6] / f"{number % 6}.png", number)
    made = projects.create(tmp_path / "films-project", tmp_path / "films")
    finish(scan(made))
    open_dialog(page, address_of(made))
    file = tmp_path / "labels.csv"
    file.write_text("file,label\n" + "".join(f"{n}.png,yew\n" for n in range(5)))
    page.locator("dialog[open] input[type=file]").set_input_files(file)
    folder, send = page.locator("dialog[open] select[name=labels_folder]"), page.locator("dialog[open] .btn.primary")
    expect(folder.locator("option:checked")).to_have_text(TEXT["import.labels_folder_all"])
    expect(send).to_be_disabled()  # no name is sure
    folder.select_option("south")
    expect(send).to_have_text(TEXT["import.yes"].format(n=5))
    send.click()
    expect(page.locator(".toast.acts")).to_be_visible()
    assert now(made) == {f"south/{n}.png": "yew" for n in range(5)}
