"""The linear probe that is pulled toward the names of the classes, and how much they count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.words_prior import STRENGTHS, choose_strength

CLASSES, WIDE = 3, 12


def data(each: int, noise: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Features (n, D) around a direction a class, classes (n,), and rows (K, D) that tell them well."""
    generator = torch.Generator().manual_seed(0)
    towards = torch.linalg.qr(torch.randn(WIDE, CLASSES, generator=generator).double())[0].T
    y = torch.arange(CLASSES).repeat(each)
    x = towards[y] + noise * torch.randn(len(y), WIDE, generator=generator).double() / WIDE**0.5
    return x, y, 4 * towards


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("each", [3, 20])  # fewer rows than features, and more
def test_the_penalty_pulls_toward_the_rows_of_the_words(classes: int, each: int) -> None:
    x, y, words = data(each)
    x, y = x[y < classes], y[y < classes]
    C = 0.5
    line = finish(logistic.fit(x, y, classes, C=C, balanced=False, tol=1e-10, prior=words[:classes]))
    X, Y, P = x.numpy(), y.numpy(), words[:classes].numpy() - words[:classes].numpy().mean(axis=0)
    strength = C / 2 if classes == 2 else C  # scikit-learn's penalty is on one row there

    def objective(flat: np.ndarray) -> float:
        W, b = flat[: P.size].reshape(P.shape), flat[P.size :]
        logits = X @ W.T + b
        loss = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(Y)), Y]
        return float(loss.sum() + ((W - P) ** 2).sum() / (2 * strength))

    found = minimize(objective, np.zeros(P.size + classes), method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9})
    np.testing.assert_allclose(line.weight.numpy(), found.x[: P.size].reshape(P.shape), atol=1e-4)


def test_a_strong_penalty_leaves_the_words_alone_and_zeros_change_nothing() -> None:
    x, y, words = data(5)
    tight = finish(logistic.fit(x, y, CLASSES, C=1e-9, prior=words))
    assert torch.allclose(tight.weight, words - words.mean(dim=0), atol=1e-5)
    plain, none = (finish(logistic.fit(x, y, CLASSES, C=1.0, prior=each)) for each in (None, torch.zeros_like(words)))
    assert torch.equal(plain.weight, none.weight) and torch.equal(plain.bias, none.bias)


def test_a_class_without_a_label_never_wins_whatever_its_name_says() -> None:
    x, y, words = data(8)
    line = finish(logistic.fit(x[y > 0], y[y > 0], CLASSES, C=1.0, prior=words))
    assert not (line.logits(x).argmax(dim=1) == 0).any()


def test_a_fit_that_goes_on_ends_where_it_would_have_ended() -> None:
    x, y, words = data(8)
    whole = finish(logistic.fit(x, y, CLASSES, C=1.0, prior=words, tol=1e-9))
    again = finish(logistic.fit(x, y, CLASSES, C=1.0, prior=words, tol=1e-9, start=whole))
    assert len(again.losses) <= 1 < len(whole.losses)
    assert torch.allclose(whole.weight, again.weight, atol=1e-6)


def strength(x: Tensor, y: Tensor, words: Tensor) -> tuple[float, dict[str, float]]:
    generator = torch.Generator().manual_seed(0)
    return finish(choose_strength(x, y, CLASSES, words, C=10.0, generator=generator))


def test_good_names_count_and_wrong_ones_do_not() -> None:
    x, y, words = data(5, noise=3.0)
    right, scores = strength(x, y, words)
    assert right > 0 and scores[f"{right:g}"] < scores["0"] and set(scores) == {f"{each:g}" for each in STRENGTHS}
    wrong, _ = strength(x, y, words.roll(1, dims=0))
    assert wrong == 0


def test_the_scale_of_the_features_is_no_matter() -> None:
    x, y, words = data(5, noise=3.0)
    assert strength(x, y, words)[0] == strength(50 * x, y, words / 50)[0]


def test_few_labels_choose_none() -> None:
    x, y, words = data(3)
    assert strength(x, y, words) == (0.0, {})
    assert strength(x[:3].repeat(9, 1), y[:3].repeat(9), words) == (0.0, {}), "copies of one image stand for one"
