"""Random selection: the yardstick."""

from __future__ import annotations

from typing import Any

import numpy as np

from fact_core.events import Progress
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray,
    rng: np.random.Generator,
    **options: Any,
) -> Step[Picks]:
    """Draw ``budget`` unlabeled rows of x [N,C] by lot. Errors: ``picks.candidates``."""
    free = candidates(x, budget, labeled_rows)
    drawn = rng.permutation(free)
    yield Progress("random", budget, budget)
    return Picks(drawn[:budget], drawn[budget : budget + spare(budget, len(free))])
