"""What the browser tests share: the program in a process of its own, the ways from page to page, a small project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from app.bench.browser import find_chromium
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.ready_program import Asked, Forked
from tests.storage_help import flat_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

CHROMIUM = shutil.which("chromium-headless-shell") or find_chromium()  # the first takes a third less processor time
SOON, LONG = 60_000, 480_000  # ms: what a page does by itself, what the child process does
SIZE: ViewportSize = {"width": 1440, "height": 900}
DIGITS = [str(number) for number in range(10)]

#: The image is on the screen, and a frame has passed.
PAINTED = """async () => {
    const shown = () => document.querySelector('.lb-frame .lb-image:not(.lb-next)');
    while (!shown() || !shown().complete) await new Promise((done) => setTimeout(done, 10));
    await shown().decode();
    for (let n = 0; n < 3; n += 1) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
#: So many images of the queue are labeled, as the Label page counts them itself, before the server has told of it.
COUNTED = "(n) => Number(document.querySelector('.lb-count-of b').textContent.replace(',', '')) >= n"


# ---- the server -----------------------------------------------------------------------------------


class Served:
    """The program in a process of its own. ``address`` lets a browser in.

    prefix: a command that starts the program. ready: what has imported it, from which it is forked.
    """

    process: subprocess.Popen[bytes] | Forked

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        port: int = 0,
        prefix: Sequence[str] = (),
        ready: Asked | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.log, self._prefixed = folder / "server.txt", bool(prefix)
        self.log.write_bytes(b"")
        words = ["--no-browser", "--port", str(port), *arguments]
        if ready is not None:
            self.process = ready.start("page", words, self.log, folder)
        else:
            command = [*prefix, sys.executable, "-m", "app.main", *words]
            with open(self.log, "ab") as out:
                env = {**os.environ, "PYTHONUTF8": "1"}
                self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)
        self.address = self._wait_for_address()
        self.port = urlsplit(self.address).port or 0

    def told(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def _wait_for_address(self) -> str:
        until = time.monotonic() + 240
        while time.monotonic() < until:
            found = re.search(r"http://127\.0\.0\.1:\d+/\S*(?=\n)", self.told())
            if found:
                return found[0]
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.told()}")
            time.sleep(0.1)
        self.end()
        raise AssertionError(f"the server says no address:\n{self.told()}")

    def kill(self) -> None:
        """kill -9: nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def end(self) -> None:
        """End the server and the child that it started, which would wait for work a while longer."""
        if self.process.poll() is not None:
            return
        children = psutil.Process(self.process.pid).children(recursive=True)
        if isinstance(self.process, Forked):
            children += [psutil.Process(pid) for pid in self.process.started() if psutil.pid_exists(pid)]
        # What starts the program may pass no signal on, and leave with the last process that it has started.
        program = children[0] if self._prefixed else self.process
        program.terminate()
        with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            program.wait(30)
        for child in children:
            if child.is_running():
                child.kill()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


#: serve("--demo"): a server of the test's own.
Serve = Callable[..., Served]
#: address_of(project): where the session's server shows it.
AddressOf = Callable[[Project], str]


# ---- a window ------------------------------------------------------------------------------------


def is_stream_end(message: Any) -> bool:
    """Gradio's client ends its stream of events by an abort, and logs it where the server's end comes later."""
    aborted = message.text.startswith("AbortError: signal is aborted without reason")
    return aborted and bool(re.search(r"/assets/index-[\w-]+\.js$", message.location["url"]))


@dataclass
class Watch:
    """What a page asked for and complained about. ``calm`` while the server is up."""

    hosts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    calm: bool = True

    def follow(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", self._error)

    def leave(self, page: Page) -> None:
        """Hear no more of it."""
        page.remove_listener("request", self._request)
        page.remove_listener("console", self._console)
        page.remove_listener("pageerror", self._error)

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about"):
            self.hosts[f"{parts.scheme}://{parts.hostname}"] += 1

    def _console(self, message: Any) -> None:
        if message.type == "error" and self.calm and not is_stream_end(message):
            self.problems.append(f"console: {message.text} {message.location}")

    def _error(self, error: Any) -> None:
        self.problems.append(f"error: {error}")


class Window:
    """One window for many tests: what Chromium has compiled is still there for the next one.

    A page in a new window costs three seconds of the processor's time, in the same window less than one. What a test
    leaves behind is taken away: storage, cookies, routes, other tabs, size and colours. Scripts that a page is given
    before its own cannot be taken away: who adds one needs a window of its own.
    """

    def __init__(self, browser: Browser, port: int, *scripts: Path) -> None:
        self._browser, self._scripts = browser, scripts
        #: On the same server, or what was compiled is forgotten on the way; without a script.
        self._rest = f"http://127.0.0.1:{port}/x/assets/logo.svg"
        self._page: Page | None = None

    def page(self) -> Page:
        """Nothing but white, as wide as a desk."""
        if self._page is None:
            context = self._browser.new_context(viewport=SIZE, color_scheme="light")
            for script in self._scripts:
                context.add_init_script(path=script)
            self._page = context.new_page()
            self._page.set_default_timeout(SOON)
        return self._page

    def put_away(self) -> None:
        """Take away what the last test has left."""
        if (page := self._page) is None:
            return
        for other in page.context.pages[:]:
            if other is not page:
                other.close()
        page.unroute_all(behavior="ignoreErrors")
        page.goto(self._rest)
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.context.clear_cookies()
        page.set_viewport_size(SIZE)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        page.mouse.move(0, 0)

    def close(self) -> None:
        """The next page comes in a new one."""
        if self._page is not None:
            self._page.context.close()
            self._page = None


# ---- the pages ------------------------------------------------------------------------------------------


def on_page(page: Page, name: str) -> None:
    """Wait until one of the five pages is open."""
    page.wait_for_function("(name) => document.body?.dataset.page === name", arg=name)
    page.locator(f"#page-{name} h1").first.wait_for()


def go(page: Page, name: str) -> None:
    """Open a page by its step in the header."""
    page.locator(f"nav.steps button[data-id={name}]").click()
    on_page(page, name)


def soon(look: Callable[[], object], wanted: object = True, patience: float = 30) -> None:
    """A look at the page gives what is wanted at last: the page may be about to draw itself anew."""
    until = time.monotonic() + patience
    while (found := look()) != wanted:
        assert time.monotonic() < until, f"{found} is not {wanted}"
        time.sleep(0.05)


def choose(page: Page, option: str, title: str) -> None:
    """Choose an entry of one of the form's lists by clicking; words may stand behind its title."""
    page.locator(f"#opt-{option} input").click()
    page.locator(f'[role=option][aria-label^="{title}"]').first.click()


def open_fold(page: Page, fold: str) -> None:
    """Unfold it. While the page comes up a click may meet what does not listen yet."""
    button = page.locator(f"#{fold} > button").first
    for _ in range(20):
        button.click()
        for _ in range(40):
            if "open" in (button.get_attribute("class") or "").split():
                return
            page.wait_for_timeout(50)
    raise AssertionError(f"{fold} stays folded")


def keep_some(images: Path, count: int) -> None:
    """Of a folder's images only the first, by name."""
    for more in sorted(images.iterdir())[count:]:
        more.unlink()


def with_speed(project: Project) -> None:
    """It is known how quickly this computer reads images, and so how long a training takes."""
    run = run_queue.queue(project, "features", {"backbone": "tf_efficientnet_lite0"})
    assert run_queue.claim(project, "test") is not None
    run_queue.note(project, run, device="CPU (some), 2 threads")
    run_queue.finish(project, run, "done", result={"images_per_s": 120.0, "n_new": 600})


def labeled_project(folder: Path) -> Project:
    """Eight images, four of them labeled with two classes."""
    project = flat_project(folder, images=8)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:4], ("pick",) * 4, ids[4:], "random"), None)
    a, b = (classes.add_class(project, name) for name in ("a", "b"))
    operations.apply(project, "tab", [Op(n, "label", int(i), (a, b)[n % 2]) for n, i in enumerate(ids[:4], 1)])
    return project


def lowest_goal(page: Page) -> None:
    """Move the slider of Finish to its lowest goal. While the page comes up a key may be pressed on one that goes."""
    goal = page.locator("#finish-goal")
    for _ in range(20):
        goal.press("Home")
        if goal.input_value() == "0":
            return
        page.wait_for_timeout(100)
    raise AssertionError("the slider stays where it is")
