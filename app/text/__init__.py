"""Every sentence that the person reads, one flat dict a page: key -> sentence.

Keys start with the name of their page ("project.scan"), so that the dicts join without a clash.
``{name}`` in a sentence is filled in by ``FS.t(key, {name: ...})`` or ``str.format``.
"""

from __future__ import annotations

from app.text import classes, common, decisions, label, project, results, select, train


def sentences() -> dict[str, str]:
    """All sentences in one dict. ValueError when two pages use the same key."""
    joined: dict[str, str] = {}
    for page in (common, project, select, label, classes, train, decisions, results):
        clash = joined.keys() & page.TEXT.keys()
        if clash:
            raise ValueError(f"{page.__name__} repeats the keys {', '.join(sorted(clash))}")
        joined |= page.TEXT
    return joined
