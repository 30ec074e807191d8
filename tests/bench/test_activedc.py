"""ActiveDC: guessed labels near a person's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fact_core.bench import activedc
from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.select.picks import unit


def some(rows: int, width: int) -> Any:
    return np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)


def groups() -> tuple[Any, Any]:
    """Three groups of 30 rows, and the group of each."""
    kind = np.repeat(np.arange(3), 30)
    return (np.eye(8)[kind] + 0.15 * some(90, 8)).astype(np.float32), kind


def guess(x: Any, rows: Any, y: Any, **options: Any) -> activedc.Expansion:
    return finish(activedc.expand(x, np.array(rows), np.array(y), np.random.default_rng(0), **options))


def test_guesses_are_other_images_and_mostly_right() -> None:
    x, kind = groups()
    rows = [0, 1, 30, 31, 60, 61]
    found = guess(x, rows, kind[rows], per_label=3)
    assert len(found.rows) == 18 == len(set(found.rows.tolist())) and not set(found.rows.tolist()) & set(rows)
    assert (found.y == kind[found.rows]).mean() > 0.8 and (kind[found.source] == found.y).all()
    assert len(guess(x, rows, kind[rows]).rows) == 12  # two a label while there are few


def test_means_and_covariances_are_the_formulas() -> None:
    x, kind = groups()
    z, rows, y = activedc.tukey(unit(x)), np.array([0, 1, 30]), np.array([5, 5, 9])
    found = activedc.calibrated(z, rows, y, kind, alpha=0.7)
    share = 1 - np.exp(-0.7 * 100 * 3 / 90)
    for each, own, group in ((5, [0, 1], 0), (9, [30], 1)):
        inside = z[kind == group].astype(np.float64)
        mean, root = found[each]
        assert np.allclose(mean, (1 - share) * inside.mean(0) + share * z[own].mean(0), atol=1e-5)
        wanted = np.cov(inside.T) + 0.2 + activedc.FIRM * np.eye(8)
        assert np.allclose(root @ root.T, wanted, atol=1e-4)
    assert np.allclose(activedc.tukey(np.array([-4.0, 0.0, 9.0])), [-2, 0, 3])


def test_the_filter_keeps_the_mean_near_the_pools() -> None:
    x, kind = groups()
    rows = [0, 1, 30, 60]
    z = activedc.tukey(unit(x))
    far = lambda found: float(np.abs(z[[*rows, *found.rows]].mean(0) - z.mean(0)).mean())  # noqa: E731
    filtered = guess(x, rows, kind[rows], per_label=4, mover=True)
    assert far(filtered) <= float(np.abs(z[rows].mean(0) - z.mean(0)).mean()) + 1e-6
    assert len(filtered.rows) > 0


def test_what_cannot_be_guessed_is_refused() -> None:
    x, kind = groups()
    with pytest.raises(ConfigError, match="two classes"):
        guess(x, [0, 1], [0, 0])
    with pytest.raises(ConfigError, match="no image left"):
        guess(x, np.arange(90), kind)
    few = guess(x[:4], [0, 1, 2], [0, 1, 1])
    assert few.rows.tolist() == [3]  # one image is left: it is guessed once


def test_a_covariance_without_rows_enough_is_made_firm() -> None:
    x, _ = groups()
    found = guess(x[:6], [0, 1], [0, 1])  # six rows in eight dimensions
    assert len(found.rows) == 4 and torch.from_numpy(x[found.rows]).isfinite().all()
