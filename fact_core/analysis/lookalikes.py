"""Groups of images that look alike, for the colours of the map. NumPy and scikit-learn only."""

from __future__ import annotations

import numpy as np

from fact_core.analysis.rows import finite_unit
from fact_core.types import FloatArray, IntArray

MOST = 12  # as many as there are colours


def groups(x: FloatArray, k: int = MOST, seed: int = 0) -> IntArray:
    """Mini-batch k-means (Sculley 2010) on rows of unit length. x (N, D) -> (N,) in 0..k-1, the largest group first."""
    if not len(x):
        return np.zeros(0, dtype=np.int64)
    from sklearn.cluster import MiniBatchKMeans  # a second, which a start need not wait for

    means = MiniBatchKMeans(min(k, len(x)), batch_size=4096, n_init=3, random_state=seed).fit(finite_unit(x))
    found = means.labels_.astype(np.int64)
    rank = np.argsort(np.argsort(-np.bincount(found, minlength=means.n_clusters), kind="stable"), kind="stable")
    return np.asarray(rank[found], dtype=np.int64)
