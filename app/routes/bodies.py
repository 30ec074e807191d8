"""What every body of a request has to be before a route sees it: JSON that can be stored and told again.

Python's reader takes more than that: NaN, whole numbers without end, half a character (a lone surrogate), which no
file and no database holds; and lists in lists in lists, at whose depth every later step would fail.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute

from fact_core.errors import InputError

#: SQLite's whole numbers are smaller than this.
LARGEST = 2**63
DEEPEST = 20
HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class CheckedRoute(APIRoute):
    """A route whose body is read by ``CheckedRequest``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, given a request that checks."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            return await handle(CheckedRequest(request.scope, request.receive))

        return checked


class CheckedRequest(Request):
    """A request whose ``json`` is what ``read`` takes."""

    async def json(self) -> Any:
        """The body. HTTPException 400 in words."""
        try:
            return read(await self.body())
        except json.JSONDecodeError:
            raise  # FastAPI says where
        except (ValueError, RecursionError) as error:
            found = "It is nested too deeply." if isinstance(error, RecursionError) else str(error)
            what = {"what": "The request is not as it should be", "found": found[:300], "do": ""}
            raise HTTPException(400, what) from error


def file_of(content: str) -> bytes:
    """The bytes of a file that came in base64 within JSON. InputError where it is none."""
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("The file did not arrive whole", do="Choose it again.") from None


def read(body: bytes) -> Any:
    """The value of JSON in UTF-8. ValueError in words, json.JSONDecodeError, RecursionError."""
    text = body.decode("utf-8")
    value = json.loads(text, parse_int=_whole, parse_float=_number, parse_constant=_no_number)
    if HALF.search(body):  # seldom: browsers escape nothing else so
        _refuse_halves(value)
    _refuse_depth(value)
    return value


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -LARGEST <= int(digits) < LARGEST:
        raise ValueError(f"A number is too large: {digits[:40]}.")
    return int(digits)


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"A number is too large: {text[:40]}.")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number.")


def _refuse_halves(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"A text has half a character in it: U+{ord(error.object[error.start]):04X}.") from None


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise ValueError("It is nested too deeply.")


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return (each for each in value.values() if isinstance(each, dict | list))
    return (each for each in value if isinstance(each, dict | list)) if isinstance(value, list) else ()
