"""JSON as a value, one document or one a line. What it means is for the readers to say."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from fact_core.errors import InputError

_LINES = re.compile(r"\r\n|\n|\r")  # no other sign that parts lines elsewhere: it may stand in a text
_HELP = "Export it again; a file that was cut off cannot be used."


def starts_like_json(text: str) -> bool:
    """Whether a text can only be JSON."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def value_of(text: str) -> Any:
    """The document, or the list of the documents on the lines. InputError, which names the row."""
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return [_line(number, line) for number, line in enumerate(_LINES.split(text), start=1) if line.strip()]
        raise InputError(f"Row {error.lineno} of the JSON cannot be read", error.msg, _HELP) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
        raise InputError("The JSON cannot be read", str(error)[:200], _HELP) from None


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects in a list, or nothing."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def as_text(value: object) -> str:
    """A name or number as text; "" for what is neither, and for a number too large to be one (1e400)."""
    if isinstance(value, float) and math.isinf(value):
        return ""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return ""
    return str(value)


def as_number(value: object) -> str:
    """A number that stands for something: pandas writes 3 as 3.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else as_text(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. InputError where one name stands for two values, of which Python's own reader takes the last."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        known = found.setdefault(name, value)
        if known is not value and known != value:
            shown = f"{name}: {known} and {value}"[:200].encode(errors="replace").decode()
            raise InputError("An object of the JSON has one name twice", shown, "Keep the one that is right.")
    return found


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise InputError(f"Row {number} of the JSON cannot be read", error.msg, _HELP) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"Row {number} of the JSON cannot be read", str(error)[:200], _HELP) from None
