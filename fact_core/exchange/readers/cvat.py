"""CVAT for images: XML with a tag for each label of a whole image. Shapes are boxes."""

from __future__ import annotations

import re
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
    rows: list[tuple[int, tuple[Cell, ...]]] = [
        (number, (image.get("name", ""), _said(image))) for number, image in enumerate(root.iter("image"), start=1)
    ]
    return Table("cvat", "Image", "XML", ("name", "tag"), rows, (0,), (1,))


def _said(image: Element) -> Said:
    tags = one_of([tag.get("label", "") for tag in image.findall("tag")])
    shapes = any(each.tag != "tag" for each in image)
    return BOX if tags.why == "none" and shapes else tags
