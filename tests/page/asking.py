"""A client of an application in this process, in one loop for all that is asked, as a server has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.testclient import TestClient, httpx  # the one of two packages that it found


class OneGo(httpx.BaseTransport):
    """Asks and hears all of the answer in one go. Starlette's own goes to and fro between two threads seven times."""

    def __init__(self, app: Any, portal: BlockingPortal) -> None:
        self._app, self._portal = app, portal
        self._inner = httpx.ASGITransport(self._as_starlettes, raise_app_exceptions=False, client=("testclient", 50000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._ask, request)

    async def _as_starlettes(self, scope: Any, receive: Any, send: Any) -> None:
        """The scope as Starlette's client makes it; it takes a path that is encoded twice for what it hides."""
        await self._app({**scope, "path": unquote(scope["path"]), "state": {}}, receive, send)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))


@contextmanager
def asking(app: Any, base_url: str, headers: dict[str, str] | None = None) -> Iterator[TestClient]:
    """A client for ``app`` as long as its loop runs. What is raised in it is answered with 500, as a server does."""
    client = TestClient(app, base_url=base_url, headers=headers, raise_server_exceptions=False)
    with start_blocking_portal() as portal:
        client._transport = OneGo(app, portal)
        yield client
