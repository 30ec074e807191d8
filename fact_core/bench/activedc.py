"""ActiveDC (Xu et al., CVPR 2024): pseudo-labels for images near the labeled ones. A label expansion, no strategy.

What it gives are guesses, marked as such, and never to be mixed with a person's labels. Steps of its code; the
authors' switch that corrects guesses by true labels of the pool does not exist here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fact_core.errors import ConfigError
from fact_core.select.clusters import kmeans
from fact_core.select.picks import candidates, unit
from fact_core.select.probe import needed
from fact_core.types import FloatArray, IntArray, Step

#: Exponent of the Tukey transform, what is added to every entry of a covariance, and to its diagonal on top.
TUKEY, SPREAD, FIRM = 0.5, 0.2, 1e-4
#: Draws for each label below and from so many labels a class, and how often a draw is repeated until it finds a row.
FEW, MANY, ENOUGH, TRIES = 2, 1, 50, 20


@dataclass(frozen=True)
class Expansion:
    """Guesses: rows (M,) of the pool, none of them labeled, and their classes y (M,). source (M,): the labeled row."""

    rows: IntArray
    y: IntArray
    source: IntArray


def expand(
    x: FloatArray,
    labeled_rows: IntArray,
    labeled_y: IntArray,
    rng: np.random.Generator,
    *,
    alpha: float = 0.7,
    per_label: int = 0,
    mover: bool = False,
    device: str | torch.device = "cpu",
) -> Step[Expansion]:
    """Guess classes of unlabeled rows of x [N,D] from a normal distribution around each class.

    The mean of a class is that of its k-means cluster, moved towards its labeled images by 1 - exp(-alpha p) at
    p per cent of labels. Each label draws ``per_label`` points (0: 2 below 50 labels a class, else 1), and each
    point takes the nearest free row. mover: only points that do not move the labeled set's mean away from the pool's
    (earth mover's distance, feature by feature). ConfigError without labels of two classes, or where every image has
    one.
    """
    y = needed(labeled_y, "ActiveDC")
    if len(labeled_rows) >= len(x):
        raise ConfigError("There is no image left to guess", f"{len(x)} images, all labeled")
    candidates(x, 1, labeled_rows)
    rows = np.asarray(labeled_rows, dtype=np.int64)
    z = tukey(unit(x))
    classes = np.unique(y)
    _, member = yield from kmeans(torch.from_numpy(z).to(device), len(classes), rng)
    normals = calibrated(z, rows, y, member.cpu().numpy(), alpha)
    count = per_label or (FEW if len(rows) / len(classes) < ENOUGH else MANY)
    free = np.ones(len(x), dtype=bool)
    free[rows] = False
    pool, target = unit(z), z.mean(0)
    taken, guessed, source = list[int](), list[int](), list[int]()
    for row, each in zip(rows.tolist(), y.tolist(), strict=True):
        mean, root = normals[each]
        for _ in range(count):
            for _ in range(TRIES):
                drawn = mean + root @ rng.standard_normal(len(mean)).astype(np.float32)
                near = int(np.where(free, pool @ unit(drawn[None])[0], -2.0).argmax())
                if not free.any() or (mover and not _closer(z, [*rows.tolist(), *taken], near, target)):
                    continue
                free[near] = False
                taken.append(near)
                guessed.append(each)
                source.append(row)
                break
    return Expansion(*(np.array(values, dtype=np.int64) for values in (taken, guessed, source)))


def tukey(x: FloatArray) -> FloatArray:
    """sign(x) |x|^0.5: skewed features become more like a normal distribution."""
    found: FloatArray = (np.sign(x) * np.abs(x) ** TUKEY).astype(np.float32)
    return found


def calibrated(
    z: FloatArray, rows: IntArray, y: IntArray, member: IntArray, alpha: float
) -> dict[int, tuple[FloatArray, Any]]:
    """class -> (mean (D,), a root [D,D] of the covariance). member (N,): cluster of each row.

    A class takes the cluster that holds most of its labeled rows; of equal ones the first.
    """
    share = 1 - np.exp(-alpha * 100 * len(rows) / len(z))
    found = {}
    for each in np.unique(y).tolist():
        own = rows[y == each]
        inside = z[member == int(np.bincount(member[own]).argmax())]
        mean = (1 - share) * inside.mean(0) + share * z[own].mean(0)
        around = inside - inside.mean(0)
        covariance = around.T @ around / max(len(inside) - 1, 1) + SPREAD
        values, vectors = np.linalg.eigh(covariance + FIRM * np.eye(len(covariance), dtype=np.float32))
        found[each] = (mean.astype(np.float32), (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32))
    return found


def _closer(z: FloatArray, now: list[int], row: int, target: FloatArray) -> bool:
    """Whether the mean of the rows is no farther from the pool's with ``row`` than without, feature by feature."""
    with_row = z[[*now, row]].mean(0)
    return bool(np.abs(with_row - target).mean() <= np.abs(z[now].mean(0) - target).mean())
