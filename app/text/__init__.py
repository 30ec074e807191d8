"""Every sentence that the person reads, one flat dict a page: key -> sentence.

Keys start with the name of their page ("project.scan"), so that the dicts join without a clash.
``{name}`` in a sentence is filled in by ``FS.t(key, {name: ...})`` or ``str.format``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

PAGES = ("common", "project", "select", "label", "train", "results")


def sentences() -> dict[str, str]:
    """All sentences in one dict. ValueError when two pages use the same key."""
    joined: dict[str, str] = {}
    for page in PAGES:
        name = f"{__name__}.{page}"
        if find_spec(name) is None:
            continue
        text: dict[str, str] = import_module(name).TEXT
        clash = joined.keys() & text.keys()
        if clash:
            raise ValueError(f"{name} repeats the keys {', '.join(sorted(clash))}")
        joined |= text
    return joined
