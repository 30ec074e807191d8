"""ALFA-Mix (Parvaneh et al., CVPR 2022): images whose class flips when they are mixed a little with labeled ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.events import Progress
from fact_core.select.kmeans import select as by_kmeans
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.select.probe import fitted, margins, needed
from fact_core.types import FloatArray, IntArray, Step

#: The first and the largest share of the mixture, and its growth while too few images flip (the authors' code).
SHARE = 1 / 32


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] among those that flip, one a cluster of them (k-means).

    Where fewer flip than the budget, the least sure of the others follow.
    ConfigError without labels of two classes; else as ``picks.candidates``.
    """
    y = needed(labeled_y, "ALFA-Mix")
    free = candidates(x, budget, labeled_rows)
    limit = flips_at(x, labeled_rows, y)[free]
    share = SHARE
    while (limit <= share).sum() < budget and share < 1:
        share += SHARE
        yield Progress("alfamix", round(share / SHARE), round(1 / SHARE), "shares")
    flipped = free[limit <= share]
    rest = np.setdiff1d(free, flipped)
    order = rest[np.argsort(margins(x, labeled_rows, y)[rest], kind="stable")]
    count = budget + spare(budget, len(free))
    if len(flipped) > budget:
        nothing = np.zeros(0, dtype=np.int64)
        picks = yield from by_kmeans(x[flipped], budget, nothing, None, rng, device=device)
        first = flipped[np.concatenate([picks.rows, picks.next_best])]
        others = np.setdiff1d(flipped, first)
        rows = np.concatenate([first, others, order])[:count]
    else:
        rows = np.concatenate([flipped[np.argsort(limit[limit <= share], kind="stable")], order])[:count]
    return Picks(rows[:budget], rows[budget:], {"share": share, "flipped": len(flipped)})


def flips_at(x: FloatArray, labeled_rows: IntArray, labeled_y: IntArray) -> FloatArray:
    """(N,) smallest share eps at which some class's mean makes the row flip; inf: at none.

    The authors' closed form mixes each feature by alpha = eps |a - z| / |g| * g / (a - z), which moves the row z by
    eps |a - z| along g / |g|: g is the gradient of the loss at the probe's own answer, a the mean of a class. The
    probe is linear, so that its answer changes once on that way, and the farthest mean decides.
    """
    u, line = unit(x).astype(np.float64), fitted(x, labeled_rows, labeled_y)
    weight = line.weight.numpy()
    logits = line.logits(torch.from_numpy(u)).numpy()
    answer = logits.argmax(1)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(p)), answer] -= 1
    g = p @ weight
    g /= np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-300)
    classes = np.unique(labeled_y)
    means = np.stack([u[labeled_rows[labeled_y == each]].mean(0) for each in classes])
    far = np.sqrt(np.maximum((u**2).sum(1)[:, None] - 2 * u @ means.T + (means**2).sum(1), 0)).max(1)
    lead = logits[np.arange(len(u)), answer][:, None] - logits  # how far each class is behind
    slope = g @ weight.T - (g * weight[answer]).sum(1, keepdims=True)  # how fast it catches up
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(slope > 0, lead / slope, np.inf)
    step[np.arange(len(u)), answer] = np.inf
    found: FloatArray = step.min(1) / np.maximum(far, 1e-12)
    return found
