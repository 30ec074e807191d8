"""How often each class may be in the pool, and answers that agree with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from fact_core.analysis.graph import Answers, shares

PULL = 0.5  # of the way to the prior in each round: the prior is an estimate as well
ROUNDS = 10


def estimated(counts: npt.NDArray[np.int64]) -> Answers:
    """Shares (K,) of the classes in the pool, from the numbers (K,) of their labels.

    The mean of the posterior under a symmetric Dirichlet prior, whose concentration is the one that makes the counts
    most likely (empirical Bayes; the likelihood is that of Minka 2000, "Estimating a Dirichlet distribution",
    equation 51). Counts that a draw from equal classes explains give equal shares, a long tail is followed.
    """
    n, k = counts.sum(), len(counts)
    grid = np.geomspace(0.05, 200, 60)
    likely = [
        gammaln(k * a) - gammaln(k * a + n) + float(np.sum(gammaln(counts + a) - gammaln(a))) for a in grid.tolist()
    ]
    a = grid[int(np.argmax(likely))]
    found: Answers = (counts + a) / (n + k * a)
    return found


def balanced(answers: Answers, prior: Answers) -> Answers:
    """Answers (N, K) whose means are drawn halfway to the prior (K,), in some rounds of scaling columns and rows.

    Networks that saw few labels name some classes far too often; distribution alignment (Berthelot et al. 2020,
    "ReMixMatch", 3.1) corrects that.
    """
    found = shares(answers)
    for _ in range(ROUNDS):
        found = shares(found * (prior / np.maximum(found.mean(axis=0), 1e-12)) ** PULL)
    return found
