"""How well a logistic regression on features answers for labelled images that it has not learned from.

For telling backbones apart: all of them are asked in the same way. C is one of a few values, that of the lowest
log-loss on the held-out images, so that the accuracy of each is a little too good; the same little for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from fact_core.compute.less_memory import LessMemory
from fact_core.errors import InputError
from fact_core.events import Progress
from fact_core.generators import logs_only
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import able_rows, folds, smallest_class
from fact_core.types import FloatArray, IntArray, Step

FOLDS = 5
GRID = (3.0, 10.0, 30.0, 100.0)  # of C on unit-norm features
FEWEST = 10  # images that can be held out, below which nothing is said


@dataclass(frozen=True)
class HeldOut:
    """right (n,): whether each image was named rightly while it was held out; C: on unit-norm features."""

    right: npt.NDArray[np.bool_]
    C: float


def judged_rows(y: IntArray, groups: IntArray | None = None) -> IntArray:
    """Rows of the classes of y (n,) that can be learned and tested: of two groups (n,) at least. InputError for few."""
    rows = able_rows(y, groups)
    classes = len(np.unique(y[rows]))
    if len(rows) < FEWEST or classes < 2:
        raise InputError(
            "There are too few labels to compare by",
            f"{len(rows)} labels of {classes} classes that have two or more.",
            f"Label at least {FEWEST} images, and two of each of two classes.",
        )
    return rows


def held_out(
    x: FloatArray,
    y: IntArray,
    generator: torch.Generator,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Step[HeldOut]:
    """Each of n images is named by a regression on the others, in stratified folds: x (n, D), y (n,).

    groups (n,): images of one number are held out together. Every class needs two groups (``judged_rows``). With the
    same generator the folds are the same for any features. InputError as ``logistic.fit``.
    """
    _, y = np.unique(y, return_inverse=True)
    n_classes = int(y.max()) + 1
    wide, target = torch.as_tensor(x).double(), torch.as_tensor(y)
    logistic.check(wide, target)
    narrow, _ = logistic.reduce_rows(wide)
    unit = logistic.scaled(1.0, wide)
    sums, named = dict.fromkeys(GRID, 0.0), {c: np.zeros(len(y), dtype=np.int64) for c in GRID}
    k = min(FOLDS, smallest_class(y, groups))
    for done, held in enumerate(folds(y, k, generator, groups)):
        out = torch.zeros(len(y), dtype=torch.bool)
        out[torch.from_numpy(held)] = True
        fitting = logistic.fit_path(
            narrow[~out], target[~out], n_classes, GRID, unit=unit, tol=logistic.CV_TOL, less=less
        )
        path = yield from logs_only(fitting)
        for c, line in zip(GRID, path, strict=True):
            logits = line.logits(narrow[out])
            sums[c] += float(functional.cross_entropy(logits, target[out], reduction="sum"))
            named[c][out.numpy()] = logits.argmax(1).numpy()
        yield Progress("folds", done + 1, k, "folds")
    c = logistic.best({c: total / len(y) for c, total in sums.items()})
    return HeldOut(named[c] == y, c)
