"""What the page gets as JSON is written as dataclasses, each beside the one function that fills it in.

Their fields are the keys that the scripts read (assets/types.d.ts names the same).
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any


def told(shape: Any) -> dict[str, Any]:
    """A dataclass as JSON, with those in its fields and in its lists. Dicts go as they are: some are large."""
    return {each.name: _plain(getattr(shape, each.name)) for each in fields(shape)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return told(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
