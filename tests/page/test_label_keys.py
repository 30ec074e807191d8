"""The Label page's keys alone in a real browser: own keys by letter and sign, and none while the person types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).parents[2] / "assets" / "label" / "keys.js"
#: A page that writes down what each key means; class 1 has the key q, class 2 the sign !, class 3 the sign @.
BEGIN = """async (source) => {
    const { listenToKeys } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    window.told = [];
    const names = "escape undo clear accept flag add view find move skip redo step row page toggle all sheet zoom give";
    const act = Object.fromEntries(names.split(" ").map((name) => [name, (what) => told.push(typeof what === "number"
        || typeof what === "string" ? `${name} ${what}` : name)]));
    const own = (key) => ["", "q", "!", "@"].indexOf(key);
    Object.assign(act, { grid: () => false, many: () => window.manyClasses, own });
    listenToKeys(document.querySelector('main'), () => true, act);
}"""
TYPED = ("<input id='text'>", "<textarea id='text'></textarea>", "<select id='text'><option>1</option></select>")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_content("<main>the page</main><aside></aside>")
    page.evaluate(BEGIN, SCRIPT.read_text("utf-8"))
    yield page
    page.close()


def told(page: Page, *keys: str) -> list[str]:
    for key in keys:
        page.keyboard.press(key)
    return list(page.evaluate("() => told.splice(0)"))


def test_a_key_of_a_class_also_with_caps_lock_or_shift(page: Page) -> None:
    assert told(page, "1", "0", "q", "Q") == ["give 0", "give 9", "give 1", "give 1"]  # "Q" without Shift: Caps Lock
    assert told(page, "Shift+KeyQ") == []
    page.evaluate(
        "() => document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: '!', code: 'Digit1', shiftKey: true, bubbles: true}))"
    )
    assert told(page) == ["give 2"]


def test_a_sign_typed_with_alt_graph_is_never_the_digit_below_it(page: Page) -> None:
    press = """(key) => document.body.dispatchEvent(new KeyboardEvent('keydown',
        {key, code: 'Digit2', modifierAltGraph: true, ctrlKey: true, altKey: true, bubbles: true}))"""
    page.evaluate(press, "@")
    page.evaluate(press, "²")
    assert told(page) == ["give 3"]


def test_letters_find_a_class_only_where_there_are_more_than_keys(page: Page) -> None:
    assert told(page, "k", "f", "n", "g") == ["flag", "add", "view"]
    page.evaluate("() => { window.manyClasses = true; }")
    assert told(page, "k", "K", "f", "/") == ["find k", "find k", "flag", "find "]


@pytest.mark.parametrize("control", TYPED)
def test_no_key_is_heard_while_the_person_types(page: Page, control: str) -> None:
    page.evaluate("(html) => { document.querySelector('aside').innerHTML = html; }", control)
    page.locator("#text").focus()
    assert told(page, "1", "f", "q", "Space", "Enter", "Backspace", "Delete", "Control+z", "?", "+") == []
    page.evaluate("() => document.activeElement.blur()")
    assert told(page, "1") == ["give 0"]


def test_no_key_is_heard_while_a_dialog_is_open(page: Page) -> None:
    page.evaluate("() => { document.querySelector('aside').innerHTML = '<dialog><p>x</p></dialog>'; }")
    page.evaluate("() => document.querySelector('dialog').showModal()")
    assert told(page, "1", "Enter", "Backspace") == []
    page.keyboard.press("Escape")
    assert told(page, "1") == ["give 0"]
