"""The guard in front of every route: who may talk to this program.

A page on another site can make the person's browser send requests to 127.0.0.1. So each request has to carry our
Host (against DNS rebinding), our Origin and a Sec-Fetch-Site of our own. A program on this computer can send any
headers. So each request has to carry the cookie that only the printed address or the password gives, and whatever
shows or changes something of the person's has to carry a key that is in no cookie (``keys.py`` says why). What Gradio
serves beyond what the page needs (uploads, proxy, files, docs, web sockets) is closed. What came through a proxy may
come from anywhere, though the proxy runs on this computer: it needs the password (``origin.py``).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from app.shell.entrance import LOCKED_PAGE, PASSWORD_PAGE, Tries, forward, given_keys
from app.shell.keys import Keys
from app.shell.origin import place_of, through_proxy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: What is the same for everybody and shows nothing of anybody: here the cookie is enough.
PLAIN_PATHS = frozenset(
    {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/x/text.json", "/x/plotly.js"}
    | {f"/gradio_api/{name}" for name in ("startup-events", "theme.css", "app_id", "info")}
)
PLAIN_FOLDERS = ("/x/assets/", "/assets/", "/static/")
#: What the page needs beside it; everything else of Gradio is closed.
OWN_PATHS = frozenset(f"/gradio_api/{name}" for name in ("queue/join", "queue/data", "reset", "cancel"))
OWN_FOLDERS = ("/x/",)
#: What an <img> or a link asks for, which cannot send a header: their key stands in the address.
PICTURES = re.compile(r"/x/[^/]+/(thumb/[^/]+|image/[^/]+|predictions\.csv)")
#: Where the password goes.
ENTER = "/enter"

POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio writes its configuration into the page and gr.HTML builds functions from text.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
#: A POST may not be longer than this; 50,000 labels in one request are about 5 MB.
MAX_BODY = 8_000_000
#: A file of labels to import: a million rows of 60 characters; a photo to try.
MAX_IMPORT = 64_000_000
IMPORT_PATH = re.compile(r"/x/[^/]+/(import/preview|try)")
#: Of a password; of an address.
MAX_PASSWORD, MAX_ADDRESS = 4096, 8192

SAFE_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

#: Seconds that the answer to a wrong password takes.
WRONG_SECONDS = 1.0
OUTSIDE = "This window is not let in."


class Guard:
    """ASGI middleware. ``host`` is what the server listens on, ``port`` its port; ``https``: it has a certificate."""

    def __init__(self, app: App, *, host: str, port: int, keys: Keys, https: bool = False) -> None:
        self.app, self.port, self.keys = app, port, keys
        self.scheme = "https" if https else "http"
        self.plain_port = 443 if https else 80  # the one that a browser leaves out of Host
        self.hosts = _hosts(("127.0.0.1", "localhost", "[::1]", host), port, self.plain_port)
        self.any_address = host in ("0.0.0.0", "::", "[::]")
        self.tries = Tries()
        self.to_do = "Open the address that the program printed in the terminal."
        if keys.password:
            self.to_do = "Open its address anew and give the password."
        self.tickets = {keys.ticket} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})  # there are none here
        headers = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        refused = self.refuse(scope, headers)
        if refused:
            return await _answer(send, *refused, scope)
        if scope["path"] == ENTER:
            return await self._ask_password(scope, headers, receive, send)
        inside = self.keys.has_cookie(headers)
        if self._begins(scope) and (inside or self._has_token(scope)):
            return await self._go_on(scope, send)
        if not inside:
            return await self._stay_out(scope, send)
        if not _is_plain(scope["path"]) and not self._may(scope, headers):
            return await _answer(send, 403, OUTSIDE, scope, do=self.to_do)
        return await self.app(scope, receive, _with_headers(send))

    def refuse(self, scope: Scope, headers: list[tuple[str, str]]) -> tuple[int, str] | None:
        """(status, reason) of a request that may not pass, whoever sends it."""
        hosts = [value for name, value in headers if name == "host"]
        if len(hosts) != 1 or not self._own_host(hosts[0]):
            return 403, "This address is not served here. (The program's --host says which name it answers to.)"
        if not self.keys.password and through_proxy(headers):
            return 403, "This came through a proxy, and the program has no password. (Set FACT_STUDIO_PASSWORD.)"
        for name, value in headers:
            if name == "origin" and value.lower() != f"{self.scheme}://{hosts[0].lower()}":
                return 403, "Requests from other pages are refused."
            if name == "sec-fetch-site" and value not in ("same-origin", "none") and not self._arrives(scope, headers):
                return 403, "Requests from other pages are refused."
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "Only GET and POST are used here."
        if len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b"")) > MAX_ADDRESS:
            return 414, "The address is too long."
        if not self._path_is_open(scope):
            return 404, "There is nothing here."
        return self._refuse_body(scope, dict(headers))

    def _refuse_body(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        length = headers.get("content-length", "0")
        most = MAX_IMPORT if IMPORT_PATH.fullmatch(scope["path"]) else MAX_BODY
        most = 0 if scope["method"] != "POST" else MAX_PASSWORD if scope["path"] == ENTER else most
        if not (length.isascii() and length.isdigit()) or len(length) > 15 or int(length) > most:
            return 413, "The request is too large."
        if "transfer-encoding" in headers:  # its length cannot be known before it is read
            return 411, "A request has to say its length."
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != "application/json":
            return 415, "Only JSON is taken."
        return None

    def _path_is_open(self, scope: Scope) -> bool:
        path = plain = scope["path"]
        for _ in range(3):  # "%252e" becomes "." only at the second look
            plain = unquote(plain)
        if "\x00" in plain or "\\" in plain or any(part in ("..", ".") for part in plain.split("/")):
            return False
        if path == ENTER:
            return bool(self.keys.password) and scope["method"] == "POST"
        return _is_plain(path) or path.rstrip("/") in OWN_PATHS or path.startswith(OWN_FOLDERS)

    def _own_host(self, value: str) -> bool:
        if value.lower() in self.hosts:
            return True
        if not self.any_address:
            return False
        name = value.rsplit(":", 1)[0] if value.endswith(f":{self.port}") else value
        try:  # a number cannot be rebound to another machine, a name can
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return value.endswith(f":{self.port}") or self.port == self.plain_port

    def _arrives(self, scope: Scope, headers: list[tuple[str, str]]) -> bool:
        """A click on the printed address, e.g. in a terminal that is itself a web page, or on one without a token."""
        return (
            scope["method"] == "GET"
            and scope["path"] == "/"
            and dict(headers).get("sec-fetch-mode") == "navigate"
            and (self._has_token(scope) or bool(self.keys.password))
        )

    def _has_token(self, scope: Scope) -> bool:
        given = dict(_query(scope)).get("token", "")
        return self.keys.is_token(given) or given in self.tickets

    def _begins(self, scope: Scope) -> bool:
        return scope["path"] == "/" and scope["method"] == "GET" and "token" in dict(_query(scope))

    def _may(self, scope: Scope, headers: list[tuple[str, str]]) -> bool:
        """Whether our page asks, or an element on it."""
        picture = scope["method"] != "POST" and PICTURES.fullmatch(scope["path"])
        return self.keys.is_page(dict(headers)) or bool(picture and self.keys.is_picture(dict(_query(scope))))

    async def _go_on(self, scope: Scope, send: Send) -> None:
        """Turn the token of the first address into the cookie and the keys; a wrong one is only dropped."""
        right = self._has_token(scope)
        self.tickets.discard(dict(_query(scope))["token"])
        page = forward(_query(scope), self.keys if right else None)
        await _answer(send, 200, page, scope, html=True, cookie=self._cookie() if right else "")

    async def _stay_out(self, scope: Scope, send: Send) -> None:
        if scope["path"] == "/":
            page = PASSWORD_PAGE if self.keys.password else LOCKED_PAGE
            return await _answer(send, 200 if self.keys.password else 403, page, scope, html=True)
        await _answer(send, 403, OUTSIDE, scope, do=self.to_do)

    async def _ask_password(self, scope: Scope, headers: list[tuple[str, str]], receive: Receive, send: Send) -> None:
        """The cookie and the keys for the password. One after the other: guessing is slow."""
        given = await _password(receive)
        who = place_of(str((scope.get("client") or ("",))[0]), headers, dict(headers)["host"])
        if self.tries.too_many(time.monotonic(), who):
            return await _answer(send, 429, "Too many wrong passwords.", scope, do="Wait a minute.")
        if not self.keys.is_password(given):
            self.tries.wrong(time.monotonic(), who)
            await asyncio.sleep(WRONG_SECONDS)
            return await _answer(send, 403, "That is not the password.", scope)
        await _send(send, 200, json.dumps(given_keys(self.keys)), scope, False, self._cookie())

    def _cookie(self) -> str:
        """Until the browser is closed; it opens nothing once this program has ended."""
        secure = "; Secure" if self.scheme == "https" else ""
        return f"{self.keys.cookie_name}={self.keys.cookie}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _hosts(names: Iterable[str], port: int, plain_port: int) -> frozenset[str]:
    plain = {name.lower() for name in names}
    return frozenset({f"{name}:{port}" for name in plain} | (plain if port == plain_port else set()))


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _is_plain(path: str) -> bool:
    return path in PLAIN_PATHS or path.rstrip("/") in PLAIN_PATHS or path.startswith(PLAIN_FOLDERS)


async def _password(receive: Receive) -> str:
    """What was given as the password; "" for anything else. ``refuse`` has looked at the length."""
    body, more = b"", True
    while more and len(body) <= MAX_PASSWORD:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body", False))
    try:
        given = json.loads(body.decode())
    except (ValueError, RecursionError):
        return ""
    password = given.get("password", "") if isinstance(given, dict) else ""
    return password if isinstance(password, str) else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in SAFE_HEADERS}
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            kept = [(n, v) for n, v in kept if not n.lower().startswith(b"access-control-")]
            message = {**message, "headers": [*kept, *SAFE_HEADERS]}
        await send(message)

    return sending


async def _answer(
    send: Send, status: int, what: str, scope: Scope, *, do: str = "", html: bool = False, cookie: str = ""
) -> None:
    """What is wrong and what to do, or a page."""
    await _send(send, status, what if html else json.dumps({"what": what, "found": "", "do": do}), scope, html, cookie)


async def _send(send: Send, status: int, text: str, scope: Scope, html: bool, cookie: str) -> None:
    kind = b"text/html; charset=utf-8" if html else b"application/json"
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), *SAFE_HEADERS]
    if cookie:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text.encode()})
