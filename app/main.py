"""The page: ``python -m app.main [--host --port --certfile --keyfile --no-browser --project DIR --demo]``.

One process serves the page and our own routes; the work is done by a child process a project.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import logging.handlers
import os
import shutil
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

# Before gradio is imported: nothing leaves this computer, nothing is kept in shared folders.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if "GRADIO_TEMP_DIR" not in os.environ:
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="fact-studio-")
    atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)

import gradio as gr
import uvicorn
from fastapi import FastAPI

from app.pages.label import page as label
from app.pages.project import page as project
from app.pages.results import page as results
from app.pages.select import page as select
from app.pages.train import page as train
from app.routes import assets, register_all
from app.routes.forms_queue import FormsQueue
from app.shell import ahead
from app.shell.door import (
    Door,
    check_certificate,
    first_address,
    forget_old_secret,
    greeting,
    home_folder,
    is_own,
    listen,
    password_for,
)
from app.shell.forms import piece
from app.shell.guard import Guard
from app.shell.keys import make_keys
from app.shell.protocol import Protocol
from app.shell.server import Server
from app.shell.text import sentences
from app.shell.theme import theme
from fact_core.errors import FactError, storage_error
from fact_core.paths import absolute

#: s between two looks of Gradio at its queue, as it has it on Windows itself. Elsewhere it looks a thousand times a
#: second, which keeps a core busy by a tenth for nothing; only the forms' buttons wait for it.
QUEUE_SLEEP = 0.05
#: s between two looks for progress bars of Gradio's, of which there are none here. By itself a hundred times a second.
PROGRESS_SLEEP = 5.0

#: name -> the function that builds the page, in the order of the steps
PAGES: dict[str, Callable[[Server], None]] = {
    "project": project.build,
    "select": select.build,
    "label": label.build,
    "train": train.build,
    "results": results.build,
}


def build(server: Server) -> gr.Blocks:
    """The five pages, in order. Each is built by its own module."""
    text = sentences()
    page: gr.Blocks
    with gr.Blocks(title="FACT Studio", fill_width=True, analytics_enabled=False) as page:
        piece("header")
        with gr.Tabs(elem_id="fs-tabs", overflow_behavior="wrap"):
            for name, build_page in PAGES.items():
                with gr.Tab(text[f"step.{name}"], id=name, elem_id=f"page-{name}", elem_classes=["fs-page"]):
                    build_page(server)
    page._queue.sleep_when_free = QUEUE_SLEEP
    page._queue.progress_update_sleep_when_free = PROGRESS_SLEEP
    return page


def make_app(server: Server) -> FastAPI:
    """Our routes with Gradio mounted behind them."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    register_all(app, server)
    gr.mount_gradio_app(
        app,
        build(server),
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        show_error=True,
        max_file_size=1,
        theme=theme(),
        head=head(),
    )
    app.add_middleware(FormsQueue)
    return app


def head() -> str:
    """Our style sheets and scripts: one of each is asked for here and imports the others.

    Every module is named, too, so that a browser fetches them side by side and not one import behind the other.
    """
    base = f"/x/assets/{assets.version()}"
    modules = [name for name in assets.files() if name.endswith(".js")]
    return "\n".join(
        (
            '<link rel="icon" type="image/svg+xml" href="/x/assets/logo.svg">',
            f'<link rel="stylesheet" href="{base}/shell/main.css">',
            *(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules),
            f'<script type="module" src="{base}/shell/main.js"></script>',
        )
    )


def serve(door: Door, *, browser: bool, folder: str = "", demo: bool = False, browse: Sequence[str] = ()) -> int:
    """Serve until Ctrl+C. The exit code."""
    check_certificate(door)
    server = Server(demo=demo, browse=[absolute(each) for each in browse])
    listening = listen(door.host, door.port)
    try:
        door = replace(door, port=listening.getsockname()[1])
        keys = make_keys(door.port, token=os.environ.get("FACT_STUDIO_TOKEN", ""), password=password_for(listening))
        write_log()
        key = first_project(server, folder, demo)
        app = Guard(make_app(server), host=door.host, port=door.port, keys=keys, https=door.https)
        print(greeting(door, keys, key, is_own(listening)), flush=True)
        ahead.start()
        if browser:
            threading.Timer(0.5, webbrowser.open, (first_address(door, keys.ticket, key),)).start()
        uvicorn.Server(uvicorn_config(app, door)).run(sockets=[listening])
    finally:
        server.close()
        listening.close()
    return 0


def uvicorn_config(app: Guard, door: Door) -> uvicorn.Config:
    """How uvicorn serves: one process, no web sockets, connections that end (``Protocol``).

    No header says who asks: uvicorn would believe those of any program on this computer.
    """
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=door.certfile or None,
        ssl_keyfile=door.keyfile or None,
    )


def first_project(server: Server, folder: str, demo: bool) -> str:
    """The key of the project to show first, or ""."""
    if demo:
        return server.open_demo(Path(folder) if folder else None)
    return server.open(Path(folder)) if folder else ""


def write_log() -> None:
    """Tracebacks go into a file, not to the terminal."""
    file = home_folder() / "server.log"
    forget_old_secret()
    try:
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=2_000_000, backupCount=1, encoding="utf-8")
    except OSError as error:
        raise storage_error(error, "writing the log") from error
    logging.basicConfig(
        level=logging.WARNING, handlers=[handler], format="%(asctime)s %(name)s %(message)s", force=True
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line. Errors are one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="launch.py serve", description="Serve the page of FACT Studio.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: only this computer; others need a password)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on, 0 for a free one (default: 7860)")
    parser.add_argument("--certfile", default="", metavar="FILE", help="serve https with this certificate (PEM)")
    parser.add_argument("--keyfile", default="", metavar="FILE", help="its key, where that is a file of its own")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--project", default="", metavar="DIR", help="open this project")
    parser.add_argument(
        "--browse", action="append", default=[], metavar="DIR", help="let the page look for folders below this one, too"
    )
    parser.add_argument("--demo", action="store_true", help="a project on the scikit-learn digits, without a download")
    given = parser.parse_args(argv)
    try:
        door = Door(given.host, given.port, given.certfile, given.keyfile)
        return serve(door, browser=not given.no_browser, folder=given.project, demo=given.demo, browse=given.browse)
    except KeyboardInterrupt:
        return 0
    except FactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
