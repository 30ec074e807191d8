"""CVAT for images: XML with a tag for each label of a whole image. Shapes are boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fact_core.errors import InputError
from fact_core.exchange.readers.table import BOX, Cell, Said, Table, one_of

_HELP = "In CVAT export the task as “CVAT for images”."


def recognise(text: str) -> bool:
    """Whether it is XML; what XML it is, ``read`` says."""
    return text.lstrip("\ufeff \t\r\n").startswith(("<?xml", "<annotation"))


def read(text: str) -> Table:
    """The images. InputError for other XML and for declarations, which could make a small file a huge one."""
    text = text.removeprefix("\ufeff")
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError("The XML has declarations, which are not read", do=_HELP)
    try:
        # The text is decoded already; a declared encoding would be applied a second time.
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml.*?\?>", "", text, count=1, flags=re.DOTALL))
    except ElementTree.ParseError as error:
        raise InputError(f"Row {error.position[0]} of the XML cannot be read", str(error), _HELP) from None
    if root.tag != "annotations":
        raise InputError("This XML is no export of CVAT", f"<{root.tag[:80]}>", _HELP)
    if root.find("track") is not None and root.find("image") is None:
        raise InputError("This is CVAT for video, which names no images", do=_HELP)
    return _table(list(root.iter("image")))


def _table(images: Sequence[Element]) -> Table:
    """Beside the tag a column for each attribute of tags, and one for the subsets where there are any.

    Where all tags say the same, an attribute may be what tells the images apart: then nobody can be sure which it is.
    """
    tags = [tag for image in images for tag in image.findall("tag")]
    said: dict[str, set[str]] = {}
    for name, value in (pair for tag in tags for pair in _attributes(tag)):
        said.setdefault(name, set()).add(value)
    one = len({tag.get("label") for tag in tags}) < 2
    telling = (place for place, values in enumerate(said.values(), start=2) if one and len(values) > 1)
    subsets = ("subset",) if any(_subset(image) for image in images) else ()
    columns = ("name", "tag", *(f"tag.{name}" for name in said), *subsets)
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for number, image in enumerate(images, start=1):
        given = [pair for tag in image.findall("tag") for pair in _attributes(tag)]
        values = (one_of([value for each, value in given if each == name]) for name in said)
        rows.append((number, (image.get("name", ""), _said(image), *values, *(_subset(image) for _ in subsets))))
    # "auto": by a network that CVAT ran; "semi-auto" is a person's
    by_model = tuple(range(1, 2 + len(said))) if any(tag.get("source") == "auto" for tag in tags) else ()
    return Table("cvat", "Image", "XML", columns, rows, (0,), (1, *telling), by_model=by_model)


def _attributes(tag: Element) -> list[tuple[str, str]]:
    return [(each.get("name", "").strip(), (each.text or "").strip()) for each in tag.findall("attribute")]


def _subset(image: Element) -> str:
    """The part that an image is in; "default" is where CVAT puts those that nobody has put anywhere."""
    name = image.get("subset", "").strip()
    return "" if name.lower() == "default" else name


def _said(image: Element) -> Said:
    tags = one_of([tag.get("label", "") for tag in image.findall("tag")])
    shapes = any(each.tag != "tag" for each in image)
    return BOX if tags.why == "none" and shapes else tags
