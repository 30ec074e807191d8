"""MaxHerding (Bae et al., ECCV 2024) and UHerding (Bae et al., ICLR 2025): greedy coverage by a soft kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from fact_core.events import Event, Point, Progress
from fact_core.generators import map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds
from fact_core.select.greedy import Aim, cover, rbf, unit_pool
from fact_core.select.objective import BLOCK
from fact_core.select.picks import Picks, candidates
from fact_core.select.probe import C, needed
from fact_core.types import FloatArray, IntArray, Step

#: Width of MaxHerding's kernel on unit rows.
SIGMA = 1.0
#: Labeled images nearer than this (cosine 0.995) are one picture, and say nothing about the width of the kernel.
COPIES = 0.1
#: No row counts less than this: where nothing is unsure any more, coverage alone decides.
SUREST = 1e-6
#: Parts of the labels, each of which is answered by a model of the others.
FOLDS = 3
#: Temperatures that are tried.
TEMPERATURES = np.geomspace(0.05, 20, 61)
#: Rows whose probabilities are computed at once.
ROWS = 8192


def maxherding(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] that raise mean_x max_l exp(-|x - l|^2 / sigma^2) most, one after the other.

    Unit rows, sigma = 1; labeled images cover already; nothing depends on chance. info: coverage, the mean above.
    It costs about eight N x N x D operations whatever the budget (some minutes on two cores at N = 50,000 and
    D = 1,280) and 512 MB beside the features. A larger pool is seen through a random part of 50,000 rows (``choose``):
    the coverage of given images in the part differs from that in the pool by 0.002 (one standard deviation) at most,
    and a kind with 1,000 images in a million has about 50 in the part. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    return (yield from cover(unit_pool(x, device), free, labeled_rows, budget, [Aim(rbf(SIGMA))], "maxherding"))


def uherding(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """The same where each row counts by its uncertainty u(x): mean_x u(x) max_l exp(-|x - l|^2 / sigma^2).

    u is 1 - margin (the probability of the likeliest class less that of the second) of a logistic regression on the
    labels whose temperature is chosen by cross-validation. sigma is the least distance of two labeled images:
    with few labels the picks stand for the pool, with many of them for what is unsure. The rng draws the folds.
    info: sigma, temperature, coverage. Time and memory: as MaxHerding. Errors: ``picks.candidates``; ConfigError
    without labels of two classes.
    """
    y = needed(labeled_y, "UHerding")
    free = candidates(x, budget, labeled_rows)
    pool = unit_pool(x, device)
    sigma = least_distance(pool[torch.from_numpy(np.asarray(labeled_rows)).to(pool.device)])
    unsure, temperature = yield from uncertainty(pool, labeled_rows, y, rng)
    aims = [Aim(rbf(sigma), unsure), Aim(rbf(sigma))]
    picks = yield from cover(pool, free, labeled_rows, budget, aims, "uherding")
    info = {**picks.info, "sigma": round(sigma, 6), "temperature": round(temperature, 4)}
    return Picks(picks.rows, picks.next_best, info)


def uncertainty(
    pool: Tensor, labeled_rows: IntArray, labeled_y: IntArray, rng: np.random.Generator
) -> Step[tuple[FloatArray, float]]:
    """(1 - margin (N,), the temperature) for unit rows pool [N,D] with L labels of at least two classes."""
    seen = pool[torch.from_numpy(np.asarray(labeled_rows)).to(pool.device)]
    _, y = np.unique(labeled_y, return_inverse=True)
    temperature = yield from _temperature(seen, y, rng)
    line = yield from _fit(seen, y, int(y.max()) + 1)
    found = []
    for block in pool.split(ROWS):
        two = torch.softmax(line.logits(block) / temperature, dim=1).topk(2, dim=1).values
        found.append((1 - two[:, 0] + two[:, 1]).clamp_min(SUREST).float().cpu().numpy())
        yield Progress("uncertainty", sum(map(len, found)), len(pool))
    return np.concatenate(found), temperature


def _temperature(seen: Tensor, y: IntArray, rng: np.random.Generator) -> Step[float]:
    """The temperature (Guo et al., 2017) of the lowest mean log-loss of L labels, each answered by a model of others.

    Images that are alone in their class teach and are not asked. The targets are softened as in Platt (1999), by
    1 / (asked + 2): some right answers do not make the model sure of everything. 1 when nobody can be asked.
    """
    twice = np.flatnonzero(np.bincount(y)[y] >= 2)
    if not len(twice):
        return 1.0
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 31)))
    parts = folds(y[twice], min(FOLDS, len(twice)), generator)
    logits, asked = [], []
    for part in parts:
        held = twice[part]
        rest = np.setdiff1d(np.arange(len(y)), held)
        line = yield from _fit(seen[torch.from_numpy(rest).to(seen.device)], y[rest], int(y.max()) + 1)
        logits.append(line.logits(seen[torch.from_numpy(held).to(seen.device)]).cpu())
        asked.append(y[held])
    answers, target = torch.cat(logits), torch.from_numpy(np.concatenate(asked))
    losses = [log_loss(answers / each, target, 1 / (len(target) + 2)) for each in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def log_loss(logits: Tensor, y: Tensor, soft: float) -> float:
    """Mean cross-entropy of logits [L,K] to classes y (L,) of which the share ``soft`` is spread over all classes."""
    logp = log_softmax(logits, dim=1)
    return float(-((1 - soft) * logp.gather(1, y[:, None])[:, 0] + soft * logp.mean(1)).mean())


def _fit(seen: Tensor, y: IntArray, n_classes: int) -> Step[logistic.Linear]:
    return (yield from map_events(logistic.fit(seen, y, n_classes, C=C, tol=1e-5), _shown))


def _shown(event: Event) -> Event | None:
    return Progress("uncertainty", event.step, event.steps, "iterations") if isinstance(event, Point) else None


def least_distance(seen: Tensor) -> float:
    """The least distance of two unit rows [L,D] that are not copies; ``SIGMA`` where all are copies of one."""
    nearest = 0.0  # squared distance
    for block in seen.split(max(1, BLOCK // len(seen))):
        apart = (2 - 2 * block @ seen.T).clamp_min_(0)
        apart.masked_fill_(apart < COPIES**2, torch.inf)
        nearest = min(nearest or torch.inf, float(apart.min()))
    return float(np.sqrt(nearest)) if nearest < torch.inf else SIGMA
