"""One contract over every strategy and FroFA: a new entry is tested by being there. (Backbones: test_backbones.py.)"""

import numpy as np
import pytest
import torch

from fact_core.choices import FROFA, STRATEGIES, resolve
from fact_core.lightweight.frofa import FORMS, augment
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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(FROFA))
def test_frofa(name, form):
    """Finite, of the same shape, within the range of its sample; the same seed gives the same; strength 0 nothing."""
    maps = torch.randn(6, 4, 3, 5, generator=torch.Generator().manual_seed(0)) * 10
    kept = maps.clone()
    for strength in (0.1, 1.0):
        found = [augment(maps, name, strength, torch.Generator().manual_seed(1), form=form) for _ in range(2)]
        assert found[0].shape == maps.shape and found[0].dtype == maps.dtype and found[0].isfinite().all()
        assert torch.equal(found[0], found[1]) and torch.equal(maps, kept)
        over = (1, 2) if form == "channel-squared" else (1, 2, 3)
        assert (found[0] >= maps.amin(dim=over, keepdim=True)).all()
        assert (found[0] <= maps.amax(dim=over, keepdim=True)).all()
    assert torch.equal(found[0], maps) == (name == "none")
    assert torch.equal(augment(maps, name, 0.0, torch.Generator().manual_seed(1), form=form), maps)
    assert FROFA[name].title and FROFA[name].help.endswith(".") and callable(resolve(FROFA[name].target))


def _run(step):
    try:
        while True:
            next(step)
    except StopIteration as end:
        return end.value
