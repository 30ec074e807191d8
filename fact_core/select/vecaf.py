"""An approximation of VeCAF: ActiveFT in which images count by how unsure a probe on the labels is about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fact_core.select import activeft
from fact_core.select.picks import Picks, candidates
from fact_core.select.probe import entropies, needed
from fact_core.types import FloatArray, IntArray, Step

#: An image that the probe is sure about counts this much of an average one.
LEAST = 0.05


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] by ActiveFT's objective with weights v_i: exp(s_i) becomes v_i exp(s_i).

    VeCAF takes each image's loss for v_i, which needs all true labels, and captions that name the
    true class. Here v_i is the entropy of a probe on the labels, by its mean. Options: those of ``activeft.select``.
    ConfigError without labels of two classes.
    """
    y = needed(labeled_y, "VeCAF-lite")
    candidates(x, budget, labeled_rows)
    v = entropies(x, labeled_rows, y)
    log_weights = np.log(np.maximum(v / max(float(v.mean()), 1e-12), LEAST)).astype(np.float32)
    step = activeft.select(x, budget, labeled_rows, labeled_y, rng, **{**options, "log_weights": log_weights})
    return (yield from step)
