"""The browser and the program that the browser tests share.

One browser and one server a test run. A test that kills the server, reads what it printed or needs projects of its
own home starts one with ``serve``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.routes import register_all
from app.shell.server import Server, key_of
from fact_core.folders import data_folder
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from tests.page.asking import asking
from tests.page.browser_help import CHROMIUM, SIZE, SOON, AddressOf, Serve, Served, Watch, Window
from tests.ready_program import Asked

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose children are never started: what they do is the worker's test."""
    made = Server()
    monkeypatch.setattr(made, "tend", lambda key, *, now=False: made.opened(key))
    yield made
    made.close()


class Current:
    """Stands for the server of the test that runs: the routes are the same for all, and they hold nothing."""

    server: Server

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)


@pytest.fixture(scope="session")
def routes() -> Iterator[tuple[TestClient, Current]]:
    """All routes, registered once, and a client of them."""
    app, current = FastAPI(), Current()
    register_all(app, cast(Server, current))
    with asking(app, "http://127.0.0.1:7860") as client:
        yield client, current


@pytest.fixture
def client(routes: tuple[TestClient, Current], server: Server) -> TestClient:
    """Asks the routes of ``server`` directly, without the guard."""
    made, current = routes
    current.server = server
    made.cookies.clear()
    return made


def look_now_and_then(page: type[Page]) -> None:
    """Playwright asks a page in each frame whether what is waited for has come: the page would draw without an end."""
    page.wait_for_function = partialmethod(page.wait_for_function, polling=50)  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sync_api.expect.set_options(timeout=SOON)
    look_now_and_then(sync_api.Page)
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's server has its projects and its list of them."""
    return tmp_path_factory.mktemp("session")


def at_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("FACT_STUDIO_HOME", str(home / "data"))
    patch.setenv("FACT_STUDIO_CACHE", str(home / "cache"))


@pytest.fixture(scope="session")
def shared(home: Path, _ready: Asked | None) -> Iterator[Served]:
    """The session's server. Each test shows it a project of its own."""
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, home)
        served = Served(home / "started", ready=_ready)
    try:
        yield served
        assert served.process.poll() is None, f"the server ended:\n{served.told()}"
    finally:
        served.end()


@pytest.fixture
def address_of(shared: Served, home: Path) -> Iterator[AddressOf]:
    """address_of(project): it is in the list of the session's server, which opens it when it is asked for."""

    def known(project: Project) -> str:
        with pytest.MonkeyPatch.context() as patch:
            at_home(patch, home)
            projects.remember(project)
        return f"{shared.address}&p={key_of(project.folder)}"

    before = len(shared.told())
    yield known
    print(f"---- what the server printed meanwhile\n{shared.told()[before:]}")


@pytest.fixture
def serve(tmp_path: Path, _ready: Asked | None) -> Iterator[Serve]:
    """serve("--demo"): the program, started in an empty folder. Printed when it died before the test was over.

    typed: it is started as a person types it, and so are its workers.
    """
    started: list[Served] = []
    killed: set[int] = set()

    def start(*arguments: str, port: int = 0, typed: bool = False) -> Served:
        killed.update(id(each) for each in started)  # a restart: those before have died on purpose
        folder, ready = tmp_path / f"started-{len(started)}", None if typed else _ready
        started.append(Served(folder, *arguments, port=port, ready=ready))
        return started[-1]

    yield start
    died = [each for each in started if each.process.poll() is not None and id(each) not in killed]
    for each in started:
        each.end()
        print(f"---- what the server printed\n{each.told()}")
    log = data_folder() / "server.log"
    print(f"---- server.log\n{log.read_text('utf-8') if log.exists() else 'none'}")
    assert not died, f"the server ended with {died[0].process.returncode}:\n{died[0].told()}"


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="session")
def window(browser: Browser, shared: Served) -> Iterator[Window]:
    """Where the session's server is shown, for one test after the other."""
    made = Window(browser, shared.port)
    yield made
    made.close()


@pytest.fixture
def own_page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """``page`` in a window of its own: for another server, and for what cannot be taken away again."""
    with browser.new_context(viewport=SIZE, color_scheme="light") as context:
        made = context.new_page()
        made.set_default_timeout(SOON)
        yield from followed(made, watch)


@pytest.fixture
def page(request: pytest.FixtureRequest, watch: Watch) -> Iterator[Page]:
    """A window of 1440 x 900. Nothing of it may go anywhere but to 127.0.0.1, or complain in the console."""
    request.getfixturevalue("tmp_path")  # so that it outlives the page, which asks for its project to the last
    if "address_of" not in request.fixturenames:
        yield request.getfixturevalue("own_page")
        return
    window: Window = request.getfixturevalue("window")
    failed, well = request.session.testsfailed, False
    try:
        yield from followed(window.page(), watch)
        well = request.session.testsfailed == failed
    finally:  # who knows what a test that failed has left
        window.put_away() if well else window.close()


def followed(made: Page, watch: Watch) -> Iterator[Page]:
    watch.follow(made)
    yield made
    print(f"---- the page at the end: {made.url}\n{made.inner_text('body')[:3000]}")
    watch.leave(made)
    assert set(watch.hosts) == {"http://127.0.0.1"}, watch.hosts
    assert not watch.problems, watch.problems
