"""Check images: drawn at random, so that they speak for the pool, and never of a group that is trained on."""

from __future__ import annotations

import numpy as np

from fact_core.errors import ConfigError
from fact_core.types import IntArray

#: Of the groups without a pick at most one in so many goes to the check images, while that gives enough of them.
ONE_IN = 3


def draw(
    free: IntArray, count: int, rng: np.random.Generator, groups: IntArray | None = None, taken: IntArray | None = None
) -> IntArray:
    """``count`` of the rows ``free``, drawn at random.

    With groups, numbers (N,) of all rows, whole groups are drawn, none of which holds one of the rows ``taken``: each
    with a chance by its size (weighted reservoir: Efraimidis and Spirakis 2006), so that each image has the same one.
    Of a drawn group only as many images are taken as are needed: one where there are groups enough, for a second one
    says little new. The others of these groups are for nobody: see ``sides``.
    ConfigError when there are not so many.
    """
    if groups is None:
        return rng.choice(free, size=count, replace=False) if count else free[:0]
    open_rows = free if taken is None else free[~np.isin(groups[free], groups[taken])]
    if count > len(open_rows):
        raise ConfigError(
            "There are not so many check images in groups without a chosen image",
            f"{count} of {len(open_rows)}",
            "Draw fewer, group images another way, or choose anew.",
        )
    _, place = np.unique(groups[open_rows], return_inverse=True)
    sizes = np.bincount(place)
    order = np.argsort(rng.exponential(size=len(sizes)) / np.maximum(sizes, 1), kind="stable")
    shuffled = rng.permutation(len(open_rows))
    members = np.split(shuffled[np.argsort(place[shuffled], kind="stable")], np.cumsum(sizes)[:-1])
    return open_rows[np.array(_filled(members, order, count), dtype=np.int64)]


def _filled(members: list[IntArray], order: IntArray, count: int) -> list[int]:
    """``count`` of the members: of the first groups in order as many from each, then the rest of these, then others."""
    few = max(1, min(count, len(order) // ONE_IN))
    each = -(-count // few)
    found: list[int] = []
    for part in (slice(0, each), slice(each, None)):
        for group in order[:few].tolist():
            found += members[group][part][: count - len(found)].tolist()
    for group in order[few:].tolist():
        found += members[group][: count - len(found)].tolist()
    return found
