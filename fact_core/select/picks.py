"""What every strategy takes and gives.

A strategy is a generator function ``select(x, budget, labeled_rows, labeled_y, rng, **options) -> Step[Picks]``:

x [N,D]             features as they come from the backbone, float32, not normalised
budget              how many rows to pick
labeled_rows (L,)   rows that have a label already: never picked, but they take part
labeled_y (L,)      their classes as small whole numbers, or None where the classes are not to be used
rng                 the only source of chance: the same state gives the same picks
options             device, and what ``config.SelectConfig.for_strategies`` names; unknown ones are ignored

It yields Progress now and then, and stops when it is closed at such a place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fact_core.analysis.rows import unit as unit  # strategies take it from here
from fact_core.errors import ConfigError, InputError
from fact_core.types import FloatArray, IntArray

#: Rows that are compared with all earlier ones at once.
BLOCK_ROWS = 1024
#: Rows among which a nearest one is looked for to say what is usual, and the cosine that copies lack to 1.
MOST_ROWS, ROUNDING = 20_000, 1e-6


@dataclass(frozen=True)
class Picks:
    """rows (K,) in labeling order, the most telling first; next_best (R,) replace rejected ones; info for the log."""

    rows: IntArray
    next_best: IntArray
    info: dict[str, Any] = field(default_factory=dict)


def candidates(x: FloatArray, budget: int, labeled_rows: IntArray) -> IntArray:
    """The rows that may be picked: those not labeled yet.

    ConfigError for a budget that cannot be, InputError for features that are not finite numbers.
    """
    if x.ndim != 2 or len(x) == 0:
        raise InputError("There are no features to select from", f"an array of shape {x.shape}")
    # By blocks: of all rows at once it would take a quarter of the features' own memory.
    parts = (x[start : start + BLOCK_ROWS] for start in range(0, len(x), BLOCK_ROWS))
    bad = np.flatnonzero(~np.concatenate([np.isfinite(part).all(1) for part in parts]))
    if len(bad):
        raise InputError(
            "Some features are not numbers",
            f"{len(bad)} of {len(x)} images, the first is row {bad[0]}",
            "Compute the features again.",
        )
    free = np.setdiff1d(np.arange(len(x)), labeled_rows).astype(np.int64)
    if budget < 1:
        raise ConfigError("The budget must be at least 1 image", str(budget))
    if budget > len(free):
        raise ConfigError("The budget is larger than the pool", f"{budget} of {len(free)} images without a label")
    return free


def spare(budget: int, free: int) -> int:
    """How many next-best images to name: as many as the budget and at least 20, where there are so many."""
    return min(max(budget, 20), free - budget)


def distinct(x: FloatArray, picks: Picks, labeled_rows: IntArray, near: float) -> Picks:
    """The same order without images whose cosine to an earlier one, or to a labeled one, is ``near`` or more.

    The next best take the places of those that are left out. Where there are not enough of them, the first
    of those left out come last: the budget is always met. info: near_duplicates (left out), near.
    """
    order = np.concatenate([picks.rows, picks.next_best])
    kept, left = _apart(unit(x[order]), unit(x[labeled_rows]), near)
    budget = len(picks.rows)
    rows = np.concatenate([kept, left])[:budget]
    info = {**picks.info, "near": round(near, 4), "near_duplicates": len(left) - max(0, budget - len(kept))}
    return Picks(order[rows], order[kept[budget:]], info)


def spread(picks: Picks, groups: IntArray, labeled_rows: IntArray) -> Picks:
    """The same order, but of each group one image, then a second one of each, and so on, until the budget is met.

    groups (N,): of all rows; those of ``labeled_rows`` count as the first of theirs. The next best take the places of
    those that come later. info: of_one_group, how many picks came later.
    """
    order = np.concatenate([picks.rows, picks.next_best])
    own, budget = groups[order], len(picks.rows)
    by_group = np.argsort(own, kind="stable")
    begins = np.concatenate([[True], np.diff(own[by_group]) != 0])
    turn = np.empty(len(order), dtype=np.int64)
    turn[by_group] = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    turn += np.bincount(groups[labeled_rows], minlength=int(groups.max()) + 1)[own]
    rows = order[np.argsort(turn, kind="stable")]
    later = int((~np.isin(picks.rows, rows[:budget])).sum())
    return Picks(rows[:budget], rows[budget:], {**picks.info, "of_one_group": later})


def same_from(x: FloatArray, share: float) -> float:
    """Cosine from which two rows of x [N,D] count as one picture; below 1 by no less than rounding.

    How alike unlike images are depends on the backbone and the pool: 1 - cos to the nearest other image was 0.19 in
    the middle of a set of flowers, 0.07 of handwritten digits. The cosine is 1 - share * that, from a part of the rows.
    """
    u = unit(x)
    base = u[:: -(-len(u) // MOST_ROWS)]
    asked = np.arange(0, len(base), -(-len(base) // BLOCK_ROWS))
    cos = base[asked] @ base.T
    cos[np.arange(len(asked)), asked] = -1.0
    usual = float(np.median(1 - cos.max(1))) if len(base) > 1 else 0.0
    return min(1 - share * usual, 1 - ROUNDING)


def _apart(u: FloatArray, labeled: FloatArray, near: float) -> tuple[IntArray, IntArray]:
    """(kept, left out) positions of the unit rows u, in order; a block at a time, as K x K may be large."""
    keep = np.zeros(len(u), dtype=bool)
    for start in range(0, len(u), BLOCK_ROWS):
        block = u[start : start + BLOCK_ROWS]
        taken = (block @ labeled.T >= near).any(1) | (block @ u[:start][keep[:start]].T >= near).any(1)
        within = block @ block.T >= near
        for i in np.flatnonzero(~taken):
            if not within[i, :i][keep[start : start + i]].any():
                keep[start + i] = True
    return np.flatnonzero(keep), np.flatnonzero(~keep)
