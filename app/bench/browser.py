"""The program in a process of its own on a free port, and a browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fact_core import processor
from fact_core.errors import DeviceError, RunError
from fact_core.storage.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.js")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chromium-headless-shell")
SOON_MS = 120_000
WINDOW = {"width": 1440, "height": 900}
PHONE = 600  # px: a narrower window is that of a phone


def find_chromium() -> str | None:
    """The Chromium of this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def serving(project: Project, home: Path) -> Iterator[str]:
    """The address at which the program serves the project, on a free port, until the end. RunError if it dies."""
    home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    env = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": path, "FACT_STUDIO_HOME": str(home)}
    command = [sys.executable, "-m", "app.main", "--no-browser", "--port", "0", "--project", str(project.folder)]
    said = home / "server.txt"
    with open(said, "wb") as out:
        process = subprocess.Popen(command, cwd=home, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield _address(process, said)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], said: Path, patience: float = 240) -> str:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        text = said.read_text("utf-8", "replace")
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S+", text):
            return found[0]
        if process.poll() is not None:
            raise RunError("The program ended before it served the page", text.strip()[-300:])
        time.sleep(0.1)
    raise RunError("The program did not begin to serve the page", f"nothing after {patience:.0f} s")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. DeviceError when there is none, or no playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise DeviceError(
            "The benches of the page need playwright", "it is not installed", "python3 launch.py test installs it."
        ) from error
    found = find_chromium()
    if found is None:
        raise DeviceError("The benches of the page need Chromium", "none in PATH", "Install it: apt install chromium.")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def label_page(browser: Browser, address: str) -> Iterator[Page]:
    """The Label page of the program in a fresh window without a cache, with the probe in it."""
    with window(browser, address, "label") as page:
        yield page


@contextmanager
def window(browser: Browser, address: str, step: str, width: int = 1440, scheme: str = "light") -> Iterator[Page]:
    """A page of the program in a fresh window without a cache, with the probe in it. scheme: light or dark."""
    size = WINDOW if width >= PHONE else {"width": width, "height": 844}
    context = browser.new_context(viewport={**size, "width": width}, color_scheme=scheme)  # type: ignore[arg-type]
    try:
        _let_in(context, address)
        context.add_init_script(path=PROBE)
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        page.goto(f"{re.sub('token=[^&#]*&?', '', address)}#{step}", wait_until="commit")
        yield page
    finally:
        context.close()


def _let_in(context: Any, address: str) -> None:
    """Its token becomes the cookie; the key beside it is put where that page's script puts it, without a window."""
    answer = context.request.get(address).text()
    context.add_init_script(script="\n".join(re.findall("<script>(.*?)</script>", answer)))


def probed(page: Page, name: str) -> Any:
    """What the probe has collected under a name; its entries of inputs arrive a moment late."""
    page.wait_for_timeout(500)
    return page.evaluate("(name) => window.factProbe[name]", name)


def mode(page: Page, name: str) -> None:
    """What the probe watches from now on: "keys", "clicks", "lasso" or ""."""
    page.evaluate("(name) => { window.factProbe.mode = name; }", name)


def device(renderer: str) -> str:
    """The processor's name, and whether the browser draws with it."""
    software = re.search(r"swiftshader|llvmpipe|software|basic render", renderer, re.I) is not None
    return f"{with_cores()}, {'software renderer' if software or not renderer else renderer}"


def with_cores() -> str:
    """The processor's name with the number of its cores that this program may use."""
    count = processor.cores()
    return f"{processor.name()}, {count} {'core' if count == 1 else 'cores'}"
