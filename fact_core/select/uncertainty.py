"""The images that a probe on the labels so far is least sure about."""

from __future__ import annotations

from typing import Any

import numpy as np

from fact_core.events import Progress
from fact_core.select.picks import Picks, candidates, spare
from fact_core.select.probe import entropies, margins, needed
from fact_core.types import FloatArray, IntArray, Step


def margin(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    **options: Any,
) -> Step[Picks]:
    """Pick the ``budget`` rows of x [N,D] whose two likeliest classes are closest (Scheffer et al., 2001).

    The images are taken one by one: many alike may be among them. ConfigError without labels of two classes.
    """
    y = needed(labeled_y, "Margin")
    return (yield from _least(x, budget, labeled_rows, lambda: margins(x, labeled_rows, y), "margin"))


def entropy(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    **options: Any,
) -> Step[Picks]:
    """Pick the ``budget`` rows of x [N,D] whose class is most open: largest entropy. Otherwise as ``margin``."""
    y = needed(labeled_y, "Entropy")
    return (yield from _least(x, budget, labeled_rows, lambda: -entropies(x, labeled_rows, y), "entropy"))


def _least(x: FloatArray, budget: int, labeled_rows: IntArray, value: Any, step: str) -> Step[Picks]:
    free = candidates(x, budget, labeled_rows)
    yield Progress(step, 0, 1, "steps")
    order = free[np.argsort(value()[free], kind="stable")]
    yield Progress(step, 1, 1, "steps")
    return Picks(order[:budget], order[budget : budget + spare(budget, len(free))])
