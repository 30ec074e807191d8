"""The Results page in a real browser, on stored runs: one that failed, an export of many files, a narrow window."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fact_core.config import to_dict, train_config
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, other_class, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.browser_help import AddressOf, on_page, soon
from tests.page.test_access import SCRIPTS, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

#: Dots of a diagram that its picture cuts off, or that its frame is drawn over.
OVER = """() => [...document.querySelectorAll("#results-trust svg:not(.ico)")].flatMap((picture) => {
    const [left, top, width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
    return [...picture.querySelectorAll("circle")].filter((dot) => {
        const box = dot.getBBox(), frame = picture.querySelector(".edge");
        const right = box.x + box.width, bottom = box.y + box.height;
        const cut = box.x < left || box.y < top || right > left + width || bottom > top + height;
        return cut || dot.compareDocumentPosition(frame) & Node.DOCUMENT_POSITION_FOLLOWING;
    }).map((dot) => dot.textContent);
})"""

FILES = [*(f"file-{number}.csv" for number in range(8)), "predict.py"]


@pytest.fixture
def project(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    """A done run with an export of nine files, and a newer one that failed."""
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    done = train(made, label(made), unproved="few")
    for kind, status, config, result in (
        ("export", "done", {"run": done, "items": ["model"]}, {"folder": "/x", "files": FILES}),
        ("train", "failed", to_dict(train_config("quick", recipe="lp")), None),
    ):
        run = run_queue.queue(made, kind, config)
        assert run_queue.claim(made, "test") is not None
        run_queue.finish(made, run, status, reason="The disk is full." if status == "failed" else "", result=result)
    return made


def test_results_say_what_is_true(address_of: AddressOf, page: Page, project: Project) -> None:
    with page.expect_request(lambda each: "/results?run=0" in each.url):  # worked out before anybody looks
        page.goto(address_of(project))
        page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("FactStudio.go('results')")
    on_page(page, "results")
    expect(page.locator("#results-accuracy")).to_have_text("75.0 %")
    expect(page.locator(".export-done")).to_contain_text(f"9 files: {', '.join(FILES)}")  # all of them are named
    expect(page.locator(".export-done code")).to_have_text("python predict.py PHOTOS --out answers.csv")
    whole = "(all) => all.length === 5 && all.every((each) => each.getClientRects().length === 1)"
    soon(lambda: page.locator(".export-done code span").evaluate_all(whole))  # "--out" is not parted behind its hyphens
    wide = "(all) => all.filter((each) => each.scrollWidth > each.clientWidth).length"
    soon(lambda: page.locator(".results-panes > .pane").evaluate_all(wide), 0)

    confidences = page.locator("#results-trust")
    expect(confidences.locator("summary")).to_contain_text("not calibrated")  # said before anybody unfolds it
    confidences.locator("summary").click()
    expect(confidences).to_contain_text("as the model answers: too few labels could be held out")
    soon(lambda: page.evaluate(OVER), [])
    confidences.locator("summary").click()

    into, whole = page.locator("#export-into"), page.locator("#export-into + .whole-path")
    for typed in ("models/new", "~/models/new"):  # before anything is written there
        into.fill(typed)
        expect(whole).to_contain_text(str(Path.home().resolve() / "models" / "new"))
    assert not (Path.home() / "models" / "new").exists()

    page.set_viewport_size({"width": 390, "height": 844})
    cut = "(all) => all.filter((each) => each.scrollWidth > each.clientWidth).length"
    soon(lambda: page.locator(".matrix th").evaluate_all(cut), 0)
    page.set_viewport_size({"width": 1440, "height": 900})

    expect(page.locator("#results-next")).to_have_text("Label these next")  # all of this round is labeled
    page.locator("#results-next").click()
    expect(page.locator("dialog .btn.primary")).to_have_text("Choose 16 images")  # no more are left
    gain = page.locator("dialog").get_by_text(re.compile(r"With \d+ more labels than run 1 learned from"))
    page.locator("#next-count").fill("8")
    expect(gain).to_contain_text(
        re.compile(r"With 8 more labels .* gains \d+ to \d+ points of accuracy, \d+ in the mid")
    )
    page.locator("#next-count").fill("13")  # of four: that is further than anything that was measured
    expect(gain).to_have_count(0)
    page.locator("#next-count").fill("17")
    expect(page.locator("dialog")).to_contain_text("A whole number from 1 to 16.")
    page.keyboard.press("Escape")

    # Nothing has changed since run 1: to train again takes another seed, and the button says so.
    sent: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(json={"run": 1})

    page.evaluate("FactStudio.go('train')")
    on_page(page, "train")
    expect(page.locator("#train-start")).to_have_text("Train with another seed")
    expect(page.locator(".train-head .fact")).to_contain_text("Settings and labels are those of run 1")
    page.set_viewport_size({"width": 390, "height": 844})  # one phase has room in it
    expect(page.locator("#train-chart .main-svg").first).to_be_visible()
    soon(lambda: page.locator(".chart-scroll").evaluate("(node) => node.scrollWidth - node.clientWidth"), 0)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.route("**/run", take)
    with page.expect_response("**/run"):
        page.locator("#train-start").click()
    assert [each["config"]["seed"] for each in sent] == [1]
    page.evaluate("FactStudio.go('results')")
    on_page(page, "results")

    free = next(int(i) for i in items.pool(project).ids if int(i) not in labels_now.states(project))
    operations.apply(project, "desk", [Op(900, "label", free, classes.classes(project)[0].id)])
    expect(page.locator(".results-head .tag.warn")).to_have_text("Since this run: 1 changed label.")
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.locator(".results-run").bounding_box()
    assert box is not None and box["width"] > 340  # its name is not cut by what stands beside it
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#results-train").click()  # and there is a way to what mends it
    on_page(page, "train")
    expect(page.locator("#train-start")).to_have_text("Train again")
    page.evaluate("FactStudio.go('results')")
    on_page(page, "results")

    expect(page.locator("#results-uncounted")).to_have_count(0)
    check = next(each.item for each in selections.queue(project) if each.role == "audit")
    operations.apply(project, "desk", [Op(901, "exclude", check)])
    expect(page.locator("#results-uncounted")).to_contain_text("1 more was drawn and does not count")

    page.locator(".results-run").select_option(label="Run 2, Linear probe, failed")
    panes = page.locator(".results-panes")
    expect(panes).to_contain_text("Run 2 failed, so there is no model to measure.")
    expect(panes).to_contain_text("The disk is full.")
    expect(panes).not_to_contain_text("No check images were labeled")
    expect(panes).not_to_contain_text("There are no check labels yet")

    told = "(found) => FactStudio.errorBox({ what: 'Too small', found, do: '' }).textContent"
    missing = "() => FactStudio.errorBox({ what: 'There is no such folder', found: '/x', do: '' }).textContent"
    assert page.evaluate(missing) == "There is no such folder. Asked for: /x."
    assert page.evaluate(told, "rose") == "Too small. Found: rose."  # a bare value does not dangle
    assert page.evaluate(told, "You gave 3.") == "Too small. You gave 3."


def test_images_are_sorted_into_folders_and_taken_back(
    address_of: AddressOf, page: Page, project: Project, tmp_path: Path
) -> None:
    page.goto(address_of(project))
    page.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
    page.evaluate("FactStudio.go('results')")
    page.locator(".results-run").select_option(label="Run 1, Linear probe, 4 labels")
    slow: list[Route] = []
    page.route("**/sort/preview", lambda route: slow.append(route))
    page.locator("#results-sort").click()
    dialog, yes = page.locator("dialog"), page.locator("dialog .btn.primary")
    page.locator("#sort-into").click()
    page.keyboard.type("/too/early")  # before a folder is proposed: it would stand before or behind it
    slow[0].continue_()
    page.unroute("**/sort/preview")
    expect(dialog).to_contain_text("8 labeled by you, 16 not known")
    expect(page.locator("#sort-into")).to_have_value(f"{project.images}-sorted")
    page.keyboard.type(str(tmp_path / "typed"))
    expect(page.locator("#sort-into")).to_have_value(str(tmp_path / "typed"))
    expect(yes).to_have_text("Sort 24 images")
    page.locator("#sort-into").fill(str(project.images / "new"))  # among the images
    expect(dialog).to_contain_text("lies in the images' folder")
    expect(yes).to_be_disabled()
    page.locator("#sort-into").fill(str(tmp_path / "sorted"))
    page.locator("#sort-model").check()
    page.locator("#sort-sure").fill("70")
    expect(dialog).to_contain_text("8 labeled by you, 16 answered by the model")
    assert not (tmp_path / "sorted").exists()
    page.set_viewport_size({"width": 1440, "height": 600})
    scrolls = """(all) => all.filter((each) => each.scrollHeight > each.clientHeight
        && ["auto", "scroll"].includes(getComputedStyle(each).overflowY)).map((each) => each.className)"""
    soon(lambda: dialog.locator("*").evaluate_all(scrolls), ["body"])
    yes.click()
    expect(page.locator(".sort-done")).to_contain_text("Sorted into", timeout=60_000)
    expect(page.locator(".sort-done")).to_contain_text("24 images, and list.csv")
    assert {each.name for each in (tmp_path / "sorted").iterdir()} == {"green", "red", "list.csv", "undo.jsonl"}
    page.get_by_role("button", name="Take back").click()
    yes.click()
    expect(page.get_by_text("the files of 24 images and the list")).to_be_visible(timeout=60_000)
    assert not (tmp_path / "sorted").exists()

    page.locator("#results-sort").click()
    page.locator("#sort-into").fill(str(tmp_path / "listed"))
    dialog.locator("[name=sort-way][value=list]").check()
    expect(yes).to_be_enabled()
    yes.click()
    expect(page.locator(".sort-done")).to_contain_text("No file of an image was made", timeout=60_000)
    expect(page.locator(".sort-done")).not_to_contain_text("Sorted")
    assert {each.name for each in (tmp_path / "listed").iterdir()} == {"list.csv", "undo.jsonl"}
    page.get_by_role("button", name="Take back").click()
    yes.click()
    expect(page.get_by_text("Taken back: the list is removed.")).to_be_visible(timeout=60_000)


PASTED_INTO = """(where, bytes) => {
  const data = new DataTransfer(), content = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
  data.items.add(new File([content], "pasted.png", {type: "image/png"}));
  where.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
PASTED = f"(bytes) => ({PASTED_INTO})(document, bytes)"


def test_photos_are_pasted_and_chosen_and_told_as_a_table(
    address_of: AddressOf, page: Page, browser: Browser, project: Project, tmp_path: Path
) -> None:
    """What the child answers is a test of the routes (test_try_routes.py)."""
    other_class.add(project, "None of these")
    out = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), 120, dtype=np.uint8)).save(out, "PNG")
    asked: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "{}"))
        if base64.b64decode(asked[-1]["content"]) != out.getvalue():
            return route.fulfill(
                status=400, json={"what": "It is not an image of a known format", "found": "", "do": ""}
            )
        return said(route)

    def said(route: Route) -> None:
        near = [{"id": 1, "name": "green", "alike": 0.9}]
        first = "None of these" if len(asked) == 2 else "red"
        told = {"top": [[first, 0.9], ["green", 0.1]], "near": near, "unlike": True, "w": 30, "h": 20}
        return route.fulfill(json={**told, "seconds": 0.1, "loaded": True})

    window = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    for each in (page, window):
        each.route("**/try", answer)
        each.goto(address_of(project))
        each.wait_for_function("() => window.FactStudio && FactStudio.state && FactStudio.state.project")
        each.evaluate("FactStudio.go('results')")
        on_page(each, "results")
        expect(each.locator("#results-try")).to_be_enabled()
    page.evaluate(PASTED, base64.b64encode(out.getvalue()).decode())
    box = page.get_by_role("dialog")
    expect(box.locator(".rv-first")).to_have_text("red90.0 %")
    expect(box.locator("#try-unlike")).to_contain_text("none of the classes")
    box.locator(".rv-near button").click()  # the labeled image that is like it, large
    expect(page.locator(".rv-box")).to_contain_text("000.png")
    page.keyboard.press("Escape")
    assert asked[0]["run"] == 1

    for name, content in (("=one.png", out.getvalue()), ("two.png", b"no image"), ("notes.txt", b"not even by name")):
        (tmp_path / name).write_bytes(content)
    window.locator("#results-try").click()
    window.locator("#try-files").set_input_files([tmp_path / name for name in ("=one.png", "two.png", "notes.txt")])
    box = window.get_by_role("dialog")
    expect(box.locator(".try-said")).to_contain_text("2 photos are answered.")
    expect(box.locator(".try-gallery li")).to_have_count(2)
    expect(box.locator("#try-unlike")).to_have_text("It looks like none of the other classes, as the model says.")
    name, share = (box.locator("[data-id=try-0] span").nth(place).bounding_box() for place in range(2))
    assert name and share and share["x"] - name["x"] - name["width"] >= 4  # "red90 %" it was
    box.locator("[data-id=try-1]").click()
    expect(box.locator(".try-answer")).to_contain_text("It is not an image of a known format")
    with window.expect_download() as saved:
        box.locator("#try-csv").click()
    assert saved.value.path().read_text("utf-8-sig").splitlines() == [
        "file_path,label,confidence,unlike,error",
        "'=one.png,None of these,0.9000,true,",
        "two.png,,,,It is not an image of a known format",
    ]
    window.locator("#try-path").evaluate(f"(field) => ({PASTED_INTO})(field, '{base64.b64encode(b'x').decode()}')")
    expect(box.locator(".try-large")).to_contain_text("pasted.png")  # a field takes no picture: it is tried
    window.locator("#try-files").set_input_files([tmp_path / name for name in ("=one.png", "two.png")])
    expect(box.locator(".try-said")).to_contain_text("2 photos are answered.")
    for script in SCRIPTS:
        window.add_script_tag(path=script)
    box.locator("[data-id=try-0]").click()
    assert violations(window, colours_only=False) == []

    # a folder by its path: what of it cannot be answered stands at the end, with its reason
    (tmp_path / "some" / "inner").mkdir(parents=True)
    (tmp_path / "some" / "inner" / "one.png").write_bytes(out.getvalue())
    (tmp_path / "some" / "a.heics").write_bytes(b"x")
    window.route("**/try-file", said)
    window.locator("#try-path").fill(str(tmp_path / "some"))
    window.locator("#try-go").click()
    expect(window.locator("body")).to_contain_text("One file or folder of it is passed over")
    expect(box.locator(".try-gallery li")).to_have_text([re.compile("red"), re.compile("no answer")])
    box.locator("[data-id=try-1]").click()
    expect(box.locator(".try-answer")).to_contain_text("HEIC is not supported; convert it to JPEG")
    window.context.close()
