"""kmeans, kcenter, typiclust and bilaf against slow forms straight from the papers, and what each promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fact_core.events import Progress
from fact_core.generators import finish
from fact_core.select import activeft, bilaf, clusters, kcenter, kmeans, typiclust
from fact_core.select.picks import Picks, spare, unit

NONE = np.zeros(0, dtype=np.int64)
ALL = [kmeans.select, kcenter.select, typiclust.select, bilaf.select]
SHOWN = Progress("here", 0, 1)


def rows(n: int, dims: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)


def clumps(*sizes: int, noise: float = 0.03) -> tuple[Any, Any]:
    """(rows around the axes, the axis of each)."""
    kind = np.repeat(np.arange(len(sizes)), sizes)
    return (np.eye(6)[kind] + noise * rows(len(kind), 6)).astype(np.float32), kind


def pick(select: Any, x: Any, budget: int, labeled: Any = NONE, seed: int = 0, **options: Any) -> Picks:
    step = select(x, budget, np.asarray(labeled, np.int64), None, np.random.default_rng(seed), **options)
    return finish(step)


def apart(a: Any, b: Any) -> float:
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


# ---------------------------------------------------------------------------- all four


@pytest.mark.parametrize("select", ALL)
@pytest.mark.parametrize(("n", "labeled"), [(1, []), (2, []), (3, [1]), (4, []), (9, [0, 8]), (30, [3])])
@pytest.mark.parametrize("kind", ["copies", "zeros", "doubled", "random"])
def test_small_pools_and_copies(select: Any, n: int, labeled: list[int], kind: str) -> None:
    """Every budget gives that many different rows, and so many others after them, that have no label."""
    x = {"copies": np.ones((n, 4)), "zeros": np.zeros((n, 4)), "doubled": rows(n)[np.arange(n) // 2], "random": rows(n)}
    free = n - len(labeled)
    for budget in sorted({1, (free + 1) // 2, free}):
        found = pick(select, x[kind].astype(np.float32), budget, labeled, iterations=5)
        everything = found.rows.tolist() + found.next_best.tolist()
        assert len(found.rows) == budget and len(found.next_best) == spare(budget, free)
        assert len(set(everything)) == len(everything) and not set(everything) & set(labeled)
        assert found.rows.dtype == found.next_best.dtype == np.int64 and set(everything) <= set(range(n))


@pytest.mark.parametrize("select", [kmeans.select, kcenter.select, typiclust.select])
def test_copies_are_not_picked_before_other_images(select: Any) -> None:
    x = np.repeat(np.eye(6, dtype=np.float32)[:4], 8, axis=0)
    for seed in range(4):
        assert sorted(pick(select, x, 4, seed=seed).rows // 8) == [0, 1, 2, 3]


@pytest.mark.parametrize("select", [kmeans.select, kcenter.select, typiclust.select])
def test_one_pick_a_clump_and_then_where_no_label_is(select: Any) -> None:
    x, kind = clumps(12, 40, 25, 20)
    first = pick(select, x, 4).rows
    assert sorted(kind[first]) == [0, 1, 2, 3]
    assert sorted(kind[pick(select, x, 2, first[:2]).rows]) == sorted(kind[first[2:]])


@pytest.mark.parametrize("select", ALL)
def test_a_step_can_be_stopped_anywhere(select: Any) -> None:
    x, count = rows(80), 0
    for _ in select(x, 6, NONE, None, np.random.default_rng(0), iterations=4):
        count += 1
    assert count >= 1
    for place in range(1, count + 1):
        step = select(x, 6, NONE, None, np.random.default_rng(0), iterations=4)
        for _ in range(place):
            next(step)
        step.close()
        with pytest.raises(StopIteration):
            next(step)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("select", ALL)
def test_a_gpu_picks_the_same_each_time(select: Any) -> None:
    x = rows(600, 16)
    found = [pick(select, x, 20, [4], device="cuda").rows.tolist() for _ in range(2)]
    assert found[0] == found[1] and len(set(found[0])) == 20


# ---------------------------------------------------------------------------- kmeans


def test_kmeans_is_lloyds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain rounds from the same rows, whole and in small blocks."""
    monkeypatch.setattr(clusters, "SETTLED", 0.0)
    u = unit(clumps(30, 25, 20, noise=0.3)[0])
    centres, member = u[[0, 31, 60]].astype(np.float64), np.zeros(len(u), dtype=int)
    for _ in range(6):
        for i, row in enumerate(u):
            member[i] = np.argmin([apart(row, centre) for centre in centres])
        centres = np.stack([u[member == each].mean(0, dtype=np.float64) for each in range(3)])
    pool = torch.from_numpy(u)
    for block in (clusters.BLOCK, 20):
        monkeypatch.setattr(clusters, "BLOCK", block)
        found, own = finish(clusters._lloyd(pool, pool[[0, 31, 60]], 6))
        assert (own.numpy() == member).all() and np.allclose(found, centres, atol=1e-5)
        gaps = [apart(row, centres[each]) ** 2 for row, each in zip(u, member, strict=True)]
        assert np.allclose(clusters.gaps(pool, found, own), gaps, atol=1e-5)


def test_a_cluster_without_rows_takes_the_farthest() -> None:
    u = torch.from_numpy(np.concatenate([unit(clumps(10, 10)[0]), np.eye(6, dtype=np.float32)[4:5]]))
    begun = torch.stack([u[0], u[10], -u[0]])  # the third centre lies where no row is
    centres, member = finish(clusters._lloyd(u, begun, 9))
    assert member.tolist() == [0] * 10 + [1] * 10 + [2] and torch.allclose(centres[2], u[20])
    copies = torch.ones(6, 3) / 3**0.5
    centres, member = finish(clusters.kmeans(copies, 3, np.random.default_rng(0)))
    assert centres.isfinite().all() and len(member) == 6


def test_more_tries_start_farther_apart() -> None:
    pool = torch.from_numpy(unit(clumps(*[15] * 6, noise=0.15)[0]))

    def left(tries: int, seed: int) -> float:
        step = clusters.far_apart(pool, np.arange(90), pool[:0], 6, np.random.default_rng(seed), tries)
        return float((1 - (pool @ pool[torch.from_numpy(finish(step))].T).amax(1)).sum())

    assert np.mean([left(4, seed) for seed in range(20)]) < 0.8 * np.mean([left(1, seed) for seed in range(20)])


def test_a_large_pool_is_clustered_through_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows(12, 8)[np.arange(1200) % 12] + 0.2 * rows(1200, 8, 1)
    whole = pick(kmeans.select, x, 12).info["mean_squared_distance"]
    monkeypatch.setattr(clusters, "PART", 100)
    monkeypatch.setattr(clusters, "PART_EACH", 10)
    found = pick(kmeans.select, x, 12)
    assert found.info["mean_squared_distance"] < 1.05 * whole and len(set(found.rows % 12)) == 12


def test_kmeans_picks_the_middle_of_each_group_the_largest_first() -> None:
    x, kind = clumps(12, 40, 25)
    found = pick(kmeans.select, x, 3)
    assert kind[found.rows].tolist() == kind[found.next_best[:3]].tolist() == [1, 2, 0]
    for place, row in enumerate(found.rows):
        own = np.flatnonzero(kind == kind[row])
        middle = unit(x)[own].mean(0, dtype=np.float64)
        nearest = sorted(own, key=lambda each: apart(unit(x)[each], middle))
        assert [row, found.next_best[place]] == nearest[:2]


def test_kmeans_goes_round_the_clusters() -> None:
    """Round by round; a labeled image is one round of its cluster; the larger cluster first, then the lower."""
    rng = np.random.default_rng(0)
    member, gap = rng.integers(5, size=60), rng.integers(9, size=60).astype(np.float32)  # with ties
    member[member == 3] = 4  # an empty cluster
    labeled = np.array([2, 7, 11, 30])
    free = np.setdiff1d(np.arange(60), labeled)
    left = {k: sorted((row for row in free if member[row] == k), key=lambda row: (gap[row], row)) for k in range(5)}
    wanted = []
    for turn in range(60):
        for k in sorted(range(5), key=lambda k: (-(member == k).sum(), k)):
            if turn >= (member[labeled] == k).sum() and left[k]:
                wanted.append(left[k].pop(0))
    assert kmeans.in_turn(member, gap, free, labeled).tolist() == wanted


# ---------------------------------------------------------------------------- kcenter


@pytest.mark.parametrize("labeled", [[], [5, 17]])
@pytest.mark.parametrize(("watched", "at_once"), [(2048, 256), (7, 3), (1, 1)])
def test_kcenter_is_farthest_first(labeled: list[int], watched: int, at_once: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(kcenter, "WATCHED", watched)
    monkeypatch.setattr(kcenter, "AT_ONCE", at_once)
    x = rows(60)
    u = unit(x).astype(np.float64)
    order = list(labeled) or [min(range(60), key=lambda i: apart(u[i], u.mean(0)))]
    while len(order) < 60:
        gaps = [min(apart(u[i], u[j]) for j in order) if i not in order else -1.0 for i in range(60)]
        order.append(int(np.argmax(gaps)))
    found = pick(kcenter.select, x, 25, labeled)
    assert found.rows.tolist() + found.next_best.tolist() == order[len(labeled) :][:50]


@pytest.mark.parametrize("watched", [2048, 3])
def test_kcenter_takes_the_lower_of_equal_rows(watched: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(kcenter, "WATCHED", watched)
    x = np.eye(5, dtype=np.float32)[[2, 4, 0, 0, 1, 1, 3, 3, 4, 2]]
    found = pick(kcenter.select, x, 4, [1])
    assert found.rows.tolist() == [0, 2, 4, 6] and found.next_best.tolist() == [3, 5, 7, 8, 9]


# ---------------------------------------------------------------------------- typiclust


def most_typical(x: Any, left: list[int]) -> int:
    """Of the rows ``left`` the one with the highest typicality among them, from the formula."""
    k = min(20, len(left) // 2)
    near = {i: sorted(apart(x[i], x[j]) for j in left if j != i)[:k] for i in left}
    return max(left, key=lambda i: (1 / ((np.mean(near[i]) if k else 0.0) + 1e-5), -i))


@pytest.mark.parametrize("more", [20, 2, 0])
@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 2), (34, 34), (70, 25)])
def test_typicality_is_the_formula(n: int, count: int, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the neighbours that were remembered are used up."""
    monkeypatch.setattr(typiclust, "MORE_NEIGHBOURS", more)
    u, left, wanted = unit(rows(n)), list(range(n)), []
    for _ in range(count):
        wanted.append(most_typical(u, left))
        left.remove(wanted[-1])
    assert finish(typiclust.most_typical(u, count, SHOWN)).tolist() == wanted


def test_typiclust_goes_round_the_clusters() -> None:
    """The authors' loop: fewest labels first, then the larger; small clusters when the others are used up."""
    x, kind = clumps(20, 9, 14, 4, 3)
    for labeled, budget in (([0, 1, 20], 2), ([0, 40, 44], 30), ([], 5), ([21], 49)):
        found = pick(typiclust.select, x, budget, labeled)
        _, cluster = finish(clusters.kmeans(torch.from_numpy(unit(x)), k(labeled, budget), np.random.default_rng(0)))
        wanted = authors_loop(unit(x), cluster.tolist(), labeled, budget)
        assert found.rows.tolist() == wanted
    assert found.info["clusters"] == 25
    five = pick(typiclust.select, x, 5)
    assert kind[five.rows].tolist() == [0, 2, 1, 0, 2] and five.info["small"] == 2


def k(labeled: list[int], budget: int) -> int:
    return min(len(labeled) + budget, 25)


def authors_loop(u: Any, cluster: list[int], labeled: list[int], budget: int) -> list[int]:
    names = sorted(set(cluster))
    small = min(5, len(u) // (2 * k(labeled, budget)))
    order = sorted(names, key=lambda c: (sum(cluster[i] == c for i in labeled), -cluster.count(c), c))
    left = {c: [i for i in range(len(u)) if cluster[i] == c and i not in labeled] for c in names}
    picked: list[int] = []
    for part in ([c for c in order if cluster.count(c) > small], [c for c in order if cluster.count(c) <= small]):
        while any(left[c] for c in part):
            for c in part:
                if left[c]:
                    picked.append(most_typical(u, left[c]))
                    left[c].remove(picked[-1])
    return picked[:budget]


def test_a_large_cluster_is_seen_through_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typiclust, "LARGE", 60)
    x, kind = clumps(300, 200, noise=0.1)
    found = pick(typiclust.select, x, 2)
    assert kind[found.rows].tolist() == [0, 1]
    middle = unit(x)[:300].mean(0)
    gaps = np.linalg.norm(unit(x)[:300] - middle, axis=1)
    assert gaps[found.rows[0]] < np.quantile(gaps, 0.25)
    assert len(set(pick(typiclust.select, x, 480).rows.tolist())) == 480


# ---------------------------------------------------------------------------- bilaf


def cleaned(x: Any, group: list[int], core: int) -> list[int]:
    """A tenth of the group at a time by the mean distance to the ten nearest that are in; without the last 10 %."""
    if len(group) < 10:
        return group
    c = max(1, int(len(group) * 0.1))
    inside = sorted(group, key=lambda i: (i != core, apart(x[i], x[core])))[:c]
    for _ in range(2, len(group) // c + 1):
        out = [i for i in group if i not in inside]
        mean = {i: np.mean(sorted(apart(x[i], x[j]) for j in inside)[:10]) for i in out}
        inside += sorted(out, key=lambda i: mean[i])[:c]
    return inside[: int(len(inside) * 0.9)]


def at_the_border(x: Any, group: list[int], cores: list[int], own: int, budget: int) -> list[int]:
    """The core and the border picks of one group, as the authors' loop takes them."""
    others = [each for place, each in enumerate(cores) if place != own]
    d_in = {i: np.mean([apart(x[i], x[j]) for j in group]) for i in group}
    d_out = {i: min((apart(x[i], x[each]) for each in others), default=1e9) for i in group}
    towards = {i: min(others, key=lambda each, i=i: apart(x[i], x[each]), default=-1) for i in group}
    penalty, picked, left = dict.fromkeys([*others, -1], 1.0), [cores[own]], list(group)
    while len(picked) < budget:
        left = sorted(left, key=lambda i: (apart(x[i], x[picked[-1]]), i))[int(len(group) / budget) :]
        if picked[-1] != cores[own]:
            penalty[towards[picked[-1]]] *= 1.1
        score = {i: (d_out[i] * penalty[towards[i]] - d_in[i]) / max(d_out[i], d_in[i]) for i in left}
        picked.append(min(sorted(left), key=lambda i: score[i]))
    return picked


def handed_out(total: int, sizes: list[int]) -> list[int]:
    given = [int(np.floor(size / sum(sizes) * total)) for size in sizes]
    while sum(given) < total:
        given[min(range(len(sizes)), key=lambda j: (given[j], -sizes[j]))] += 1
    return given


@pytest.mark.parametrize("n", [9, 10, 23, 57, 120])
def test_bilaf_cleans_a_group_from_its_core_outwards(n: int) -> None:
    x = rows(n, 3)
    assert finish(bilaf.dense(torch.from_numpy(x), 4, SHOWN)).tolist() == cleaned(x, list(range(n)), 4)


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
@pytest.mark.parametrize("cores", [[3], [3, 40, 44, 49]])
def test_bilaf_picks_borders_as_written(budget: int, cores: list[int]) -> None:
    x, group = rows(50, 3), list(range(40))
    step = bilaf.border(torch.from_numpy(x[:40]), 3, torch.from_numpy(x[cores]), 0, budget - 1, SHOWN)
    found, rest = finish(step)
    assert found.tolist() == at_the_border(x, group, cores, 0, budget)[1:]
    assert sorted([3, *found.tolist(), *rest.tolist()]) == group


def test_bilaf_goes_to_the_other_group_and_not_to_the_same_place() -> None:
    """On an arc between two cores the image half-way comes first, and the second is not beside it."""
    angle = np.deg2rad([0.0, *range(1, 45)])
    x = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    found, _ = finish(bilaf.border(x, 0, torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64), 0, 3, SHOWN))
    assert found[0] == 44 and len(found) == 3 and abs(found[1] - found[0]) >= 11  # 45 rows, of which a quarter a pick


@pytest.mark.parametrize(
    ("total", "sizes", "wanted"),
    [
        (10, [10, 30, 60], [1, 3, 6]),
        (4, [5, 5, 5], [2, 1, 1]),
        (9, [1, 20], [1, 8]),
        (10, [1, 1, 98], [1, 1, 8]),
        (3, [1, 1, 98], [1, 1, 1]),
    ],
)
def test_bilaf_shares_the_budget_out(total: int, sizes: list[int], wanted: list[int]) -> None:
    assert bilaf.shares(total, np.array(sizes, dtype=np.float64)).tolist() == wanted
    if min(handed_out(total, sizes)) > 0:
        assert wanted == handed_out(total, sizes)


@pytest.mark.parametrize("labeled", [[], [7, 90, 150]])
def test_bilaf_is_what_the_paper_says(labeled: list[int]) -> None:
    """Cores of ActiveFT, the nearest core's group, cleaned, shared out, borders; on the features as they are."""
    x = (rows(180, 4, 3) * np.linspace(0.5, 2, 180)[:, None] + 5).astype(np.float32)
    found = pick(bilaf.select, x, 24 - len(labeled), labeled, cores=6, iterations=20)
    first = pick(activeft.select, x, 6 - len(labeled), labeled, iterations=20).rows.tolist()
    cores = first + labeled
    nearest = [min(range(6), key=lambda j: apart(row, x[cores[j]])) for row in x]
    groups = [cleaned(x, [i for i in range(180) if nearest[i] == j], cores[j]) for j in range(6)]
    given = handed_out(24, [len(group) for group in groups])
    wanted = [at_the_border(x, groups[j], cores, j, given[j])[1:] for j in range(6)]
    assert found.rows[: len(first)].tolist() == first
    assert sorted(found.rows[len(first) :]) == sorted(row for each in wanted for row in each)
    order = sorted(range(6), key=lambda j: -nearest.count(j))
    assert found.rows[len(first) :][:3].tolist() == [wanted[j][0] for j in order][:3]  # each group in turn
    assert set(found.next_best[:6]) <= {i for group in groups for i in group}


def test_bilaf_has_cores_first_and_labels_are_cores() -> None:
    x, kind = clumps(60, 60, 60, noise=0.3)
    found = pick(bilaf.select, x, 15, iterations=50, start="k-means++")
    assert found.info["cores"] == 8 and set(kind[found.rows[:8]]) == {0, 1, 2}
    more = pick(bilaf.select, x, 4, found.rows, iterations=50)
    assert more.info["cores"] == 15 and not set(more.rows.tolist()) & set(found.rows.tolist())


def test_bilaf_takes_as_many_cores_as_the_paper() -> None:
    assert bilaf.core_count(500, 50_000) == bilaf.core_count(2_500, 50_000) == 250  # CIFAR-100 at 1 and 5 %
    assert bilaf.core_count(12_811, 1_281_167) == bilaf.core_count(64_058, 1_281_167) == 6_405  # ImageNet
    assert bilaf.core_count(200, 1000) == 50 and bilaf.core_count(1, 1000) == 1


def test_a_large_group_is_seen_through_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bilaf, "LARGE", 40)
    monkeypatch.setattr(bilaf, "BLOCK", 100)
    x, _ = clumps(150, 100, 50, noise=0.3)
    found = pick(bilaf.select, x, 20, iterations=20)
    assert len(set(found.rows.tolist())) == 20
    assert len(set(pick(bilaf.select, x, 290, iterations=20).rows.tolist())) == 290
