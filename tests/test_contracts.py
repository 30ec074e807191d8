"""One contract over every strategy: a new entry is tested by being there. (Backbones: test_backbones.py.)"""

import numpy as np
import pytest

from fact_core.choices import STRATEGIES, resolve
from fact_core.select.picks import Picks


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategy(name):
    """Distinct unlabeled rows in labeling order, as many as asked for; the same seed gives the same."""
    x = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    labeled, y = np.array([3, 7]), np.array([0, 1])
    found = [_run(resolve(STRATEGIES[name].target)(x, 6, labeled, y, np.random.default_rng(1))) for _ in range(2)]
    picks = found[0]
    assert isinstance(picks, Picks) and picks.rows.dtype == np.int64
    everything = picks.rows.tolist() + picks.next_best.tolist()
    assert len(picks.rows) == 6 and len(set(everything)) == len(everything) >= 26
    assert not {3, 7} & set(everything) and min(everything) >= 0 and max(everything) < 40
    assert (found[1].rows == picks.rows).all() and (found[1].next_best == picks.next_best).all()


def _run(step):
    try:
        while True:
            next(step)
    except StopIteration as end:
        return end.value
