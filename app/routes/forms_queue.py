"""In front of Gradio's queue: what is no request of a form gets an answer in words there, too.

Gradio takes any JSON and fails later, at a number of a handler that it does not have or at half a character. What goes
wrong inside a handler of ours does not come this way: Gradio tells it in the queue's stream.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import JSONResponse

from app.routes.bodies import read

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PREFIX = "/gradio_api/"
#: The largest form has some hundred short values.
MOST_BYTES = 500_000

log = logging.getLogger("fact_studio")


class FormsQueue:
    """ASGI middleware around the application."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, with its body read and looked at where it is one to Gradio."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(PREFIX):
            return await self.app(scope, receive, send)
        answer, failed = _Answer(send), False
        body = await _whole(receive)
        try:
            if len(body) > MOST_BYTES or not isinstance(read(body), dict):
                raise ValueError("It is no form.")
            await self.app(scope, _again(body, receive), answer.pass_on)
        except (ValueError, RecursionError, json.JSONDecodeError) as error:
            failed = True
            log.info("a request to the forms' queue was refused", exc_info=error)
        except Exception as error:
            failed = True
            log.warning("the forms' queue did not take a request", exc_info=error)
        if (failed and not answer.begun) or answer.held:
            what = {"what": "The form's request is not as it should be", "found": "", "do": "Reload the page."}
            await JSONResponse(what, 400)(scope, receive, send)


class _Answer:
    """What goes out, but for an error without words. begun: something has gone out; held: an error has not."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun, self.held = send, False, False

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.held = message["status"] >= 500
        if not self.held:
            self.begun = True
            await self._send(message)


async def _whole(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = bool(message.get("more_body", False))
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it: that the browser has gone."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay
