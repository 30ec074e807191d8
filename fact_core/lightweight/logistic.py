"""Multinomial logistic regression by L-BFGS, with scikit-learn's objective.

(1/S) sum_i w_i CE_i + (1/(2 C S)) |W - P|^2,   S = sum_i w_i,   bias not penalised

P is zero, or rows toward which the penalty pulls (``words_prior``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.errors import InputError
from fact_core.events import Progress
from fact_core.generators import logs_only
from fact_core.lightweight.folds import folds, smallest_class
from fact_core.lightweight.lbfgs import Problem, minimise
from fact_core.types import IntArray, Step

#: Candidates for C times the mean squared norm of the features: 10 is C = 10 on unit-norm ones.
C_GRID = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)

MAX_ITER = 500
#: n x D x K from which a GPU solves sooner. An iteration is about 60 kernels and 4 waits for their result, some 0.4 ms;
#: in that time one core does two products of 1e6 numbers of 64 bits (4 flops each, 10 GFLOP/s).
WORTH_A_GPU = 1_000_000
#: Largest gradient on unit-norm features. At 1e-4 the large Cs of a path stay where the small ones ended, and all
#: look alike.
TOL, CV_TOL = 1e-6, 1e-5


@dataclass(frozen=True)
class Linear:
    """A fitted linear classifier: logits = x @ weight.T + bias. float64, on the device of the fit."""

    weight: Tensor  # (K, D)
    bias: Tensor  # (K,)
    losses: tuple[float, ...] = ()  # objective after every iteration

    def logits(self, x: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        return x.to(self.weight) @ self.weight.T + self.bias


def fit(
    x: Tensor | np.ndarray,  # type: ignore[type-arg]
    y: Tensor | np.ndarray,  # type: ignore[type-arg]
    n_classes: int,
    *,
    C: float,
    sample_weight: Tensor | None = None,
    balanced: bool = True,
    phase: str = "lm",
    device: torch.device | str | None = None,
    max_iter: int = MAX_ITER,
    tol: float = 1e-6,
    start: Linear | None = None,
    less: LessMemory | None = None,
    prior: Tensor | None = None,
) -> Step[Linear]:
    """Fit features x (n, D) to classes y (n,); yields a Point per iteration, with the mean cross-entropy.

    C is scikit-learn's inverse regularisation (with two classes too, where it penalises one
    row). balanced: classes weigh the same whatever their counts. start: a solution to go on
    from. less: what is known of the device's memory. prior (K, D): the P of above. Classes without a
    label get a zero row and the smallest bias - 2: they never win, because the logits of the others sum to 0 for every
    image.
    Errors: InputError for one class only, or for features that are not finite.
    """
    asked = torch.as_tensor(x).device if device is None else torch.device(device)
    solver = solver_device(len(x), x.shape[1], n_classes, asked)

    def fitting(at: torch.device) -> Step[Linear]:
        wide, target = _tensors(x, y, CPU if solver == CPU else at)
        return _fitted(wide, target, n_classes, C, sample_weight, balanced, phase, max_iter, tol, start, prior)

    line = yield from (less or LessMemory(solver)).whole("logistic", fitting)
    return Linear(line.weight.to(asked), line.bias.to(asked), line.losses)


def _fitted(
    wide: Tensor,
    target: Tensor,
    n_classes: int,
    C: float,
    sample_weight: Tensor | None,
    balanced: bool,
    phase: str,
    max_iter: int,
    tol: float,
    start: Linear | None,
    prior: Tensor | None,
) -> Step[Linear]:
    """``fit`` for x (n, D) float64 and y (n,), on their device."""
    check(wide, target)
    present = torch.unique(target)
    where = torch.zeros(n_classes, dtype=torch.int64, device=target.device)
    where[present] = torch.arange(len(present), device=target.device)
    weight = sample_weights(target, n_classes, sample_weight, balanced)
    total = float(weight.sum())
    narrow, back = reduce_rows(wide)
    # scikit-learn's binary problem has one row w; two rows +-w/2 have half its squared norm.
    strength = C / 2 if len(present) == 2 else C
    plain = sample_weights(target, n_classes, sample_weight, balanced=False)
    count = plain / plain.sum()
    pull = torch.zeros(len(present), wide.shape[1]).to(wide) if prior is None else prior.to(wide)[present]
    pull = pull - pull.mean(dim=0)  # the same answers, and logits that sum to 0 like those of the rest
    offset = None if prior is None else wide @ pull.T
    problem = Problem(narrow, where[target], weight / total, count, 1.0 / (strength * total), len(present), offset)
    w0, b0 = _start(start, present, back, narrow, pull)
    w, b, losses = yield from minimise(problem, w0, b0, phase, max_iter, tol)
    weight_rows = torch.zeros(n_classes, wide.shape[1], dtype=torch.float64, device=wide.device)
    bias = torch.full((n_classes,), float(b.min()) - 2.0, dtype=torch.float64, device=wide.device)
    weight_rows[present] = (w @ back.T if back is not None else w) + pull
    bias[present] = b
    return Linear(weight_rows, bias, tuple(losses))


def solver_device(n: int, dim: int, n_classes: int, device: torch.device) -> torch.device:
    """Where n rows of ``dim`` features and so many classes are solved: the CPU where a GPU would only wait for itself.

    Numbers of 64 bits are needed: an Apple GPU has none.
    """
    small = n * min(n, dim) * n_classes < WORTH_A_GPU
    return CPU if device.type == "mps" or small else device


def scaled(c: float, x: Tensor | np.ndarray) -> float:  # type: ignore[type-arg]
    """C for features x (n, D) that does what ``c`` does on unit-norm features: c / mean |x|^2."""
    squared = float((torch.as_tensor(x).double() ** 2).sum(dim=1).mean())
    return c / max(squared, 1e-12)


def choose_C(
    x: Tensor | np.ndarray,  # type: ignore[type-arg]
    y: Tensor | np.ndarray,  # type: ignore[type-arg]
    n_classes: int,
    *,
    default: float = 10.0,
    balanced: bool = True,
    device: torch.device | str | None = None,
    generator: torch.Generator,
    grid: tuple[float, ...] = C_GRID,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Step[tuple[float, dict[str, float]]]:
    """The unit-norm C (see ``scaled``) of the lowest cross-validated log-loss, and all scores.

    Stratified folds, min(5, smallest class), with the rows of one group (see ``folds``) together; from small
    to large C each fit starts where the last one ended. With a class of one label: ``default`` and no scores.
    Ties: the larger C, because fitting too little is the greater risk.
    """
    wide, target = _tensors(x, y, device)
    check(wide, target)
    k = min(5, smallest_class(target.cpu().numpy(), groups))
    if k < 2:
        return default, {}
    unit = scaled(1.0, wide)
    narrow, _ = reduce_rows(wide)
    sums = dict.fromkeys(grid, 0.0)
    parts = folds(target.cpu().numpy(), k, generator, groups)
    for done, held in enumerate(parts):
        mask = torch.ones(len(target), dtype=torch.bool, device=target.device)
        mask[torch.from_numpy(held)] = False
        fitting = fit_path(
            narrow[mask], target[mask], n_classes, grid, unit=unit, balanced=balanced, tol=CV_TOL, less=less
        )
        path = yield from logs_only(fitting)
        for c, line in zip(grid, path, strict=True):
            sums[c] += float(functional.cross_entropy(line.logits(narrow[~mask]), target[~mask], reduction="sum"))
        yield Progress("lm.C", done + 1, k, "folds")
    scores = {c: total / len(target) for c, total in sums.items()}
    return best(scores), {f"{c:g}": round(score, 4) for c, score in scores.items()}


def best(scores: dict[float, float]) -> float:
    """The C of the lowest score; of equal ones (to 0.1 %) the larger."""
    lowest = min(scores.values())
    return max(c for c, score in scores.items() if score <= lowest * 1.001)


def fit_path(
    x: Tensor,
    y: Tensor,
    n_classes: int,
    grid: Sequence[float],
    *,
    unit: float,
    balanced: bool = True,
    sample_weight: Tensor | None = None,
    tol: float = TOL,
    less: LessMemory | None = None,
) -> Step[list[Linear]]:
    """One fit for each C = c * unit of the grid, each started from the last; x (n, D) float64.

    unit: 1 / mean |x|^2 (``scaled``). tol: the largest gradient that ends a fit, as it is on unit-norm features.
    """
    tol /= math.sqrt(unit)  # a gradient grows with the features
    narrow, back = reduce_rows(x)
    lines: list[Linear] = []
    for c in grid:
        start = lines[-1] if lines else None
        line = yield from fit(
            narrow,
            y,
            n_classes,
            C=c * unit,
            sample_weight=sample_weight,
            balanced=balanced,
            start=start,
            tol=tol,
            less=less,
        )
        lines.append(line)
    return [Linear(each.weight @ back.T, each.bias, each.losses) for each in lines] if back is not None else lines


def sample_weights(y: Tensor, n_classes: int, given: Tensor | None, balanced: bool) -> Tensor:
    """Weights (n,) float64. balanced: S / (classes present * weight of the class), as scikit-learn."""
    weight = torch.ones(len(y), dtype=torch.float64, device=y.device) if given is None else given.to(y.device).double()
    if not balanced:
        return weight
    mass = torch.zeros(n_classes, dtype=torch.float64, device=y.device).index_add_(0, y, weight)
    share = weight.sum() / (int((mass > 0).sum()) * mass.clamp_min(1e-30))
    return weight * share[y]


def reduce_rows(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """For n < D: scores z (n, r) and basis (D, r) with x = z @ basis.T, orthonormal; else x, None.

    By the representer theorem the solution lies in the span of the rows: same minimiser, smaller problem.
    """
    n, wide = x.shape
    if n >= wide:
        return x, None
    basis, upper = torch.linalg.qr(x.T)
    return upper.T, basis


def _tensors(
    x: Tensor | np.ndarray, y: Tensor | np.ndarray, device: torch.device | str | None
) -> tuple[Tensor, Tensor]:  # type: ignore[type-arg]
    """Both on the device of the fit (default: where x lies); x as float64 for the line search's sake."""
    wide = torch.as_tensor(x)
    device = wide.device if device is None else torch.device(device)
    return wide.detach().to(device).double(), torch.as_tensor(y).to(device).long()


def check(x: Tensor, y: Tensor) -> None:
    """InputError unless features x (n, D) are finite and y (n,) has two classes."""
    if len(y) == 0:
        raise InputError("There are no labels to learn from", do="Label some images of at least two classes.")
    if len(torch.unique(y)) < 2:
        raise InputError(f"All {len(y)} labels are of one class", do="Label at least one image of a second class.")
    if not bool(torch.isfinite(x).all()):
        bad = int((~torch.isfinite(x).all(dim=1)).sum())
        raise InputError("Some features are not numbers", f"{bad} of {len(x)} rows hold NaN or infinity")


def _start(
    start: Linear | None, present: Tensor, back: Tensor | None, narrow: Tensor, pull: Tensor
) -> tuple[Tensor, Tensor]:
    if start is None:
        zeros = torch.zeros(len(present), narrow.shape[1] + 1, dtype=torch.float64, device=narrow.device)
        return zeros[:, :-1], zeros[:, -1]
    rows = start.weight.to(narrow)[present] - pull
    bias = start.bias.to(narrow)[present]
    return (rows @ back if back is not None else rows), bias - bias.mean()
