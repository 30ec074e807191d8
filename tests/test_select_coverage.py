"""probcover, maxherding, uherding and facility against plain greedy loops from the formulas."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from fact_core.errors import ConfigError
from fact_core.select import facility, greedy, herding, probcover
from fact_core.select.picks import Picks, unit
from fact_core.select.probe import margins
from fact_core.steps import finish

NONE = np.zeros(0, dtype=np.int64)
CASES = ("maxherding", "facility", "probcover", "uherding")


def rows(n: int, dims: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)


def pick(name: str, x: Any, budget: int, labeled: Any = NONE, y: Any = None, **options: Any) -> Picks:
    function = {
        "maxherding": herding.maxherding,
        "uherding": herding.uherding,
        "facility": facility.select,
        "probcover": probcover.select,
    }[name]
    return finish(function(x, budget, np.asarray(labeled, np.int64), y, np.random.default_rng(0), **options))


def literal(
    x: Any, budget: int, labeled: list[int], kernel: Callable[[Any, Any], float], weight: Any = None
) -> list[int]:
    """Try every row each time; the lower row of equal ones; begin anew when nothing more can be gained."""
    n, weight = len(x), np.ones(len(x)) if weight is None else weight
    covered = [max([kernel(x[i], x[j]) for j in labeled], default=0.0) for i in range(n)]
    order: list[int] = []
    while len(order) < budget:
        gains = {
            j: sum(weight[i] * max(kernel(x[i], x[j]) - covered[i], 0.0) for i in range(n))
            for j in range(n)
            if j not in order and j not in labeled
        }
        best = max(gains.values())
        if best <= 0 and max(covered) > 0:
            covered = [0.0] * n
            continue
        row = min(j for j, gain in gains.items() if gain >= best * (1 - 1e-5))
        order.append(row)
        covered = [max(c, kernel(x[i], x[row])) for i, c in enumerate(covered)]
    return order


def rbf(sigma: float) -> Callable[[Any, Any], float]:
    return lambda a, b: float(np.exp(-((a - b) ** 2).sum() / sigma**2))


def hat(delta: float) -> Callable[[Any, Any], float]:
    return lambda a, b: float(((a - b) ** 2).sum() < delta**2)


@pytest.mark.parametrize("labeled", [[], [4, 9]])
def test_maxherding_is_the_formula(labeled: list[int]) -> None:
    x = rows(40)
    u = unit(x).astype(np.float64)
    assert pick("maxherding", x, 12, labeled).rows.tolist() == literal(u, 12, labeled, rbf(1.0))


@pytest.mark.parametrize("labeled", [[], [4, 9]])
def test_facility_is_the_formula(labeled: list[int]) -> None:
    x = rows(40, seed=1)
    u = unit(x).astype(np.float64)
    wanted = literal(u, 12, labeled, lambda a, b: float((1 + a @ b) / 2))
    assert pick("facility", x, 12, labeled).rows.tolist() == wanted


@pytest.mark.parametrize("labeled", [[], [4, 9]])
@pytest.mark.parametrize("delta", [0.4, 0.9])
def test_probcover_is_the_formula_also_when_all_is_covered(labeled: list[int], delta: float) -> None:
    x = rows(40, 3, seed=2)
    u = unit(x).astype(np.float64)
    assert pick("probcover", x, 25, labeled, delta=delta).rows.tolist() == literal(u, 25, labeled, hat(delta))


def test_uherding_is_the_formula() -> None:
    x, labeled, y = rows(40, seed=3), [4, 9, 20], np.array([0, 1, 1])
    u = unit(x).astype(np.float64)
    sigma = min(float(np.linalg.norm(u[a] - u[b])) for a, b in combinations(labeled, 2))
    weight = 1 - margins(x, np.array(labeled), y)
    found = pick("uherding", x, 8, labeled, y)
    assert found.info["sigma"] == pytest.approx(sigma, abs=1e-3)
    assert found.rows.tolist() == literal(u, 8, labeled, rbf(sigma), weight)


def test_two_labeled_copies_do_not_make_the_kernel_a_point() -> None:
    x = np.repeat(rows(10), 2, axis=0)
    found = pick("uherding", x, 3, [0, 1, 4], np.array([0, 0, 1]))
    assert found.info["sigma"] == herding.LEAST_SIGMA and len(set(found.rows)) == 3


def test_uherding_needs_labels() -> None:
    with pytest.raises(ConfigError, match="two classes"):
        pick("uherding", rows(9), 2, [0, 1], np.array([1, 1]))


@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_lazy_is_plain(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some hundred rows, with ties: the same order as computing every gain each time."""
    monkeypatch.setattr(greedy, "AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randint(0, 4, (300, 300), generator=generator).float()
    kernel = torch.maximum(kernel, kernel.T)
    weight, free = torch.ones(300), np.arange(10, 300)
    found = finish(greedy.greedy(kernel, free, 60, "test", np.arange(3), weight))
    covered, order = kernel[:3].amax(0), list[int]()
    while len(order) < 60:
        gains = (kernel - covered).clamp_min(0).sum(1)
        gains[:10] = -1
        gains[order] = -1
        if float(gains.max()) <= 0:
            covered = torch.zeros(300)
            continue
        order.append(int(gains.argmax()))
        covered = torch.maximum(covered, kernel[order[-1]])
    assert found.tolist() == order


@pytest.mark.parametrize("name", ["maxherding", "facility"])
def test_greedy_is_within_its_bound_of_the_best(name: str) -> None:
    """1 - 1/e of the best of all sets of three (in practice nearly all of it)."""
    x = rows(12, 3, seed=5)
    u = unit(x).astype(np.float64)
    cos = u @ u.T
    kernel = np.exp(2 * cos - 2) if name == "maxherding" else (1 + cos) / 2
    value = lambda chosen: kernel[list(chosen)].max(0).sum()  # noqa: E731
    best = max(value(each) for each in combinations(range(12), 3))
    assert value(pick(name, x, 3).rows) >= (1 - 1 / np.e) * best


def test_probcover_chooses_its_radius_by_purity() -> None:
    """The largest radius at which 95 % of the balls hold one cluster only, by trying all."""
    rng = np.random.default_rng(0)
    u = unit(rng.normal(size=(60, 3)).astype(np.float32))
    cluster = torch.from_numpy(rng.integers(3, size=60))
    found = probcover.radius(torch.from_numpy(u), cluster)
    gaps = np.linalg.norm(u[:, None].astype(np.float64) - u[None], axis=2)
    same = cluster.numpy()[:, None] == cluster.numpy()[None]

    def pure(delta: float) -> float:
        return float(np.mean([same[i][gaps[i] < delta].all() for i in range(60)]))

    assert pure(found * 0.999) >= 0.95 > pure(found * 1.5)
    known = pick("probcover", rows(60, 3), 3, classes=4)
    assert 0 < known.info["delta"] < 2


@pytest.mark.parametrize("name", CASES)
def test_clumps_get_a_pick_each_before_any_gets_two(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(np.eye(6, dtype=np.float32)[:4], 15, axis=0) + 0.05 * rng.normal(size=(60, 6)).astype(np.float32)
    labeled, y = ([0, 15], np.array([0, 1])) if name == "uherding" else (NONE, None)
    clumps = (pick(name, x, 4, labeled, y, classes=4).rows // 15).tolist()
    assert set(clumps) >= {2, 3} if name == "uherding" else sorted(clumps) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["maxherding", "facility", "probcover"])
def test_labeled_images_cover_already(name: str) -> None:
    x = np.repeat(np.eye(4, dtype=np.float32)[:3], 10, axis=0)
    assert pick(name, x, 1, [0, 12]).rows[0] // 10 == 2


def test_a_step_can_be_stopped() -> None:
    step = herding.maxherding(rows(50), 5, NONE, None, np.random.default_rng(0))
    next(step)
    step.close()
    with pytest.raises(StopIteration):
        next(step)
