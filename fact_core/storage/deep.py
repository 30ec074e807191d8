"""Deep pixels of a project's images: values of more than 8 bits, and the range by which they all are scaled.

A scan notes of each image what its values reach. One range for all images of a kind stands in ``meta``, so that
features, thumbnails, training, predictions and the exported model see the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.images.decode import Ranges
from fact_core.images.pixels import span
from fact_core.storage import db
from fact_core.storage.project import Project

NAMES = {
    "grey16": "16-bit grey",
    "grey32": "32-bit grey",
    "float": "floating-point grey",
    "colour16": "16-bit colour",
}
DARK = 0.25  # of the range: an image that stays below is told


@dataclass(frozen=True)
class Kind:
    """The images of one kind: how many, what they reach, how they are scaled, and how many stay dark in that."""

    kind: str
    images: int
    low: float
    high: float
    start: float
    end: float
    dark: int


def ranges(project: Project) -> Ranges:
    """The stored range of each kind, as the last scan has set it."""
    with db.connect(project.db) as con:
        return _stored(con)


def unknown(project: Project) -> bool:
    """Whether there are images that no scan has looked at for this: an older version of the program found them."""
    with db.connect(project.db) as con:
        return con.execute("SELECT 1 FROM item WHERE status = 'ok' AND deep IS NULL LIMIT 1").fetchone() is not None


def settle(con: Database) -> None:
    """Set the ranges by the images that can be read. Part of the transaction that ends a scan."""
    found = [
        (row["deep"], *span(row["deep"], row["low"], row["high"], narrow=row["n"] > 1))
        for row in con.execute(
            "SELECT deep, count(*) AS n, min(low) AS low, max(high) AS high FROM item "
            "WHERE status = 'ok' AND deep != '' GROUP BY deep ORDER BY deep"
        )
    ]
    con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('ranges', ?)", (json.dumps(found),))


def kinds(project: Project) -> list[Kind]:
    """Of each kind of deep pixels what the images have, and how they are shown."""
    found = []
    with db.connect(project.db) as con:
        for kind, start, end in _stored(con):
            row = con.execute(
                "SELECT count(*) AS n, min(low) AS low, max(high) AS high, total(high < ?) AS dark FROM item "
                "WHERE status = 'ok' AND deep = ?",
                (start + DARK * (end - start), kind),
            ).fetchone()
            if row["n"]:
                found.append(Kind(kind, row["n"], row["low"], row["high"], start, end, int(row["dark"])))
    return found


def in_words(project: Project) -> list[str]:
    """What a person should know of them, a sentence or two for each kind."""
    return [_told(each) for each in kinds(project)]


def look(project: Project, kind: str) -> str:
    """A short text that differs when images of that kind are scaled in another way; "" for all others."""
    if not kind:
        return ""
    known = next(((low, high) for name, low, high in ranges(project) if name == kind), None)
    return f"-{known[0]:g}-{known[1]:g}" if known else "-own"


def looks(project: Project) -> dict[str, str]:
    """``look`` of all images with deep pixels, by their digests."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT digest, deep FROM item WHERE status = 'ok' AND deep != ''").fetchall()
    known = {kind: look(project, kind) for kind in {row["deep"] for row in rows}}
    return {row["digest"]: known[row["deep"]] for row in rows}


def _stored(con: Database) -> Ranges:
    row = con.execute("SELECT value FROM meta WHERE key = 'ranges'").fetchone()
    return tuple((kind, float(low), float(high)) for kind, low, high in json.loads(row["value"])) if row else ()


def _told(each: Kind) -> str:
    many = f"{each.images:,} images have" if each.images != 1 else "1 image has"
    bits = math.log2(each.end + 1) if each.kind != "float" and each.start == 0 else math.nan  # a float may end below 0
    used = f", of which {int(bits)} bits are used" if bits.is_integer() else ""
    dark = ""
    if each.dark:
        dark = f" {each.dark:,} of them use less than a quarter of that and look dark beside the others."
    return (
        f"{many} {NAMES.get(each.kind, each.kind)} values{used} ({_number(each.low)} to {_number(each.high)}). "
        f"{_number(each.start)} is shown and learned from as black, {_number(each.end)} as white, in all of them.{dark}"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
