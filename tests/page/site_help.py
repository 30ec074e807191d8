"""The whole application behind its guard, without a server: as its own page asks it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import main
from app.routes import backbones
from app.shell.guard import Guard
from app.shell.keys import HEADER, Keys, make_keys
from app.shell.server import Server
from fact_core.storage.project import Project
from tests.page.asking import asking
from tests.page.browser_help import labeled_project

PORT = 7998


@dataclass(frozen=True)
class Site:
    """The application, and one project of eight images. ``app``: what stands behind the guard."""

    client: TestClient
    app: Any
    server: Server
    project: Project
    key: str
    keys: Keys

    def raw(self, path: str, method: str = "GET", **more: Any) -> Any:
        """Ask for an address as it is written: nothing of it is made simpler on the way."""
        asked = self.client.build_request(method, "/", **more)
        asked.url = asked.url.copy_with(raw_path=path.encode())
        return self.client.send(asked)


@contextmanager
def whole_site(home: Path) -> Iterator[Site]:
    """Everything that is written lies in ``home``; no child is started, neither for runs nor for a download."""
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in (("FACT_STUDIO_HOME", "data"), ("FACT_STUDIO_CACHE", "cache"), ("HOME", "person")):
            (home / folder).mkdir()
            patch.setenv(name, str(home / folder))
        patch.chdir(home / "person")
        server = Server()
        patch.setattr(server, "tend", lambda key, *, now=False: server.opened(key))
        patch.setattr(backbones, "_start", lambda name, path, text: subprocess.Popen([sys.executable, "-c", ""]))
        project = labeled_project(home / "project")
        key, keys = server.open(project.folder), make_keys(PORT)
        app = main.make_app(server)
        guarded = Guard(app, host="127.0.0.1", port=PORT, keys=keys)
        headers = {"cookie": f"{keys.cookie_name}={keys.cookie}", HEADER: keys.page}
        base = f"http://127.0.0.1:{PORT}"
        with asking(guarded, base, headers) as client:
            yield Site(client, app, server, project, key, keys)
        server.close()
    del client, guarded, app
    close_what_gradio_left()


def close_what_gradio_left() -> None:
    """Gradio leaves the event loop open in which it built a page: it ends here, not in somebody else's test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            asyncio.get_event_loop().close()
        except RuntimeError:  # there is none, from Python 3.14 on
            pass
        asyncio.set_event_loop(None)
        gc.collect()
