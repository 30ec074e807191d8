"""ActiveFT (Xie et al., CVPR 2023): picks that look like the pool and keep apart from each other.

K centroids are moved by Adam until they stand for the pool (``select.objective``), then each takes its nearest
image (``select.nearest``). Quick, because a pass over the pool is made only as often as the clusters change.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from fact_core.compute.device import has_fast_bf16
from fact_core.compute.lean_torch import plain
from fact_core.errors import ConfigError
from fact_core.events import Log, Progress
from fact_core.select.clusters import START_EACH, START_ROWS, far_apart, unit_rows
from fact_core.select.nearest import nearest_free
from fact_core.select.objective import VARIANTS, Pull, gradient, pull
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step

#: A pool above this is looked at through a fresh random part of it at each step, as the authors do on ImageNet.
PART = 100_000
#: Steps between two passes over the pool, as long as more than SETTLED of the rows change their centroid between them.
GAP, LONGEST_GAP, SETTLED = 5, 40, 0.02
#: Similarities of a pass that costs next to nothing, so that there is one at every step.
CHEAP = 1 << 18
STARTS = ("random", "k-means++")


@dataclass(frozen=True)
class Settings:
    """What the optimisation depends on besides the rows, as ``select`` says; tau and lambda as in the paper."""

    iterations: int = 300
    tau: float = 0.07
    balance: float = 1.0
    lr: float = 1e-3
    variant: str = "code"
    start: str = "random"
    restarts: int = 1
    every: int = 0


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    iterations: int = 300,
    temperature: float = 0.07,
    balance: float = 1.0,
    lr: float = 1e-3,
    variant: str = "code",
    start: str = "random",
    restarts: int = 1,
    every: int = 0,
    log_weights: FloatArray | None = None,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` unlabeled rows of the features x [N,C], the centroid with the largest cluster first.

    Images that are labeled already take part as centroids that stay where they are, so
    that new picks cover what they leave. ``labeled_y`` is not used. temperature is tau and
    balance is lambda of the paper; variant: the authors' code or the paper's equation.
    restarts: other starts, of which the one with the lowest loss counts. every: steps between two
    passes over the pool; 1 is the authors' way, 0 makes as few as the clusters' changes allow (the final loss
    differs by less than 0.5 %). A pool above ``PART`` rows is sampled anew at each of a third of the steps.
    log_weights (N,): how much each row counts, in logarithms (VeCAF).
    The same ``rng`` state gives the same picks on one device. Errors: ``picks.candidates``; ConfigError for an
    unknown variant or start.
    """
    free = candidates(x, budget, labeled_rows)
    for what, name, known in (("variant", variant, VARIANTS), ("start", start, STARTS)):
        if name not in known:
            raise ConfigError(f"ActiveFT has no {what} {name!r}", do=f"Known: {', '.join(known)}.")
    pool = unit_rows(x, device)
    if budget == len(free):
        order = np.argsort(-(pool @ pool.mean(0)).cpu().numpy()[free], kind="stable")
        yield Progress("activeft", 1, 1, "steps")
        return Picks(free[order], free[:0], {"note": "the budget takes every image"})
    fixed = pool[torch.from_numpy(np.asarray(labeled_rows, dtype=np.int64)).to(device)]
    weights = None if log_weights is None else torch.from_numpy(np.asarray(log_weights, np.float32)).to(device)
    settings = Settings(iterations, temperature, balance, lr, variant, start, restarts, every)
    u, pulled, first = yield from centroids(pool, free, fixed, budget, rng, settings, weights)
    weight = pulled.weight[:budget].cpu().numpy()
    rows, more = yield from nearest_free(pool, u, weight, free, spare(budget, len(free)))
    info = {"loss_first": first, "loss": pulled.loss, "empty_clusters": int((weight == 0).sum())}
    return Picks(rows, more, info)


def centroids(
    pool: Tensor,
    free: IntArray,
    fixed: Tensor,
    budget: int,
    rng: np.random.Generator,
    settings: Settings,
    weights: Tensor | None = None,
) -> Step[tuple[Tensor, Pull, float]]:
    """(unit centroids [K,C], what the pool asks of them and of ``fixed`` at the end, the loss at the first step).

    pool [N,C] and fixed [L,C] are unit rows, of the former the rows ``free`` are where centroids may start.
    """
    best, u, first = None, pool[:0], 0.0
    for turn in range(settings.restarts):
        theta = yield from _starts(settings.start, pool, free, fixed, budget, rng)
        moved, begun = yield from _optimise(pool, theta, fixed, settings, weights, rng, turn)
        moved = normalize(moved, dim=1)
        found = _pull(pool, torch.cat([moved, fixed]), settings, weights)
        if best is None or found.loss < best.loss:
            u, best, first = moved, found, begun
        if settings.restarts > 1:
            yield Log(f"activeft: start {turn + 1} of {settings.restarts}, loss {found.loss:.4f}")
    assert best is not None
    return u, best, first


def _optimise(
    pool: Tensor,
    theta: Tensor,
    fixed: Tensor,
    settings: Settings,
    weights: Tensor | None,
    rng: np.random.Generator,
    turn: int,
) -> Step[tuple[Tensor, float]]:
    """(theta [K,C] after the steps, loss at the first one)."""
    adam = plain(torch.optim.Adam)([theta], lr=settings.lr, betas=(0.9, 0.999), eps=1e-8)
    sampled = len(pool) > PART
    steps = max(1, settings.iterations // 3) if sampled else settings.iterations
    every = settings.every or (1 if len(pool) * len(theta) <= CHEAP else 0)
    began, gap, due, first, found = time.monotonic(), every or GAP, 0, 0.0, None
    for step in range(steps):
        if sampled or step == due or found is None:
            rows = torch.from_numpy(rng.choice(len(pool), PART, replace=False)).to(pool.device) if sampled else None
            seen, counted = (
                (pool, weights) if rows is None else (pool[rows], None if weights is None else weights[rows])
            )
            now = _pull(seen, torch.cat([normalize(theta, dim=1), fixed]), settings, counted)
            if found is None:
                first = now.loss
            elif not every and not sampled:
                changed = float((now.cluster != found.cluster).float().mean())
                gap = GAP if changed > SETTLED else min(2 * gap, LONGEST_GAP)
            found, due = now, step + gap
        theta.grad = gradient(theta, fixed, found, settings.tau, settings.balance, settings.variant)
        adam.step()
        done, total = turn * steps + step + 1, settings.restarts * steps
        rate = (step + 1) / max(time.monotonic() - began, 1e-9)
        yield Progress("activeft", done, total, "steps", rate, (total - done) / rate)
    return theta, first


def _pull(pool: Tensor, u: Tensor, settings: Settings, weights: Tensor | None) -> Pull:
    short = has_fast_bf16(pool.device)
    tau, balance = settings.tau, settings.balance
    return pull(pool, u, tau, balance, variant=settings.variant, log_weights=weights, short=short)


def _starts(
    start: str, pool: Tensor, free: IntArray, fixed: Tensor, budget: int, rng: np.random.Generator
) -> Step[Tensor]:
    """Copies [K,C] of the rows at which the centroids start: drawn by lot, or far from each other (k-means++)."""
    if start == "random":
        rows = rng.choice(free, budget, replace=False)
    else:
        some = max(START_ROWS, START_EACH * budget)
        rows = free if len(free) <= some else np.sort(rng.choice(free, some, replace=False))
        rows = yield from far_apart(pool[torch.from_numpy(rows).to(pool.device)], rows, fixed, budget, rng)
    return pool[torch.from_numpy(rows).to(pool.device)].clone()
