"""ProbCover (Yehuda et al., NeurIPS 2022): as much of the pool as possible within a radius of a chosen image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select.clusters import kmeans
from fact_core.select.greedy import Aim, Kernel, cover, rbf, unit_pool
from fact_core.select.objective import BLOCK, GPU_BLOCK
from fact_core.select.picks import Picks, candidates
from fact_core.types import FloatArray, IntArray, Step

#: Share of the balls that should hold one kind of image only.
PURE = 0.95
#: Kinds to expect while no label tells: what a person sorts by hand is mostly 2 to 30 kinds, whatever the size of the
#: pool. A rule that grows with the pool, as its square root, would shrink the radius to that of near-duplicates.
CLASSES = 10
#: Balls that are looked at to find the radius: their share of pure ones is known to 0.3 % (one standard deviation).
BALLS = 5_000
#: A radius below this is rounding. The radius found is shortened by this share, so that rounding does not decide
#: whether the image that limits it is inside.
LEAST, HAIR = 1e-3, 1e-4


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    delta: float = 0.0,
    classes: int = 0,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D], each the one with the most rows within ``delta`` that nothing covers yet.

    delta: distance of unit rows, 0 to 2. 0: the largest one at which ``PURE`` of all balls are pure, with the clusters
    of k-means for the classes: as many as ``classes``, else as the labels have, else ``CLASSES``. Only
    that depends on chance. Labeled images cover already. When all is covered, the order goes on by the smooth
    kernel exp(-d^2 / delta^2), which still tells near from nearer: the densest of what is farthest comes first.
    info: delta, coverage (share of the pool within delta). Time and memory are at most MaxHerding's.
    Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = unit_pool(x, device)
    if delta <= 0:
        told = 0 if labeled_y is None else len(np.unique(labeled_y))
        kinds = classes or (told if told >= 2 else CLASSES)
        _, cluster = yield from kmeans(pool, min(kinds, len(pool)), rng)
        delta = yield from radius(pool, cluster, rng)
    picks = yield from cover(pool, free, labeled_rows, budget, [Aim(_hat(delta)), Aim(rbf(delta))], "probcover")
    return Picks(picks.rows, picks.next_best, {**picks.info, "delta": round(delta, 6)})


def radius(pool: Tensor, cluster: Tensor, rng: np.random.Generator) -> Step[float]:
    """The largest delta at which ``PURE`` of the balls around unit rows [N,D] hold rows of one cluster (N,) only.

    A ball |x - y| < delta is pure as long as delta is at most the distance to the nearest row of another cluster:
    of these distances the one at 1 - ``PURE`` from below is the answer. With one cluster all balls are pure: 2.
    """
    rows = np.arange(len(pool)) if len(pool) <= BALLS else np.sort(rng.choice(len(pool), BALLS, replace=False))
    some = torch.from_numpy(rows).to(pool.device)
    found: list[Tensor] = []
    for part in some.split(max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // len(pool))):
        cos = (pool[part] @ pool.T).masked_fill_(cluster[part][:, None] == cluster[None], -1.0)
        found.append((2 - 2 * cos.amax(1)).clamp_min(0).sqrt())
        yield Progress("radius", sum(map(len, found)), len(rows), "balls")
    gaps = np.sort(torch.cat(found).cpu().numpy())
    impure = int(len(gaps) * (1 - PURE) + 1e-9)  # so many balls may be
    return max(float(gaps[impure]) * (1 - HAIR), LEAST)


def _hat(delta: float) -> Kernel:
    """1 where |x - y| < delta, else 0."""
    return lambda cos: (cos > 1 - delta**2 / 2).float()
