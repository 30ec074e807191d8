"""Suggestions for the Label page: by the names of the classes at first, then by the labels of the moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.pages.label import words
from app.routes import binary
from app.routes.vectors import features_of
from app.shell.server import Opened
from fact_core.analysis.suggest import Suggestions, suggest
from fact_core.analysis.words import labels_suffice, words_first
from fact_core.labeling import classes, labels_now
from fact_core.types import FloatArray, IntArray


def packed(held: Opened) -> bytes:
    """Header {n, classes, labels, why, by, words}; columns: ids i32[n], class u16[n], confidence u8[n].

    classes: ids, the u16 is a place among them; labels: learned from; why: "" or what is missing ("features",
    "labels"); by: "labels" or "words", the names of the classes. words: "" or, where names would come first, why they
    do not yet: as ``words.Ready.why``, or as ``words.Found.state``. The labels of check images teach nothing.
    """
    project = held.project
    learned = labels_now.snapshot(project, "pick")
    listed = [each.id for each in classes.classes(project)]
    head: dict[str, Any] = {"n": 0, "classes": listed, "labels": 0, "why": "features", "by": "labels", "words": ""}
    known = features_of(held)
    if known is None:
        return binary.packed(head)
    ids, x = known
    place = np.searchsorted(ids, learned.ids)
    place[place == len(ids)] = 0
    here = ids[place] == learned.ids if len(ids) else np.zeros(0, dtype=bool)
    rows, y = place[here], learned.y[here]
    asked = _by_words(held, ids, x[rows], rows, y, listed)
    if isinstance(asked, Suggestions):
        head |= {"by": "words", "why": ""}
        return _told(head, ids, asked)
    found = suggest(x, rows, y)
    head |= {"words": asked, "labels": len(y), "why": "" if found else "labels"}
    return _told(head, ids, found)


def _told(head: dict[str, Any], ids: IntArray, found: Suggestions | None) -> bytes:
    if found is None:
        return binary.packed(head)
    columns = ids.astype("<i4"), found.y.astype("<u2"), binary.sure(found.confidence)
    return binary.packed({**head, "n": len(ids)}, *columns)


def _by_words(
    held: Opened, ids: IntArray, x: FloatArray, rows: IntArray, y: IntArray, listed: list[int]
) -> Suggestions | str:
    """What the names of the classes say of the images ids; or why they do not, "" where the labels are asked.

    x (M, P), rows (M,), y (M,): of the labels so far.
    """
    if labels_suffice(y, len(listed)):
        return ""
    here = words.ready(held.project)
    if here.why:
        return here.why
    state, said = words.of_classes(held)
    if said is None:
        return state
    at = np.searchsorted(said.ids, ids)
    if len(said.ids) == 0 or (said.ids[np.minimum(at, len(said.ids) - 1)] != ids).any():
        return "ask"  # images came since
    places = np.array([listed.index(each) for each in said.classes], dtype=np.int64)
    named = places[said.found.y[at]]
    if not words_first(named[rows], x, y, len(listed)):
        return ""
    return Suggestions(named, said.found.confidence[at], 0)
