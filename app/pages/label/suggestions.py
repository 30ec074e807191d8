"""Suggestions for the Label page: learned from the labels of the moment, kept until a label or the pool changes."""

from __future__ import annotations

import numpy as np

from app.routes import binary
from app.routes.vectors import features_of
from app.shell.server import Opened
from fact_core.analysis.suggest import suggest
from fact_core.labeling import classes, labels_now


def packed(held: Opened) -> bytes:
    """Header {n, classes, labels, why}; columns: ids i32[n], class u16[n], confidence u8[n].

    classes: ids, the u16 is a place among them; labels: learned from; why: "" or what is missing ("features",
    "labels"). The labels of check images teach nothing.
    """
    project = held.project
    learned = labels_now.snapshot(project, "pick")
    listed = [each.id for each in classes.classes(project)]
    known = features_of(held)
    if known is None:
        return binary.packed({"n": 0, "classes": listed, "labels": 0, "why": "features"})
    ids, x = known
    place = np.searchsorted(ids, learned.ids)
    place[place == len(ids)] = 0
    here = ids[place] == learned.ids if len(ids) else np.zeros(0, dtype=bool)
    found = suggest(x, place[here], learned.y[here])
    if found is None:
        return binary.packed({"n": 0, "classes": listed, "labels": int(here.sum()), "why": "labels"})
    columns = ids.astype("<i4"), found.y.astype("<u2"), binary.sure(found.confidence)
    return binary.packed({"n": len(ids), "classes": listed, "labels": found.labels, "why": ""}, *columns)
