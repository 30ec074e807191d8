"""A local stand-in of the model hub: the same few files, whatever repository is asked for."""

import hashlib
import http.server
import threading
from contextlib import contextmanager

import pytest


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the model hub as one download needs."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        content = self.server.files().get(self.path.partition("/resolve/main/")[2])
        if content is None:
            self.send_error(404)
            return
        if self.server.gated:
            self.send_response(403)
            self.send_header("X-Error-Code", "GatedRepo")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextmanager
def standing_hub(content, more=()):
    """The server; huggingface_hub asks it while this holds. ``gated``: it wants terms accepted first.

    content: of model.safetensors, which may be given another one; more: name -> content of other files.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.content, server.gated = content, False
    server.files = lambda: {"model.safetensors": server.content, **dict(more)}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.ENDPOINT", address)
        patch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield server
    server.shutdown()
    thread.join()
    server.server_close()
