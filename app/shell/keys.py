"""What lets a browser in: secrets of one start, none of them kept on the disk.

A cookie alone is not enough. Browsers send the cookies of 127.0.0.1 to every port, so any other program that
listens here sees ours in the requests that it gets, and could use it from its own process, where no check of
``Origin`` or ``Sec-Fetch-Site`` holds it. What cannot be seen there is what our page keeps in its localStorage,
which belongs to one port: a second secret for the header of its requests, and a third for the addresses of
pictures and downloads, which no script asks for and which therefore have no header.

A picture's address may be copied or stay in the browser's history, so what stands in it opens pictures and nothing
else. All three are new at each start: what another program got on our port while we were away opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fact_core.errors import InputError

#: The header of our page's requests, and the part of an address that stands in its place where there is no header.
HEADER, QUERY = "x-fact-studio", "s"
SHORTEST_PASSWORD = 12


@dataclass(frozen=True)
class Keys:
    """The secrets of one start. token: in the address printed then; "" where a password is asked for instead.

    ticket: a token that is good once. It goes to the browser in a command line, which others here may read.
    """

    token: str
    ticket: str
    password: str
    cookie_name: str
    cookie: str
    page: str
    pictures: str

    def is_token(self, given: str) -> bool:
        """Whether that is the token."""
        return bool(self.token) and same(given, self.token)

    def is_password(self, given: str) -> bool:
        """Whether that is the password. Hashed first: how long it takes says nothing about its length."""
        ours, theirs = (hashlib.sha256(each.encode("utf-8", "replace")).digest() for each in (self.password, given))
        return bool(self.password) and hmac.compare_digest(ours, theirs)

    def has_cookie(self, headers: Iterable[tuple[str, str]]) -> bool:
        """Whether our cookie is among the headers.

        Those of all programs on this computer come with it, whatever they hold: Python's own reader gives up at the
        first that is not as it should be. Of two with our name, another program has set one.
        """
        given = (each.partition("=") for name, value in headers if name == "cookie" for each in value.split(";"))
        return any(same(value.strip(), self.cookie) for name, _, value in given if name.strip() == self.cookie_name)

    def is_page(self, headers: Mapping[str, str]) -> bool:
        """Whether our page asks: it knows what is in no cookie."""
        return same(headers.get(HEADER, ""), self.page)

    def is_picture(self, query: Mapping[str, str]) -> bool:
        """Whether our page made this address of a picture or a download."""
        return same(query.get(QUERY, ""), self.pictures)


def make_keys(port: int, *, token: str = "", password: str = "") -> Keys:
    """New secrets; a token (``token``, or a new one) where there is no password. InputError when that is too short."""
    if password and len(password) < SHORTEST_PASSWORD:
        raise InputError(
            "The password is too short", f"{len(password)} characters", f"Choose one of at least {SHORTEST_PASSWORD}."
        )
    ticket, *rest = (secrets.token_urlsafe(32) for _ in range(4))
    ways = ("", "") if password else (token or secrets.token_urlsafe(24), ticket)
    return Keys(*ways, password, f"fact_studio_{port}", *rest)


def same(given: str, ours: str) -> bool:
    """Whether two texts are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), ours.encode("utf-8", "replace"))
