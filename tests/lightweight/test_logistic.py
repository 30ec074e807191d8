"""Logistic regression against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from fact_core.compute.less_memory import LessMemory
from fact_core.errors import InputError
from fact_core.events import Event, Log, Point
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds, same_images, smallest_class
from fact_core.lightweight.lbfgs import Problem
from fact_core.lightweight.logistic import Linear, choose_C, fit, scaled, solver_device
from fact_core.types import IntArray, Step
from tests.steps_help import heard


def data(n: int, wide: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, wide)), np.concatenate((np.arange(k), rng.integers(0, k, n - k)))
    x[np.arange(n), y] += 1.0
    return x, y


def test_a_child_can_check_it() -> None:
    """Two points at -1 and 1: the line between the classes is at 0, and the two rows are opposite."""
    line = finish(fit(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2, C=1.0))
    assert float(line.weight.sum()) == pytest.approx(0.0, abs=1e-9)
    assert line.logits(torch.tensor([[-0.1], [0.1]])).argmax(dim=1).tolist() == [0, 1]
    assert line.logits(torch.tensor([[0.0]])).softmax(-1).flatten().tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize(("C", "close"), [(0.01, 1e-6), (1.0, 1e-6), (100.0, 1e-5)])
@pytest.mark.parametrize(("n", "wide", "k"), [(80, 10, 3), (40, 90, 4)])
def test_equals_scikit_learn(n: int, wide: int, k: int, C: float, close: float, balanced: bool) -> None:
    x, y = data(n, wide, k)
    line = finish(fit(x, y, k, C=C, balanced=balanced, tol=1e-10, max_iter=5000))
    oracle = LogisticRegression(C=C, class_weight="balanced" if balanced else None, tol=1e-10, max_iter=50_000)
    oracle.fit(x, y)
    np.testing.assert_allclose(line.weight.numpy(), oracle.coef_, atol=close)
    np.testing.assert_allclose(line.bias.numpy(), oracle.intercept_ - oracle.intercept_.mean(), atol=10 * close)


@pytest.mark.parametrize("C", [1.0, 100.0])
def test_equals_scikit_learn_with_two_classes_and_weights(C: float) -> None:
    x, y = data(50, 8, 2)
    weight = np.random.default_rng(1).uniform(0.1, 2.0, 50)
    line = finish(fit(x, y, 2, C=C, sample_weight=torch.from_numpy(weight), balanced=False, tol=1e-10))
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(x, y, sample_weight=weight)
    difference = (line.weight[1] - line.weight[0]).numpy()
    np.testing.assert_allclose(difference, oracle.coef_[0], atol=1e-5)


def test_balanced_weights_are_inverse_to_the_counts() -> None:
    weight = logistic.sample_weights(torch.tensor([0, 0, 0, 2]), 3, None, True)
    assert weight.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])


def test_a_warm_start_ends_at_the_same_place_sooner() -> None:
    x, y = data(60, 100, 4)
    cold = finish(fit(x, y, 4, C=3.0, tol=1e-9))
    near = finish(fit(x, y, 4, C=2.9, tol=1e-9))
    warm = finish(fit(x, y, 4, C=3.0, tol=1e-9, start=near))
    torch.testing.assert_close(warm.weight, cold.weight, atol=1e-6, rtol=0)
    assert len(warm.losses) < len(cold.losses)


def test_the_objective_falls_and_points_show_the_plain_cross_entropy() -> None:
    """The chart's last value is what measuring the finished line says: no penalty, no class balance."""
    x, y = data(60, 10, 3)
    y = torch.as_tensor(y).clone()
    y[:20] = 0  # classes of different size
    events: list[Event] = []
    step: Any = fit(x, y, 3, C=10.0, phase="lp")
    while True:
        try:
            events.append(next(step))
        except StopIteration as stop:
            line: Linear = stop.value
            break
    points = [e for e in events if isinstance(e, Point)]
    logits = line.logits(torch.as_tensor(x))
    assert len(points) == len(line.losses)
    assert points[-1].loss == pytest.approx(float(functional.cross_entropy(logits, y)), abs=1e-9)
    assert points[-1].accuracy == pytest.approx(float((logits.argmax(1) == y).double().mean()))
    assert all(b <= a + 1e-12 for a, b in zip(line.losses, line.losses[1:], strict=False))
    assert points[-1].phase == "lp" and points[-1].accuracy is not None and points[-1].accuracy > 0.5


def test_absent_classes_never_win() -> None:
    x, y = data(40, 6, 3)
    line = finish(fit(x, y * 2, 7, C=10.0))
    assert line.weight.shape == (7, 6)
    for absent in (1, 3, 5, 6):
        assert float(line.weight[absent].abs().max()) == 0.0
        assert float(line.bias[absent]) == pytest.approx(float(line.bias[[0, 2, 4]].min()) - 2.0)
    far = torch.from_numpy(np.random.default_rng(0).normal(size=(500, 6)) * 100)
    assert set(line.logits(far).argmax(dim=1).tolist()) <= {0, 2, 4}


def test_separable_large_c_constant_features_and_large_scales_end() -> None:
    x, y = data(30, 200, 3)
    for scale, C in ((1e-4, 1e6), (1.0, 1e6), (1e4, 1.0)):
        line = finish(fit(x * scale, y, 3, C=C))
        assert bool(torch.isfinite(line.weight).all())
        assert float((line.logits(torch.from_numpy(x * scale)).argmax(1).numpy() == y).mean()) == 1.0
    flat = finish(fit(np.zeros((10, 20)), np.arange(10) % 2, 2, C=1.0))
    assert float(flat.weight.abs().max()) == 0.0


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((4, 2)), np.zeros(4, dtype=np.int64), "All 4 labels are of one class"),
        (np.array([[np.nan], [1.0]]), np.array([0, 1]), "1 of 2 rows"),
        (np.ones((0, 2)), np.zeros(0, dtype=np.int64), "no labels"),
    ],
)
def test_bad_input_is_said_in_words(x: np.ndarray, y: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        finish(fit(x, y, 2, C=1.0))


def test_scaled_is_the_c_of_unit_norm_features() -> None:
    x, y = data(40, 20, 3)
    unit = functional.normalize(torch.from_numpy(x), dim=1)
    assert scaled(10.0, unit) == pytest.approx(10.0)
    one = finish(fit(unit, y, 3, C=scaled(10.0, unit), tol=1e-10))
    big = finish(fit(unit * 30, y, 3, C=scaled(10.0, unit * 30), tol=1e-10))
    torch.testing.assert_close(big.weight * 30, one.weight, atol=1e-4, rtol=1e-4)


def test_choose_c_takes_the_lowest_log_loss() -> None:
    x, y = data(80, 10, 3)
    x[:, 3:] *= 3.0  # noise that a large C follows
    C, scores = finish(choose_C(x, y, 3, generator=torch.Generator().manual_seed(0)))
    assert scores[f"{C:g}"] <= 1.0011 * min(scores.values())
    held = []
    # the literal form of one candidate, with scikit-learn and its own folds
    for part in folds(y, 5, torch.Generator().manual_seed(0)):
        rest = np.setdiff1d(np.arange(80), part)
        oracle = LogisticRegression(C=10 * scaled(1.0, x), class_weight="balanced", tol=1e-8, max_iter=10_000)
        oracle.fit(x[rest], y[rest])
        held.append(-oracle.predict_log_proba(x[part])[np.arange(len(part)), y[part]])
    assert scores["10"] == pytest.approx(np.concatenate(held).mean(), abs=2e-3)


def test_choose_c_with_one_label_of_a_class_is_the_default() -> None:
    x, y = data(5, 4, 3)
    y = np.array([0, 0, 1, 1, 2])
    assert finish(choose_C(x, y, 3, default=7.0, generator=torch.Generator())) == (7.0, {})


def test_rows_of_one_group_stay_in_one_fold() -> None:
    """Views and copies of an image would tell the answer; classes stay as even as groups allow."""
    y = np.repeat([0, 1, 2], [12, 9, 6])
    groups = np.arange(len(y)) // 3  # three rows an image
    parts = folds(y, 2, torch.Generator().manual_seed(0), groups)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(y)))
    for part in parts:
        assert not set(groups[part]) & set(np.delete(groups, part))
        assert set(y[part]) == {0, 1, 2}
    assert smallest_class(y, groups) == 2 and smallest_class(y) == 6


def test_copies_of_an_image_are_found_by_their_features() -> None:
    x = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    x[3], x[4] = 2 * x[0], x[1]  # the same direction; the same image under another class
    groups = same_images(x, np.array([0, 0, 1, 0, 1, 1]))
    assert groups[3] == groups[0] and len(set(groups.tolist())) == 5


def test_a_copy_in_another_fold_makes_every_C_look_good() -> None:
    """Pure noise in twins: without groups the largest C wins, with groups it is the worst."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(24, 40)), 2, axis=0).astype(np.float32)
    y = np.repeat(rng.integers(0, 2, 24), 2)

    def chosen(groups: IntArray | None) -> tuple[float, dict[str, float]]:
        return finish(choose_C(x, y, 2, generator=torch.Generator().manual_seed(0), groups=groups))

    blind, scores = chosen(None)
    assert blind == max(logistic.C_GRID) and scores["1000"] < scores["1"]
    seen, scores = chosen(same_images(x, y))
    assert seen == min(logistic.C_GRID) and scores["1000"] > scores["1"]


def test_a_path_over_c_ends_where_separate_fits_end() -> None:
    x, y = data(60, 90, 4)  # wider than long: solved in the span of the rows
    grid = (0.1, 1.0, 10.0)
    path = finish(logistic.fit_path(torch.from_numpy(x), torch.from_numpy(y), 4, grid, unit=1.0, tol=1e-10))
    for c, line in zip(grid, path, strict=True):
        alone = finish(fit(x, y, 4, C=c, tol=1e-10, max_iter=5000))
        np.testing.assert_allclose(line.weight.numpy(), alone.weight.numpy(), atol=1e-6)


def test_scores_of_large_c_are_those_of_converged_fits() -> None:
    """On a path from small to large C a loose end would leave the large ones where the small ones ended."""
    rng = np.random.default_rng(0)
    centres, y = rng.normal(size=(3, 100)), np.concatenate((np.arange(3), rng.integers(0, 3, 197)))
    x = centres[y] + rng.normal(size=(200, 100))
    y = np.where(rng.random(200) < 0.02, (y + 1) % 3, y)
    x /= np.sqrt((x**2).sum(1).mean())
    parts = folds(y, 5, torch.Generator().manual_seed(0))
    scores = finish(choose_C(x, y, 3, generator=torch.Generator().manual_seed(0)))[1]
    for c in (100.0, 300.0, 1000.0):
        total = 0.0
        for held in parts:
            rest = np.setdiff1d(np.arange(200), held)
            line = finish(fit(x[rest], y[rest], 3, C=c, tol=1e-8, max_iter=5000))
            logits = line.logits(torch.as_tensor(x[held]))
            total += float(functional.cross_entropy(logits, torch.as_tensor(y[held]), reduction="sum"))
        assert scores[f"{c:g}"] == pytest.approx(total / 200, rel=0.025)


def test_the_line_search_does_not_jump_to_and_fro() -> None:
    """Many well-parted classes: Newton's steps on the ray leapt over the minimum and back, and the loss went up."""
    rng, y = np.random.default_rng(0), np.arange(2000) % 20
    x = 0.4 * rng.normal(size=(20, 1280))[y] + rng.normal(size=(2000, 1280))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    line = finish(fit(x, y, 20, C=100.0))
    assert (np.diff(line.losses) <= 0).all() and line.losses[-1] < 0.03
    assert (line.logits(torch.from_numpy(x)).argmax(1).numpy() == y).all()


def test_small_problems_are_solved_on_the_cpu_and_others_where_they_lie() -> None:
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert solver_device(100, 384, 10, gpu) == cpu  # 100 rows span 100 dimensions: 100,000 numbers
    assert solver_device(1000, 1280, 10, gpu) == gpu
    assert solver_device(50_000, 384, 10, cpu) == cpu
    assert solver_device(50_000, 384, 10, torch.device("mps")) == cpu  # which knows no 64 bits


def test_a_solver_whose_memory_is_full_goes_on_where_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes from cuBLAS, in the middle; the answer is the same, and it is told once for all fits."""
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    wanted = finish(fit(x, y, 3, C=10.0))
    inner, asked = logistic.minimise, list[str]()

    def minimise(problem: Problem, *more: Any) -> Step[Any]:
        asked.append(problem.x.device.type)
        if len(asked) == 1:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return (yield from inner(problem, *more))

    monkeypatch.setattr(logistic, "minimise", minimise)
    less, tensors = LessMemory(torch.device("cuda")), logistic._tensors
    monkeypatch.setattr(logistic, "_tensors", lambda x, y, at: tensors(x, y, "cpu"))  # there is no GPU here
    monkeypatch.setattr("fact_core.compute.less_memory.release", lambda device: None)
    found, events = heard(fit(x, y, 3, C=10.0, less=less))
    assert torch.equal(found.weight, wanted.weight) and asked == ["cpu", "cpu"]
    assert [each.text[:13] for each in events if isinstance(each, Log)] == ["Out of memory"]
    assert not [each for each in heard(fit(x, y, 3, C=10.0, less=less))[1] if isinstance(each, Log)]
