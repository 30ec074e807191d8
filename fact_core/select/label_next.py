"""What to label next: images that a trained model is unsure of, unlike each other and unlike those that are labeled.

The soft coverage of UHerding (Bae et al., ICLR 2025, "Uncertainty Herding"), mean_x u(x) max_l k(x, l), with the
answers of the trained model for u in place of a probe's, and more weight where the classes in question fail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds
from fact_core.select.greedy import Aim, cover, rbf, unit_pool
from fact_core.select.herding import FOLDS, SUREST, least_distance, uncertainty
from fact_core.select.picks import Picks, candidates
from fact_core.select.probe import C, needed
from fact_core.types import FloatArray, IntArray, Step


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    answers: FloatArray | None = None,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] that cover best what is unsure, one after the other.

    answers [N,K]: the trained model's probabilities, column j for the class labeled_y == j; rows of NaN where it has
    not answered. None: a probe on the labels answers, as in ``herding.uncertainty``. The width of the kernel is the
    least distance of two labeled images: these and the picks cover what looks like them, and regions without either
    come first. info: sigma, coverage. ConfigError without labels of two classes; else as ``picks.candidates``.
    """
    y = needed(labeled_y, "Label next")
    free = candidates(x, budget, labeled_rows)
    pool = unit_pool(x, device)
    if answers is None:
        unsure, _ = yield from uncertainty(pool, labeled_rows, y, rng)
    else:
        unsure = doubts(answers) * strain(answers, failing(pool, labeled_rows, y, answers.shape[1], rng))
    sigma = least_distance(pool[torch.from_numpy(np.asarray(labeled_rows)).to(pool.device)])
    aims = [Aim(rbf(sigma), unsure.astype(np.float32)), Aim(rbf(sigma))]
    picks = yield from cover(pool, free, labeled_rows, budget, aims, "next")
    return Picks(picks.rows, picks.next_best, {**picks.info, "sigma": round(sigma, 6)})


def doubts(answers: FloatArray) -> FloatArray:
    """(N,) 1 - margin of probabilities [N,K]: 1 where two classes are as likely; the mean of all where none are."""
    two = np.sort(answers, axis=1)[:, -2:]
    found: FloatArray = np.clip(1 - two[:, 1] + two[:, 0], SUREST, 1).astype(np.float32)
    known = np.isfinite(found)
    return np.where(known, found, found[known].mean() if known.any() else 1).astype(np.float32)


def strain(answers: FloatArray, shares: FloatArray) -> FloatArray:
    """(N,) how much the two likeliest classes of each row fail, by the mean of all classes: 1 is as usual.

    shares (K,): the share of each class that is answered wrong.
    """
    two = np.argsort(np.nan_to_num(answers), axis=1)[:, -2:]
    found: FloatArray = (shares[two].mean(axis=1) / max(float(shares.mean()), 1e-6)).astype(np.float32)
    return found


def failing(pool: Tensor, labeled_rows: IntArray, y: IntArray, n_classes: int, rng: np.random.Generator) -> FloatArray:
    """(K,) share of each class's labels that a probe on the others answers wrong, drawn to 1/2 while there are few.

    Held against left-out labels and never against check images: what steers the choice must not know them.
    """
    wrong, asked = np.ones(n_classes), np.full(n_classes, 2.0)
    many = np.flatnonzero(np.bincount(y)[y] >= 2)
    if len(many) >= FOLDS:
        seen = pool[torch.from_numpy(np.asarray(labeled_rows)).to(pool.device)]
        for part in folds(y[many], FOLDS, torch.Generator().manual_seed(int(rng.integers(1 << 31)))):
            held = many[part]
            said = _answered(seen, y, held, n_classes)
            np.add.at(wrong, y[held], said != y[held])
            np.add.at(asked, y[held], 1)
    found: FloatArray = (wrong / asked).astype(np.float32)
    return found


def _answered(seen: Tensor, y: IntArray, held: IntArray, n_classes: int) -> IntArray:
    """Classes of the held rows by a logistic regression on the others."""
    rest = np.setdiff1d(np.arange(len(y)), held)
    names, target = np.unique(y[rest], return_inverse=True)
    if len(names) < 2:
        return np.full(len(held), names[0])
    rows = seen[torch.from_numpy(rest).to(seen.device)]
    line = finish(logistic.fit(rows, torch.from_numpy(target).to(seen.device), len(names), C=C, tol=1e-5))
    found: IntArray = names[line.logits(seen[torch.from_numpy(held).to(seen.device)]).argmax(1).cpu().numpy()]
    return found
