"""What a cell of text says, as far as the cell alone can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from fact_core.exchange.readers.studio import short
from fact_core.exchange.readers.table import NOTHING, Cell, Said, one_of
from fact_core.exchange.words import EMPTY_WORDS

#: A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PARTS = re.compile(r"\s*[|;,]\s*")


def said(cell: Cell, literal: bool = False) -> Said:
    """What a cell says: a name, or what other tools write into one cell for several names or for boxes.

    literal: the cell is the name, whatever it looks like.
    """
    if isinstance(cell, Said):
        return cell
    text = cell.strip()
    if not text:
        return NOTHING
    if literal:
        return Said((text,))
    if text[0] in "{[" and text[-1] in "}]":
        try:
            return short(json.loads(text))
        except (ValueError, RecursionError):
            # MakeSense: [cat] or [cat,dog]; Python's sets: {'cat'}
            inner = re.fullmatch(r"\[([^\[\]{}]*)\]", text) or re.fullmatch(r"\{(\s*['\"][^\[\]{}:]*)\}", text)
            return one_of([each.strip().strip("'\"") for each in inner[1].split(",")]) if inner else Said((text,))
    return Said((text,))


def unescaped(cell: str) -> str:
    """What ``export_labels.escaped`` did is undone, so that our own files can be read again."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def is_empty_word(name: str) -> bool:
    """Whether a name means nothing to most tools: nan, None, NA."""
    return name.casefold() in EMPTY_WORDS


def parts(name: str) -> Sequence[str]:
    """The names that one cell may hold side by side: "a|b", "a, b", "a;b"."""
    found = [each for each in _PARTS.split(name.strip()) if each]
    return found if len(found) > 1 else ()
