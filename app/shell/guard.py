"""The guard in front of every route: who may talk to this program.

A page on another site can make the person's browser send requests to 127.0.0.1. So each request
has to carry our Host (against DNS rebinding), our Origin, a Sec-Fetch-Site of our own, and the
cookie that only the address printed at the start gives. What Gradio serves beyond what the page
needs (uploads, proxy, files, docs) is closed.
"""

from __future__ import annotations

import hashlib
import hmac
import html as markup
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: What the page needs of Gradio; everything else of it is closed.
OPEN_PATHS = frozenset(
    {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"}
    | {f"/gradio_api/{name}" for name in ("queue/join", "queue/data", "startup-events", "theme.css", "reset")}
    | {f"/gradio_api/{name}" for name in ("cancel", "app_id", "info")}
)
OPEN_FOLDERS = ("/x/", "/assets/", "/static/", "/gradio_api/heartbeat/")

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
#: A POST may not be longer than this; 40,000 labels in one request are about 4 MB.
MAX_BODY = 32_000_000
#: A file of labels to import: a million rows of 60 characters.
MAX_IMPORT = 64_000_000
IMPORT_PATH = re.compile(r"/x/[^/]+/import/preview")

SAFE_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

LOCKED_PAGE = (
    "<!doctype html><meta charset=utf-8><title>FACT Studio</title>"
    "<p style='font:16px sans-serif;margin:40px'>This window is not let in. "
    "Open the address that FACT Studio printed in the terminal when it started.</p>"
)


@dataclass(frozen=True)
class Keys:
    """token: in the address printed at the start; cookie: its name and the value that lets a browser in."""

    token: str
    cookie_name: str
    cookie: str


def make_keys(token: str, secret: bytes, port: int) -> Keys:
    """The keys of one start. The cookie depends on the stored secret, so that an open page
    (and the labels that wait in it) outlives a restart of the server."""
    value = hmac.new(secret, f"cookie:{port}".encode(), hashlib.sha256).hexdigest()
    return Keys(token, f"fact_studio_{port}", value)


class Guard:
    """ASGI middleware. ``host`` is what the server listens on, ``port`` its port."""

    def __init__(self, app: App, *, host: str, port: int, keys: Keys) -> None:
        self.app, self.port, self.keys = app, port, keys
        self.hosts = _hosts(("127.0.0.1", "localhost", "[::1]", host), port)
        self.any_address = host in ("0.0.0.0", "::", "[::]")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no web sockets here: the server closes them
        headers = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        refused = self.refuse(scope, headers)
        if refused:
            return await _answer(send, *refused, scope)
        if not self._has_cookie(headers):
            return await self._enter(scope, send)
        if scope["path"] == "/" and "token" in dict(_query(scope)):
            return await _answer(send, 200, _forward(scope), scope, html=True)
        return await self.app(scope, receive, _with_headers(send))

    def refuse(self, scope: Scope, headers: list[tuple[str, str]]) -> tuple[int, str] | None:
        """(status, reason) of a request that may not pass, whoever sends it."""
        hosts = [value for name, value in headers if name == "host"]
        if len(hosts) != 1 or not self._own_host(hosts[0]):
            return 403, "This address is not served here."
        for name, value in headers:
            if name == "origin" and value.lower() != f"http://{hosts[0].lower()}":
                return 403, "Requests from other pages are refused."
            if name == "sec-fetch-site" and value not in ("same-origin", "none") and not self._arrives(scope, headers):
                return 403, "Requests from other pages are refused."
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "Only GET and POST are used here."
        if not _path_is_open(scope):
            return 404, "There is nothing here."
        length = dict(headers).get("content-length", "0")
        most = MAX_IMPORT if IMPORT_PATH.fullmatch(scope["path"]) else MAX_BODY
        if scope["method"] == "POST" and (not length.isdigit() or int(length) > most):
            return 413, "The request is too large."
        if "transfer-encoding" in dict(headers):  # its length cannot be known before it is read
            return 411, "A request has to say its length."
        kind = dict(headers).get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != "application/json":
            return 415, "Only JSON is taken."
        return None

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
        return value.endswith(f":{self.port}") or self.port == 80

    def _arrives(self, scope: Scope, headers: list[tuple[str, str]]) -> bool:
        """A click on the printed address, e.g. in a terminal that is itself a web page."""
        return (
            scope["method"] == "GET"
            and scope["path"] == "/"
            and dict(headers).get("sec-fetch-mode") == "navigate"
            and self._has_token(scope)
        )

    def _has_token(self, scope: Scope) -> bool:
        given = dict(_query(scope)).get("token", "")
        return hmac.compare_digest(given.encode(), self.keys.token.encode())

    def _has_cookie(self, headers: list[tuple[str, str]]) -> bool:
        for name, value in headers:
            if name == "cookie":
                try:
                    morsel = SimpleCookie(value).get(self.keys.cookie_name)
                except CookieError:
                    continue
                if morsel and hmac.compare_digest(morsel.value.encode(), self.keys.cookie.encode()):
                    return True
        return False

    async def _enter(self, scope: Scope, send: Send) -> None:
        """Turn the token of the first address into the cookie; everybody else stays outside."""
        if scope["method"] == "GET" and scope["path"] == "/" and self._has_token(scope):
            cookie = f"{self.keys.cookie_name}={self.keys.cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
            return await _answer(send, 200, _forward(scope), scope, html=True, cookie=cookie)
        if scope["path"] == "/":
            return await _answer(send, 403, LOCKED_PAGE, scope, html=True)
        return await _answer(send, 403, "Open the address that the program printed in the terminal.", scope)


def _hosts(names: Iterable[str], port: int) -> frozenset[str]:
    plain = {name.lower() for name in names}
    return frozenset({f"{name}:{port}" for name in plain} | (plain if port == 80 else set()))


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _path_is_open(scope: Scope) -> bool:
    path = scope["path"]
    plain = path
    for _ in range(3):  # "%252e" becomes "." only at the second look
        plain = unquote(plain)
    if "\x00" in plain or "\\" in plain or any(part in ("..", ".") for part in plain.split("/")):
        return False
    return path in OPEN_PATHS or path.rstrip("/") in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def _forward(scope: Scope) -> str:
    """A page that goes on to the same address without the token.

    Not a redirect: after a click on another page, a Strict cookie would not travel with one.
    """
    rest = urlencode([(name, value) for name, value in _query(scope) if name != "token"])
    target = markup.escape("/" + (f"?{rest}" if rest else ""))
    refresh = f'<meta http-equiv="refresh" content="0;url={target}">'
    return f"<!doctype html><meta charset=utf-8>{refresh}<title>FACT Studio</title>"


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in SAFE_HEADERS}
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            kept = [(n, v) for n, v in kept if not n.lower().startswith(b"access-control-")]
            message = {**message, "headers": [*kept, *SAFE_HEADERS]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, scope: Scope, *, html: bool = False, cookie: str = "") -> None:
    body = text if html else json.dumps({"what": text, "found": "", "do": ""})
    kind = "text/html; charset=utf-8" if html else "application/json"
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store"), *SAFE_HEADERS]
    if cookie:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body.encode()})
