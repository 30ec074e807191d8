"""How much more often the next model is right once more images are labeled: a range, from how errors fall elsewhere.

Errors fall as a power of the number of labels (Hestness et al. 2017, arXiv 1712.00409, section 2). Which power is known
of a project only once it is labeled on. In trainings of the light model, of FACT and of what it is compared with, on
flowers and on 51 kinds of things, doubling the labels took a sixth of the errors away, most often between a tenth and a
third: that is ``MEDIAN`` and ``SPREAD``, chosen on them alone. ``bench learning-curve`` holds what follows against all
trainings that were measured, those on CIFAR-10 among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: The power is lognormal: its median, and the deviation of its logarithm.
MEDIAN, SPREAD = 0.25, 0.7
DRAWS, SEED = 4_000, 0
ENDS = (10, 50, 90)  # per cent of the draws
#: More than four times the labels is further than anything that was measured.
FARTHEST = 4.0


@dataclass(frozen=True)
class Gain:
    """What the accuracy rises by (0..1): the middle of what may be, and between what eight in ten cases lie."""

    low: float
    likely: float
    high: float


def gain(right: float, n: float, growth: float) -> Gain:
    """What ``growth`` times the labels bring to a model that answers ``right`` of ``n`` check images rightly.

    n may be an effective number (``intervals.effective_number``). What the model is worth is drawn from Jeffreys'
    posterior, the power from its own distribution. The same numbers give the same answer. ValueError unless growth
    lies between 1 and ``FARTHEST``, and n is more than 0.
    """
    if not 1 <= growth <= FARTHEST or n <= 0:
        raise ValueError(f"growth {growth}, n {n}")
    rng = np.random.default_rng(SEED)
    errors = rng.beta(n - right + 0.5, right + 0.5, DRAWS)
    powers = np.exp(rng.normal(math.log(MEDIAN), SPREAD, DRAWS))
    low, likely, high = np.percentile(errors * (1 - growth**-powers), ENDS)
    return Gain(float(low), float(likely), float(high))
