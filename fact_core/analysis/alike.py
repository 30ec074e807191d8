"""Near-duplicates: images whose features point nearly the same way, and what hangs together by them."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fact_core.analysis.rows import finite_unit
from fact_core.events import Progress
from fact_core.types import FloatArray, IntArray, PoolFacts, Step

BLOCK = 1 << 22  # cosines at a time (16 MB)
SAMPLE = 1000  # images whose pairs say what is usual
#: Share of the usual distance of two images within which they are near-duplicates. Of 120 flowers and 120 photos of
#: Caltech's classes, each with three copies by an unsteady hand (turned, cut and lit a little differently), 75 and 84 %
#: came back as whole groups, and 1 % of 380 photos without copies were put into one (EfficientNet-Lite0). At 0.2 these
#: are 92, 97 and 2 %, and chains of flowers that are only alike hold dozens.
NEAR = 0.15


def by_likeness(facts: PoolFacts) -> Step[list[str]]:
    """Connected components of images whose cosine is that of near-duplicates (``near``); all alone without features."""
    names = [""] * len(facts)
    if facts.x is None or len(facts) < 2:
        return names
    label = yield from linked(facts.x, near(facts.x))
    sizes = np.bincount(label)
    heads = np.unique(label, return_index=True)[1]
    for row in np.flatnonzero(sizes[label] > 1).tolist():
        names[row] = f"like {facts.paths[heads[label[row]]]}"
    return names


def linked(x: FloatArray, least: float) -> Step[IntArray]:
    """Component numbers (N,) of the rows x (N, P), linked where their cosine is ``least`` or more; block by block.

    The links of a block are forgotten once the components are joined: a pool of copies has as many as squares of it.
    """
    u, n = finite_unit(x), len(x)
    label, began = np.arange(n), time.monotonic()
    step = max(1, BLOCK // max(1, n))
    for start in range(0, n, step):
        at, to = np.nonzero(u[start : start + step] @ u[start:].T >= least)
        apart = label[at + start] != label[to + start]
        if apart.any():
            ends = label[at[apart] + start], label[to[apart] + start]
            graph = coo_array((np.ones(len(ends[0]), dtype=bool), ends), shape=(n, n))
            label = connected_components(graph, directed=False)[1][label]
        done = min(start + step, n)
        rate = done / max(time.monotonic() - began, 1e-9)
        yield Progress("groups", done, n, "images", rate, (n - done) / rate)
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def like_any(asked: FloatArray, known: FloatArray, least: float) -> npt.NDArray[np.bool_]:
    """Which rows of asked (M, D) have a cosine of ``least`` or more to some row of known (n, D)."""
    out, base = np.zeros(len(asked), dtype=bool), finite_unit(known).T
    step = max(1, BLOCK // max(1, len(known)))
    for start in range(0, len(asked) if len(known) else 0, step):
        out[start : start + step] = (finite_unit(asked[start : start + step]) @ base >= least).any(axis=1)
    return out


def near(x: FloatArray, share: float = NEAR) -> float:
    """Cosine from which two rows of x (N, D) are near-duplicates: 1 - share * the median of 1 - cos of two images.

    How alike unlike images are depends on the backbone and the pool. The distance to the nearest other image would be
    that between two frames of one video, where there are videos. 1 for fewer than two rows.
    """
    rows = np.random.default_rng(0).permutation(len(x))[:SAMPLE]
    if len(rows) < 2:
        return 1.0
    u = finite_unit(x[rows])
    return float(1.0 - share * np.median(1.0 - (u @ u.T)[np.triu_indices(len(rows), 1)]))
