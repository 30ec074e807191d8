"""Labels that are likely wrong, for the grid of Results: worked out when asked for, kept until a label changes."""

from __future__ import annotations

import numpy as np

from app.routes import binary
from app.routes.vectors import features_of
from app.shell.server import Opened
from fact_core.analysis.doubts import doubts
from fact_core.labeling import labels_now
from fact_core.storage import project as projects

#: What speaks against a label: nothing much, it looks like another class, an image that shows the same has another one.
FINE, LIKE, TWIN = range(3)


def packed(held: Opened) -> bytes:
    """Header {n, classes, why}; columns: ids, twin i32; doubt, other u16; kind u8, each [n].

    doubt: 0 to 65535; other: a place in classes; twin: an image, 0 for none; why: "" or what is missing ("features",
    "labels").
    """
    stamp = projects.version(held.project).rpartition(".")[0]
    return held.slowly("suspects", stamp, lambda: _packed(held))


def _packed(held: Opened) -> bytes:
    known, labeled = features_of(held), labels_now.snapshot(held.project)
    head = {"n": 0, "classes": list(labeled.classes), "why": "features"}
    if known is None:
        return binary.packed(head)
    ids, x = known
    keep = np.isin(labeled.ids, ids)
    mine, y = labeled.ids[keep], labeled.y[keep]
    found = doubts(x[np.searchsorted(ids, mine)], y)
    if found is None:
        return binary.packed(head | {"why": "labels"})
    kind = np.where(found.twin >= 0, TWIN, np.where(found.flagged, LIKE, FINE))
    twin = np.where(found.twin >= 0, mine[found.twin], 0)
    columns = mine.astype("<i4"), twin.astype("<i4"), binary.fine(found.doubt), found.other.astype("<u2")
    return binary.packed(head | {"n": len(mine), "why": ""}, *columns, kind.astype("u1"))
