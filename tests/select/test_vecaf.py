"""VeCAF: how much an image counts, and how far it is moved to the names, against loops from the formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fact_core.generators import finish
from fact_core.select import activeft, probe, vecaf
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks, unit
from fact_core.select.words import Words, drawn_to_names

LABELED, Y = np.array([0, 10, 20, 30]), np.array([0, 1, 2, 2])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
ANSWERS = RNG.dirichlet(np.ones(3), 40).astype(np.float32)
WORDS = Words(unit(X[:, :5]), unit(RNG.normal(size=(3, 5)).astype(np.float32)), 4.0)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ActiveFT is asked; test_activeft.py holds what it does with the weights."""
    found: dict[str, Any] = {}
    real = activeft.select

    def watched(x: Any, *args: Any, **options: Any) -> Any:
        found.update(options, x=x)
        return (yield from real(x, *args, **options))

    monkeypatch.setattr(vecaf.activeft, "select", watched)
    return found


def pick(select: Any, **options: Any) -> Picks:
    return finish(select(X, 5, LABELED, Y, np.random.default_rng(0), iterations=20, **options))


def weights(p: Any) -> Any:
    v = np.array([-sum(q * np.log(q) for q in row if q > 0) for row in p])
    return np.log(np.maximum(v / v.mean(), vecaf.LEAST))


def test_unsure_images_count_more_by_a_probe_or_by_the_model(given: dict[str, Any]) -> None:
    p = probe.probabilities(X, LABELED, Y)
    found = pick(vecaf.lite)
    assert np.allclose(given["log_weights"], weights(p), atol=1e-5) and given["iterations"] == 20
    assert len(set(found.rows.tolist())) == 5 and not set(LABELED) & set(found.rows.tolist())
    assert found.info["loss"] != pick(activeft.select).info["loss"]
    assert pick(vecaf.select).rows.tolist() == found.rows.tolist(), "without model and words it is the same"
    some = ANSWERS.copy()
    some[5:9] = np.nan  # of these the model has said nothing
    pick(vecaf.select, answers=some)
    some[5:9] = p[5:9]
    assert np.allclose(given["log_weights"], weights(some), atol=1e-5)
    assert given["x"] is X, "no names: the images stay where they are"


def test_images_are_moved_to_the_names_that_they_seem_to_have() -> None:
    moved = drawn_to_names(WORDS, ANSWERS, 0.5)
    for i in range(40):
        e = WORDS.images[i]
        heard = np.array([ANSWERS[i, k] * np.exp(4.0 * WORDS.names[k] @ e) for k in range(3)])
        attention = heard / heard.sum()
        t = sum(attention[k] * WORDS.names[k] for k in range(3))
        expected = e - 0.5 * attention.max() * (e - t)
        assert np.allclose(moved[i], expected / np.linalg.norm(expected), atol=1e-5)
    assert np.allclose(drawn_to_names(WORDS, ANSWERS, 0.0), WORDS.images, atol=1e-6)
    sure = drawn_to_names(WORDS, np.eye(3, dtype=np.float32)[np.arange(40) % 3], 1.0)
    assert (np.einsum("nc,nc->n", sure, WORDS.names[np.arange(40) % 3]) > 0.999).all(), "all the way"


def test_a_class_without_a_name_pulls_nothing() -> None:
    names = WORDS.names.copy()
    names[1] = 0
    silent = Words(WORDS.images, names, 4.0)
    other = np.eye(3, dtype=np.float32)[np.ones(40, dtype=int)]
    assert np.allclose(drawn_to_names(silent, other, 1.0), WORDS.images, atol=1e-3)
    assert np.isfinite(drawn_to_names(Words(WORDS.images, 0 * names, 4.0), ANSWERS, 1.0)).all()


def test_labelled_images_go_to_their_own_names_and_a_sample_keeps_its_rows(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(vecaf.select, answers=ANSWERS, words=WORDS, pull=1.0)
    assert (np.einsum("nc,nc->n", given["x"][LABELED], WORDS.names[Y]) > 0.999).all()
    assert np.allclose(given["log_weights"], weights(ANSWERS), atol=1e-5), "the weights are those of the answers"
    free = np.setdiff1d(np.arange(40), LABELED)
    assert np.allclose(given["x"][free], drawn_to_names(WORDS, ANSWERS, 1.0)[free], atol=1e-6)
    options = {"iterations": 20, "answers": ANSWERS, "words": WORDS, "pull": 1.0}
    found = finish(choose_images("vecaf", X, 5, LABELED, Y, np.random.default_rng(0), **options))
    assert found.rows.tolist() == pick(vecaf.select, answers=ANSWERS, words=WORDS, pull=1.0).rows.tolist()
    lite = finish(choose_images("vecaf-lite", X, 5, LABELED, Y, np.random.default_rng(0), **options))
    assert lite.rows.tolist() == pick(vecaf.lite).rows.tolist(), "it takes neither answers nor names"


def test_names_change_what_is_chosen() -> None:
    """Two bunches look alike, and the model tells them apart: by their names each has a pick of its own."""
    rng = np.random.default_rng(1)
    images = unit((np.array([1, 0, 0, 0]) + 0.05 * rng.normal(size=(40, 4))).astype(np.float32))
    names = np.eye(4, dtype=np.float32)[1:3]
    answers = np.array([[0.98, 0.02]] * 20 + [[0.02, 0.98]] * 20, dtype=np.float32)
    words, labeled, y = Words(images, names, 1.0), np.array([0, 20]), np.array([0, 1])
    for seed in range(5):
        options = {"answers": answers, "words": words, "pull": 0.9, "start": "k-means++"}
        rows = finish(vecaf.select(images, 4, labeled, y, np.random.default_rng(seed), **options)).rows
        assert {int(row) // 20 for row in rows} == {0, 1}
