"""JSON as a value, one document or one a line. What it means is for the readers to say."""

from __future__ import annotations

import json
import math
from typing import Any

from fact_core.errors import InputError

_HELP = "Export it again; a file that was cut off cannot be used."


def starts_like_json(text: str) -> bool:
    """Whether a text can only be JSON."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def value_of(text: str) -> Any:
    """The document, or the list of the documents on the lines. InputError, which names the row."""
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return [_line(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
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


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"Row {number} of the JSON cannot be read", error.msg, _HELP) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"Row {number} of the JSON cannot be read", str(error)[:200], _HELP) from None
