"""kmeans, kcenter, typiclust and bilaf against slow forms, and what each promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fact_core.select import bilaf, clusters, kcenter, kmeans, typiclust
from fact_core.select.picks import Picks, unit
from fact_core.steps import finish

NONE = np.zeros(0, dtype=np.int64)


def rows(n: int, dims: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)


def clumps(*sizes: int, noise: float = 0.03) -> tuple[Any, Any]:
    """(rows around the axes, the axis of each)."""
    kind = np.repeat(np.arange(len(sizes)), sizes)
    return (np.eye(6)[kind] + noise * rows(len(kind), 6)).astype(np.float32), kind


def pick(select: Any, x: Any, budget: int, labeled: Any = NONE, seed: int = 0, **options: Any) -> Picks:
    step = select(x, budget, np.asarray(labeled, np.int64), None, np.random.default_rng(seed), **options)
    return finish(step)


# ---------------------------------------------------------------------------- k-means itself


def lloyd(x: Any, centres: Any, rounds: int) -> tuple[Any, Any]:
    """The plain rounds, from given centres."""
    member = np.zeros(len(x), dtype=int)
    for _ in range(rounds):
        member = np.array([np.argmin(((row - centres) ** 2).sum(1)) for row in x])
        centres = np.stack([x[member == each].mean(0) for each in range(len(centres))])
    return centres, member


def test_kmeans_is_lloyds(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = clumps(30, 25, 20, noise=0.3)
    u = unit(x)
    begun = np.array([0, 31, 60])

    def start(*given: Any) -> Any:
        yield from ()
        return begun

    monkeypatch.setattr(clusters, "far_apart", start)
    monkeypatch.setattr(clusters, "SETTLED", 0.0)  # until nothing changes
    centres, member = finish(clusters.kmeans(torch.from_numpy(u), 3, np.random.default_rng(0), rounds=6))
    wanted, theirs = lloyd(u.astype(np.float64), u[begun].astype(np.float64), 6)
    assert (member.numpy() == theirs).all() and np.allclose(centres.numpy(), wanted, atol=1e-5)


def test_no_cluster_stays_empty() -> None:
    x = torch.from_numpy(unit(np.repeat(rows(3), 10, axis=0)))  # three different rows, five clusters
    centres, member = finish(clusters.kmeans(x, 5, np.random.default_rng(0)))
    assert len(torch.unique(member)) == 5 and centres.isfinite().all()


# ---------------------------------------------------------------------------- strategies


def test_kmeans_picks_the_middle_of_each_group_the_largest_first() -> None:
    x, kind = clumps(12, 40, 25)
    found = pick(kmeans.select, x, 3)
    assert kind[found.rows].tolist() == [1, 2, 0] and found.info["smallest_cluster"] == 12
    for row in found.rows:
        own = unit(x)[kind == kind[row]]
        gaps = ((own - own.mean(0)) ** 2).sum(1)
        assert ((unit(x)[row] - own.mean(0)) ** 2).sum() == pytest.approx(gaps.min(), abs=1e-6)
    assert kind[found.next_best[:3]].tolist() == [1, 2, 0]


def test_kmeans_prefers_groups_without_a_label() -> None:
    x, kind = clumps(40, 12, 12)
    assert sorted(kind[pick(kmeans.select, x, 2, [0]).rows]) == [1, 2]


@pytest.mark.parametrize("labeled", [[], [5, 17]])
def test_kcenter_is_farthest_first(labeled: list[int]) -> None:
    x = rows(50)
    u = unit(x).astype(np.float64)
    order = list(labeled)
    if not order:
        order = [int(np.argmax(u @ u.mean(0)))]
    while len(order) < len(labeled) + 9:
        gaps = [min(((u[i] - u[j]) ** 2).sum() for j in order) if i not in order else -1.0 for i in range(50)]
        order.append(int(np.argmax(gaps)))
    found = pick(kcenter.select, x, 9, labeled)
    assert found.rows.tolist() == order[len(labeled) :][:9]


def test_typicality_is_the_formula() -> None:
    u = unit(rows(30)).astype(np.float64)
    found = typiclust.typicality(torch.from_numpy(u))
    for i in range(30):
        gaps = sorted(float(np.linalg.norm(u[i] - u[j])) for j in range(30) if j != i)[:15]
        assert float(found[i]) == pytest.approx(1 / (np.mean(gaps) + 1e-5), rel=1e-5)
    assert typiclust.typicality(torch.ones(1, 3)).tolist() == [0.0]


def test_typiclust_goes_round_the_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authors' rounds, literally, on given clusters: fewest labels first, then the larger; small ones last."""
    x, kind = clumps(20, 9, 14, 4)

    def given(pool: Tensor, k: int, rng: Any) -> Any:
        yield from ()
        return None, torch.from_numpy(kind)

    monkeypatch.setattr(typiclust, "kmeans", given)
    labeled = [0, 1, 20]  # two of the first group, one of the second
    found = pick(typiclust.select, x, 6, labeled)
    left = {each: [row for row in np.flatnonzero(kind == each) if row not in labeled] for each in range(4)}
    wanted = []
    for each in [2, 1, 0, 2, 1, 0]:
        best = int(typiclust.typicality(torch.from_numpy(unit(x)[left[each]])).argmax())
        wanted.append(left[each].pop(best))
    assert found.rows.tolist() == wanted
    assert not set(kind[found.next_best[:20]]) & {3}  # the group of four is the last to be asked


def test_bilaf_cleans_a_group_from_its_core_outwards() -> None:
    """Against the rounds written out."""
    u = unit(rows(40, 3)).astype(np.float64)
    group = np.arange(4, 37)
    found = bilaf.clean(torch.from_numpy(u), group, 4)
    step = int(len(group) * 0.1)
    gap = {int(row): float(np.linalg.norm(u[row] - u[4])) for row in group}
    inside = sorted(gap, key=lambda row: (gap[row], row))[:step]
    for _ in range(len(group) // step - 1):
        mean = {}
        for row in map(int, group):
            if row not in inside:
                far = sorted(float(np.linalg.norm(u[row] - u[other])) for other in inside)[:10]
                mean[row] = float(np.mean(far))
        inside += sorted(mean, key=lambda row: (mean[row], row))[:step]
    assert found.tolist() == inside[: int(len(inside) * 0.9)]
    assert bilaf.clean(torch.from_numpy(u), group[:9], 4).tolist() == group[:9].tolist()  # too few to clean


@pytest.mark.parametrize(
    ("sizes", "count", "wanted"),
    [
        ([10, 30, 60], 10, [1, 3, 6]),
        ([5, 5, 5], 4, [2, 1, 1]),
        ([1, 20], 12, [1, 11]),
        ([2, 1], 9, [2, 1]),
        ([], 3, []),
    ],
)
def test_bilaf_shares_the_budget_out(sizes: list[int], count: int, wanted: list[int]) -> None:
    assert bilaf.shares(np.array(sizes, dtype=np.int64), count).tolist() == wanted


def test_bilaf_picks_towards_the_other_groups() -> None:
    """On an arc between two cores the images half-way come first, and not one beside the other."""
    angle = np.deg2rad(np.concatenate([[0.0, 90.0], np.linspace(1, 44, 44)]))
    u = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    group = np.arange(2, 46)
    found = bilaf.borders(u, group, np.array([0, 1]), 0, 4)
    assert found[0] == 45 and len(set(found.tolist())) == 4
    assert abs(int(found[1]) - int(found[0])) >= 9  # a quarter of the group lies between


def test_bilaf_has_cores_first_and_then_borders() -> None:
    x, _ = clumps(60, 60, 60, noise=0.3)
    found = pick(bilaf.select, x, 15, iterations=50)
    assert found.info["cores"] == 3 and len(set(found.rows.tolist())) == 15
    more = pick(bilaf.select, x, 4, found.rows, iterations=50)
    assert more.info["cores"] == 15 and not set(more.rows.tolist()) & set(found.rows.tolist())


@pytest.mark.parametrize("select", [kmeans.select, kcenter.select, typiclust.select, bilaf.select])
def test_a_step_can_be_stopped(select: Any) -> None:
    step = select(rows(80), 5, NONE, None, np.random.default_rng(0))
    next(step)
    step.close()
    with pytest.raises(StopIteration):
        next(step)


@pytest.mark.parametrize("select", [kmeans.select, kcenter.select, typiclust.select, bilaf.select])
def test_identical_images(select: Any) -> None:
    found = pick(select, np.ones((30, 4), np.float32), 12, [3])
    assert len(set(found.rows.tolist())) == 12 and 3 not in found.rows
