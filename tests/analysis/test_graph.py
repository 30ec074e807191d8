"""Answers that spread over a graph of neighbours, and the shares that classes probably have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from fact_core.analysis import graph, prior
from fact_core.generators import finish


def moons(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Two half circles that no line tells apart, and which of them each point lies on."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    at = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(at) * (1 - 2 * y) + y, np.sin(at) * (1 - 2 * y) + 0.5 * y], axis=1)
    return np.asarray(x + rng.normal(0, 0.05, x.shape), dtype=np.float32), y


def test_one_label_a_moon_names_all_of_it() -> None:
    x, y = moons()
    rows = np.array([int(np.flatnonzero(y == each)[0]) for each in (0, 1)])
    weights = finish(graph.affinity(x))
    far = graph.spread(weights, rows, y[rows], 2)
    assert (far.argmax(axis=1) == y).mean() > 0.97
    assert np.allclose(far.sum(axis=1), 1)


def test_the_graph_is_symmetric_without_loops_and_links_near_rows_only() -> None:
    x, _ = moons(60)
    weights = finish(graph.affinity(x, 5)).toarray()
    assert np.array_equal(weights, weights.T) and not weights.diagonal().any() and weights.max() <= 1
    gaps = np.linalg.norm(x[:, None] - x[None], axis=2)
    nearest = np.argsort(gaps, axis=1, kind="stable")[:, 1:6]
    wanted = np.zeros((60, 60), dtype=bool)
    wanted[np.arange(60)[:, None], nearest] = True
    assert np.array_equal(weights > 0, wanted | wanted.T)


def test_a_dense_class_does_not_take_the_images_of_a_thin_one() -> None:
    """Class mass normalisation: without it the class of ninety images would have its neighbours' as well."""
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 0.4, (90, 2)), rng.normal(2, 0.4, (12, 2))]).astype(np.float32)
    y = np.repeat([0, 1], [90, 12])
    far = graph.spread(finish(graph.affinity(x)), np.array([0, 90]), np.array([0, 1]), 2)
    assert (far.argmax(axis=1) == y)[y == 1].mean() == 1.0


def test_what_no_label_reaches_is_uniform() -> None:
    islands = csr_array(np.kron(np.eye(2), 1 - np.eye(3)))
    far = graph.spread(islands, np.array([0]), np.array([1]), 2)
    assert far[:3, 1].min() > 0.99 and np.allclose(far[3:], 0.5)


def test_smoothing_corrects_one_that_disagrees_with_all_its_neighbours() -> None:
    every = csr_array(1 - np.eye(6))
    answers = np.tile([0.9, 0.1], (6, 1))
    answers[2] = [0.3, 0.7]
    near = graph.smooth(every, answers)
    assert near[2, 0] > 0.5 and np.allclose(near.sum(axis=1), 1)
    alone = graph.smooth(csr_array((2, 2)), answers[1:3])
    assert np.allclose(alone, answers[1:3])  # without neighbours answers stay


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_images_are_no_error(n: int) -> None:
    x = np.random.default_rng(0).random((n, 4), dtype=np.float32)
    weights = finish(graph.affinity(graph.space(x)))
    assert weights.shape == (n, n)
    assert np.allclose(graph.spread(weights, np.array([0]), np.array([0]), 2).sum(axis=1), 1)


def test_equal_images_are_no_error() -> None:
    weights = finish(graph.affinity(graph.space(np.ones((30, 8), dtype=np.float32))))
    assert np.isfinite(weights.toarray()).all()
    assert np.isfinite(graph.spread(weights, np.array([0, 1]), np.array([0, 1]), 2)).all()


def test_the_space_does_not_depend_on_the_length_of_features() -> None:
    x = np.random.default_rng(0).random((40, 300), dtype=np.float32)
    longer = x * np.linspace(1, 9, 40, dtype=np.float32)[:, None]
    assert graph.space(x).shape == (40, 39)
    assert np.allclose(graph.space(x), graph.space(longer), atol=1e-3)


def test_counts_that_chance_explains_give_equal_shares_and_a_long_tail_is_followed() -> None:
    even = prior.estimated(np.array([6, 4, 5, 3, 7]))
    assert np.allclose(even, 0.2, atol=0.01)
    tail = prior.estimated(np.array([120, 40, 12, 4, 0]))
    assert np.allclose(tail[:3], np.array([120, 40, 12]) / 176, atol=0.03)
    assert (np.diff(tail) < 0).all() and tail[4] > 0 and tail.sum() == pytest.approx(1)


def test_balanced_answers_move_towards_the_prior_and_keep_what_is_sure() -> None:
    rng = np.random.default_rng(0)
    answers = graph.shares(rng.random((500, 3)) * np.array([3.0, 1.0, 1.0]))
    found = prior.balanced(answers, np.full(3, 1 / 3))
    assert np.abs(found.mean(axis=0) - 1 / 3).max() < 0.02 < np.abs(answers.mean(axis=0) - 1 / 3).max()
    sure = np.eye(3)[np.zeros(20, dtype=int)]
    assert np.array_equal(prior.balanced(sure, np.full(3, 1 / 3)), sure)  # nobody is talked out of certainty
