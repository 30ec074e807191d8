"""The pool as a model answers it, image by image: columns for the grid, and one image at large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from app.pages.results import findings, outcome
from app.routes import binary, kept_answers
from app.shell.server import Opened
from fact_core.analysis import merged_classes
from fact_core.analysis.neighbors import nearest
from fact_core.analysis.rows import finite_unit
from fact_core.errors import RunError
from fact_core.generators import finish
from fact_core.labeling import acceptances, checked, labels_now, selections
from fact_core.storage import items
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import FloatArray, IntArray

#: Where an image stands for a run: without a label, trained on, checked with, labeled since, to be checked with; with
#: a model's answer that a person accepted for its label.
OPEN, TRAINED, CHECKED, SINCE, TO_CHECK, ACCEPTED = range(6)
NONE = 65535  # the place of a class that is not known
NEAREST, TOP = 6, 3


@dataclass(frozen=True)
class Columns:
    """One row an image of the pool that has an answer, by id.

    rank: place by path; said, truth: places in ``classes``, of which the first ``model`` are the model's own; truth is
    known without a label of the person (folders, demo), NONE elsewhere; part: OPEN ... ACCEPTED.
    """

    ids: IntArray  # (N,)
    rank: IntArray  # (N,)
    said: IntArray  # (N,)
    sure: FloatArray  # (N,)
    truth: IntArray  # (N,)
    part: IntArray  # (N,)
    classes: tuple[str, ...]
    model: int
    kind: str


@dataclass(frozen=True)
class Near:
    """A labeled image that is like another one: its class by name; alike: the cosine of their features."""

    id: int
    name: str
    alike: float


@dataclass(frozen=True)
class Look:
    """One image at large. top: [class, share] of the likeliest classes; near: like it and labeled, the nearest first.

    near is None where there are no features to tell it by; copies: files with the same bytes.
    """

    id: int
    path: str
    w: int
    h: int
    top: list[tuple[str, float]]
    near: list[Near] | None
    copies: list[str]


def columns(held: Opened, run: Run, answers: outcome.Answers) -> Columns:
    """The answers of a training run for the images that are in the pool now."""
    project = held.project
    pool = items.pool(project)
    order = np.argsort(answers.ids, kind="stable")
    order = order[np.isin(answers.ids[order], pool.ids)]
    ids = answers.ids[order]
    by_path = sorted(range(len(pool)), key=pool.paths.__getitem__)
    rank = np.empty(len(pool), dtype=np.int64)
    rank[by_path] = np.arange(len(pool))
    _, truth, kind = findings.known_classes(project, run, answers, kept_answers.true_names_of(held, run, answers))
    classes = (*answers.classes, *sorted(set(truth.values()) - set(answers.classes)))
    return Columns(
        ids=ids,
        rank=rank[np.searchsorted(pool.ids, ids)],
        said=answers.y[order],
        sure=answers.confidence[order],
        truth=_places(ids, truth, classes),
        part=_parts(project, run, ids),
        classes=classes,
        model=len(answers.classes),
        kind=kind,
    )


def _places(ids: IntArray, names: Mapping[int, str], classes: tuple[str, ...]) -> IntArray:
    """(N,) the place of each image's class, NONE where it has none."""
    number = {name: place for place, name in enumerate(classes)}
    return np.array([number[names[i]] if i in names else NONE for i in ids.tolist()], dtype=np.int64)


def _parts(project: Project, run: Run, ids: IntArray) -> IntArray:
    """(N,) where each image stands for the run. What the run was trained on is no check image for it."""
    picks, audit = labels_now.snapshot(project, "pick").ids, labels_now.snapshot(project, "audit").ids
    to_check = [entry.item for entry in selections.queue(project) if entry.role == "audit"]
    part = np.full(len(ids), OPEN, dtype=np.int64)
    part[np.isin(ids, acceptances.ids_now(project))] = ACCEPTED
    part[np.isin(ids, to_check)] = TO_CHECK
    part[np.isin(ids, picks)] = SINCE
    part[np.isin(ids, audit)] = CHECKED
    part[np.isin(ids, sorted(checked.trained_on(project, run)))] = TRAINED
    return part


def packed(found: Columns) -> bytes:
    """Header {n, classes, model, kind}; columns, each [n]: ids, rank i32; said, sure, truth u16; part u8."""
    head = {"n": len(found.ids), "classes": list(found.classes), "model": found.model, "kind": found.kind}
    said, truth, part = found.said.astype("<u2"), found.truth.astype("<u2"), found.part.astype("u1")
    wide = (found.ids.astype("<i4"), found.rank.astype("<i4"))
    return binary.packed(head, *wide, said, binary.fine(found.sure), truth, part)


def read_shares(file: Path) -> tuple[IntArray, FloatArray]:
    """(ids (N,), probabilities (N, K)) of the stored predictions of a run. RunError when they cannot be read."""
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as stored:
            return stored["ids"].astype(np.int64), stored["probabilities"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError("The predictions of this run cannot be read", str(error), "Predict again.") from None


def top(p: FloatArray, classes: tuple[str, ...]) -> list[tuple[str, float]]:
    """The likeliest classes of one image, p (K,): the likeliest first."""
    p, classes = merged_classes.added_up(p, classes)
    best = np.argsort(-p, kind="stable")[:TOP]
    return [(classes[place], round(float(p[place]), 4)) for place in best]


def alike(project: Project, item: int, known: tuple[IntArray, FloatArray] | None) -> list[Near] | None:
    """The labeled images that are most like an image. known: ids ascending (N,) and their features (N, D)."""
    if known is None or not np.isin(item, known[0]):
        return None
    ids, x = known
    labeled = labels_now.snapshot(project)
    keep = np.isin(labeled.ids, ids) & (labeled.ids != item)
    if not keep.any():
        return []
    among, y = labeled.ids[keep], labeled.y[keep]
    one = finite_unit(x[np.searchsorted(ids, [item])])
    rows, far = finish(nearest(one, NEAREST, finite_unit(x[np.searchsorted(ids, among)])))
    # |a - b|^2 = 2 - 2 cos of rows of length 1
    return [
        Near(int(among[row]), labeled.classes[int(y[row])], round(1 - float(gap) ** 2 / 2, 4))
        for row, gap in zip(rows[0], far[0], strict=True)
    ]
