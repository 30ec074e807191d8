"""The formats in which labels come: a dict of readers, told apart by content and never by the file's ending.

A reader is one function, text or parsed JSON in, ``Table`` out, and one that recognises its content. A new one is a
line here; ``tests/test_contracts.py`` runs over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fact_core.errors import InputError
from fact_core.exchange.readers import cvat, jsons, other_tools, separated, studio
from fact_core.exchange.readers.encoding import text_of
from fact_core.exchange.readers.table import Table


@dataclass(frozen=True)
class Reader:
    """One family of files. of_json: whether both functions take the parsed value instead of the text."""

    title: str
    recognise: Callable[[Any], bool]
    read: Callable[[Any], Table]
    of_json: bool = True


#: kind -> its reader; the first that recognises a content reads it. So what is narrow stands above what is wide: XML
#: above "cvat", JSON above the loose objects, text above the separated tables, which take everything.
READERS: Mapping[str, Reader] = {
    "label-studio": Reader("Label Studio (JSON)", studio.recognise, studio.read),
    "label-studio-min": Reader("Label Studio (JSON_MIN)", studio.recognise_min, studio.read_min),
    "coco": Reader("COCO", other_tools.is_coco, other_tools.coco),
    "fiftyone": Reader("FiftyOne", other_tools.is_fiftyone, other_tools.fiftyone),
    "via": Reader("VIA", other_tools.is_via, other_tools.via),
    "objects": Reader("JSON, an object a row", other_tools.is_objects, other_tools.objects),
    "cvat": Reader("CVAT for images (XML)", cvat.recognise, cvat.read, of_json=False),
    "csv": Reader("a table", separated.recognise, separated.read, of_json=False),
}


@dataclass(frozen=True)
class Content:
    """What a file holds, and whether its encoding is sure."""

    table: Table
    encoding_sure: bool = True


#: A column for each class that a project can have, and that of the file.
MOST_COLUMNS = 10_001


def read(content: bytes, kind: str = "", encoding: str = "") -> Content:
    """The rows of a file. kind: a key of ``READERS`` to take whatever it looks like. InputError in words."""
    if content.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")):
        raise InputError("This is a packed file or a workbook", do="Save the sheet as CSV, or unpack it first.")
    text = text_of(content, encoding)
    table = _read(text.text, kind)
    if len(table.columns) > MOST_COLUMNS:
        found = f"{len(table.columns):,}, and at most {MOST_COLUMNS:,} are read"
        raise InputError("The file has too many columns", found, "It needs one for the file and one for its label.")
    columns = tuple(name.encode(errors="replace").decode() for name in table.columns)  # JSON may have half a character
    return Content(replace(table, columns=columns, encoding=text.encoding), text.sure)


def _read(text: str, kind: str) -> Table:
    is_json = jsons.starts_like_json(text)
    if kind:
        reader = READERS[kind]
        content = jsons.value_of(text) if reader.of_json else text
        if kind != "label-studio" and not reader.recognise(content):  # that one says which task is wrong
            raise InputError("The file is of another kind", "", f"It should be: {reader.title}.")
        return reader.read(content)
    if is_json:
        value = jsons.value_of(text)
        if value == []:
            return Table("label-studio", "Task", "JSON", (), ())
        # A file with one line may be one object a line.
        for each in (value, [value]) if isinstance(value, dict) else (value,):
            for reader in READERS.values():
                if reader.of_json and reader.recognise(each):
                    return reader.read(each)
        raise InputError(
            "This JSON is of no known kind", _shape(value), f"Known: {', '.join(r.title for r in READERS.values())}."
        )
    return next(r for r in READERS.values() if not r.of_json and r.recognise(text)).read(text)


def _shape(value: Any) -> str:
    """What a JSON is, in few words."""
    if isinstance(value, dict):
        return f"an object with {', '.join(map(str, value))}"[:200] if value else "an empty object"
    first = value[0] if isinstance(value, list) and value else value
    return f"a list of {type(first).__name__}" if isinstance(value, list) else type(value).__name__
