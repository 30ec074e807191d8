"""How well chosen images stand for a pool: figures that are the same whatever chose them. numpy only.

The difference of two images is 1 - cos of their features: 0 for the same picture, about 1 for unrelated ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fact_core.events import Progress
from fact_core.types import FloatArray, IntArray, Step

#: Rows of the pool that are looked at; a larger pool is judged by a random sample (its error is below 1 %).
SAMPLE = 10_000
#: Random choices that a choice is compared with, and ActiveFT's temperature.
DRAWS, TAU = 20, 0.07
#: Floats of a block of similarities (64 MB).
BLOCK = 1 << 24
#: Differences up to this are rounding in float32: the images are copies.
COPY = 1e-5

#: Unit rows [K,D] of row numbers (K,).
Rows = Callable[[IntArray], FloatArray]


@dataclass(frozen=True)
class Evidence:
    """mean and worst: difference of an image of the pool to its nearest chosen one; covered: share of the pool within
    the radius; objective: ActiveFT's loss with the chosen images as centroids. Smaller is better but for covered.
    """

    mean: float
    worst: float
    covered: float
    objective: float


@dataclass(frozen=True)
class Gap:
    """A region without a chosen image: images in it, the row of the most typical one, its distance to the nearest."""

    size: int
    row: int
    distance: float


def sample_of(n: int, rng: np.random.Generator) -> IntArray:
    """The rows by which a pool of n images is judged, ascending."""
    return np.arange(n) if n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))


def judge(pool: FloatArray, chosen: FloatArray, radius: float) -> Evidence:
    """Figures for unit rows pool [N,D] and chosen [K,D]; what is labeled already counts as chosen."""
    near, which = nearest(pool, chosen)
    return Evidence(*_figures(near, radius), _objective(chosen, near, which))


def _figures(near: FloatArray, radius: float) -> tuple[float, float, float]:
    gap = np.maximum(1 - near, 0)
    return float(gap.mean()), float(gap.max()), float((gap <= radius).mean())


def _objective(chosen: FloatArray, near: FloatArray, which: IntArray) -> float:
    """ActiveFT's loss (its authors' form, without the gradient) for the cosine ``near`` (N,) to row ``which`` (N,)."""
    rows = max(1, BLOCK // len(chosen))
    total = [
        np.exp((chosen[start : start + rows] @ chosen.T - 1) / TAU).sum(1, dtype=np.float64)
        for start in range(0, len(chosen), rows)
    ]
    log_r = np.log(np.concatenate(total)) + 1 / TAU
    return float(np.logaddexp(0, log_r[which] - near / TAU).mean())


def nearest(pool: FloatArray, chosen: FloatArray) -> tuple[FloatArray, IntArray]:
    """(cosine (N,), number (N,)) of the most similar chosen row, block by block."""
    rows = max(1, BLOCK // len(chosen))
    near, which = [], []
    for start in range(0, len(pool), rows):
        cos = pool[start : start + rows] @ chosen.T
        which.append(cos.argmax(1))
        near.append(np.take_along_axis(cos, which[-1][:, None], 1)[:, 0])
    return np.concatenate(near), np.concatenate(which)


def by_lot(
    pool: FloatArray, take: Rows, free: IntArray, count: int, known: FloatArray, rng: np.random.Generator
) -> Step[tuple[float, list[Evidence]]]:
    """(radius, figures of ``DRAWS`` random choices of ``count`` of the rows ``free``, with ``known`` beside them).

    pool [N,D] and known [L,D] are unit rows; ``take`` gives those of row numbers. The radius is the difference within
    which half of the pool lies of a random choice, in the middle of the draws; copies always lie within it.
    """
    found = []
    for number in range(DRAWS):
        chosen = np.concatenate([take(rng.choice(free, count, replace=False)), known])
        near, which = nearest(pool, chosen)
        found.append((near, _objective(chosen, near, which)))
        yield Progress("random choices to compare with", number + 1, DRAWS, "choices")
    radius = max(COPY, float(np.median([np.median(1 - near) for near, _ in found])))
    return radius, [Evidence(*_figures(near, radius), objective) for near, objective in found]


def gaps(pool: FloatArray, cluster: IntArray, chosen: FloatArray, radius: float) -> list[Gap]:
    """Clusters (N,) of unit rows pool [N,D] without a chosen row in them, the largest first.

    A chosen row lies in the cluster of the pool's row that is most like it. Clusters whose most typical image is
    within the radius of a chosen one are none.
    """
    taken = set(cluster[nearest(chosen, pool)[1]].tolist())
    found = []
    for each in np.unique(cluster):
        if each in taken:
            continue
        members = np.flatnonzero(cluster == each)
        row = int(members[(pool[members] @ pool[members].mean(0)).argmax()])
        distance = float(1 - (chosen @ pool[row]).max())
        if distance > radius:
            found.append(Gap(len(members), row, distance))
    return sorted(found, key=lambda gap: (-gap.size, gap.row))


def summary(found: list[Evidence]) -> dict[str, dict[str, float]]:
    """For each figure the mean, the least and the largest of some choices."""
    out: dict[str, dict[str, float]] = {}
    for name in ("mean", "worst", "covered", "objective"):
        values: list[Any] = [getattr(each, name) for each in found]
        out[name] = {"mean": float(np.mean(values)), "low": float(min(values)), "high": float(max(values))}
    return out
