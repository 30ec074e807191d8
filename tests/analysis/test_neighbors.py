"""Exact nearest neighbours against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.analysis import neighbors
from fact_core.events import Progress
from fact_core.generators import finish


def literal(x, k, among=None):
    """For each row all distances, sorted; a row is its own first neighbour."""
    base = x if among is None else among
    out = []
    for i, row in enumerate(x):
        gaps = ((base - row) ** 2).sum(1)
        if among is None:
            gaps[i] = -1
        out.append(np.argsort(gaps, kind="stable")[:k])
    return np.array(out)


@pytest.mark.parametrize("block", [1 << 21, 900])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 3), (300, 4), (2000, 5)])
def test_neighbours_are_those_of_a_loop(n, k, block, monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK", block if n < 2000 else 40 * block)
    x = np.random.default_rng(n).integers(-40, 40, (n, 6)).astype(np.float32)  # whole numbers: no rounding
    rows, far = finish(neighbors.nearest(x, k))
    assert rows.shape == far.shape == (n, min(k, n)) and rows.dtype == np.int32 and far.dtype == np.float32
    wanted = literal(x.astype(np.float64), min(k, n))
    assert (rows == wanted).all()
    assert np.allclose(far, np.linalg.norm(x[:, None] - x[wanted], axis=2), atol=1e-3)
    assert (far[:, 0] == 0).all() and (rows[:, 0] == np.arange(n)).all()


def test_neighbours_among_other_rows():
    rng = np.random.default_rng(0)
    x, base = (rng.integers(-30, 30, (n, 5)).astype(np.float32) for n in (50, 1500))
    rows, _ = finish(neighbors.nearest(x, 6, base))
    assert (rows == literal(x, 6, base)).all()


@pytest.mark.parametrize("odd", ["same", "two clumps", "sorted"])
def test_rows_that_a_guess_by_sampling_would_miss(odd):
    """All rows alike, or the near ones all outside the sampled columns: the result is exact all the same."""
    x = np.zeros((3000, 3), dtype=np.float32)
    if odd == "two clumps":
        x[::2] = 50
    if odd == "sorted":
        x[:, 0] = np.arange(3000)
    if odd != "same":
        assert (finish(neighbors.nearest(x, 4))[0] == literal(x, 4)).all()
    else:
        rows, far = finish(neighbors.nearest(x, 4))
        assert (far == 0).all() and (rows[:, 0] == np.arange(3000)).all() and (rows[5, 1:] == [0, 1, 2]).all()


def test_it_tells_how_far_it_is_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK", 1000)
    step = neighbors.nearest(np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32), 2)
    first = next(step)
    assert isinstance(first, Progress) and (first.done, first.total) == (10, 100) and first.seconds_left > 0
    step.close()
