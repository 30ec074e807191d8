"""A graph of nearest neighbours over images, and answers that spread along its edges.

Images that lie close together are mostly of one class (the cluster assumption of semi-supervised learning), so a few
labels and a network's own answers say more together with the images' neighbours than alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from fact_core.analysis.neighbors import nearest
from fact_core.analysis.rows import unit
from fact_core.types import FloatArray, IntArray, Step

NEIGHBOURS = 10
WIDTH = 128  # directions that distances are measured in: as good as all, and several times quicker
FITTED = 10_000  # rows that the directions are found on; more of them only take time
SCALE = 7  # the neighbour whose distance is an image's own scale (Zelnik-Manor and Perona)
FAR = 0.99  # share of an answer that comes from neighbours when labels spread: they reach images many edges away
NEAR = 0.8  # the same when answers are smoothed
ROUNDS = 60  # of spreading; smoothing needs half as many
TINY = 1e-12

Answers = npt.NDArray[np.float64]


def space(x: FloatArray) -> FloatArray:
    """Features (N, D), none below 0 by more than noise, -> (N, d) float32 in which neighbours are looked for.

    Square roots of the unit-norm features keep few large values from ruling (Hu et al. 2021, "Leveraging the feature
    distribution in transfer-based few-shot learning", III-A). Of their principal directions the first ``WIDTH`` stay,
    half whitened: divided by the root of their standard deviation. Values below 0 keep their sign.
    """
    rows = unit(x)
    rooted = np.sign(rows) * np.sqrt(np.abs(rows))
    width = min(WIDTH, len(x) - 1, x.shape[1])  # principal directions
    if width < 1:
        return np.zeros((len(x), 1), dtype=np.float32)
    from sklearn.decomposition import PCA  # a second, which a start need not wait for

    chosen = np.sort(np.random.default_rng(0).permutation(len(x))[:FITTED])
    found = PCA(width, svd_solver="randomized", random_state=0).fit(rooted[chosen]).transform(rooted)
    spread = np.sqrt(np.maximum(found.std(axis=0), TINY))
    return np.asarray(found / spread, dtype=np.float32)


def affinity(x: FloatArray, neighbours: int = NEIGHBOURS) -> Step[csr_array]:
    """Symmetric weights (N, N) between neighbours of rows (N, d): exp(-d^2 / (s_i s_j)), 0 elsewhere.

    The scale s of a row is the distance to its seventh neighbour (Zelnik-Manor and Perona 2004, "Self-tuning spectral
    clustering", 3), so that thin and dense regions are linked alike.
    """
    n, k = len(x), min(neighbours, len(x) - 1)
    if k < 1:
        return csr_array((n, n), dtype=np.float64)
    rows, distances = yield from nearest(np.ascontiguousarray(x, dtype=np.float32), k + 1)
    rows, distances = rows[:, 1:], distances[:, 1:].astype(np.float64)  # not itself
    scale = distances[:, min(SCALE, k) - 1] + TINY
    weights = np.exp(-(distances**2) / (scale[:, None] * scale[rows]))
    one_way = csr_array((weights.ravel(), (np.repeat(np.arange(n), k), rows.ravel())), shape=(n, n))
    both: csr_array = one_way.maximum(one_way.T).tocsr()
    return both


def spread(graph: csr_array, rows: IntArray, y: IntArray, n_classes: int) -> Answers:
    """Labels ``y`` of ``rows`` spread over the graph: probabilities (N, K) of the classes.

    F <- a S F + (1 - a) Y with S = D^-1/2 W D^-1/2 (Zhou et al. 2003, "Learning with local and global consistency",
    section 2). Each class then gets the same mass in all (class mass normalisation: Zhu et al. 2003, section 4), for a
    class in a dense region would take its neighbours' images as well. What no label reaches is uniform.
    """
    root = 1 / np.sqrt(np.maximum(_degrees(graph), TINY))
    step = diags_array(root) @ graph @ diags_array(root)
    start = np.zeros((graph.shape[0], n_classes))
    start[rows, y] = 1.0
    found = start.copy()
    for _ in range(ROUNDS):
        found = FAR * (step @ found) + (1 - FAR) * start
    mass = found.sum(axis=0, keepdims=True)
    return shares(found / np.maximum(mass, TINY) + 1e-9)


def smooth(graph: csr_array, answers: Answers) -> Answers:
    """Answers (N, K), each the mean of its own and of its neighbours': a random walk that restarts.

    As personalised propagation of predictions (Gasteiger et al. 2019, equation 4), for answers instead of logits.
    """
    walk = diags_array(1 / np.maximum(_degrees(graph), TINY)) @ graph
    found = answers.copy()
    for _ in range(ROUNDS // 2):
        found = NEAR * (walk @ found) + (1 - NEAR) * answers
    return shares(found)


def shares(values: Answers) -> Answers:
    """Rows (N, K) of values from 0 on, divided by their sums; rows of nothing are uniform."""
    total = values.sum(axis=1, keepdims=True)
    even = np.full_like(values, 1 / values.shape[1])
    return np.where(total > 0, values / np.maximum(total, 1e-300), even)


def _degrees(graph: csr_array) -> Answers:
    return np.asarray(graph.sum(axis=1), dtype=np.float64).ravel()
