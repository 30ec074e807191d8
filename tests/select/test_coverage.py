"""probcover, maxherding, uherding and facility against plain greedy loops from the formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fact_core.choices import STRATEGIES, resolve
from fact_core.errors import ConfigError
from fact_core.events import Progress
from fact_core.generators import finish
from fact_core.select import greedy, herding, probcover
from fact_core.select.picks import Picks, unit

NONE = np.zeros(0, dtype=np.int64)
NAMES = ("maxherding", "facility", "probcover", "uherding")
DELTA = 0.7

Pair = Callable[[Any, Any], float]


def rows(n: int, dims: int = 5, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)


def clumps(n: int, dims: int = 24, centres: int = 40, seed: int = 0) -> Any:
    """Rows around random centres of very different sizes."""
    rng = np.random.default_rng(seed)
    which = np.minimum(rng.geometric(0.07, size=n), centres) - 1
    return (rng.normal(size=(centres, dims))[which] + 0.5 * rng.normal(size=(n, dims))).astype(np.float32)


def start(name: str, x: Any, budget: int, labeled: Any = NONE, y: Any = None, **options: Any) -> Any:
    """The strategy itself, without ``choose``. UHerding without labels of its own gets two."""
    if name == "uherding" and y is None:
        labeled, y = np.array([0, 1]), np.array([0, 1])
    function, rng = resolve(STRATEGIES[name].target), np.random.default_rng(0)
    return function(np.asarray(x, np.float32), budget, np.asarray(labeled, np.int64), y, rng, **options)


def pick(name: str, x: Any, budget: int, labeled: Any = NONE, y: Any = None, **options: Any) -> Picks:
    return finish(start(name, x, budget, labeled, y, **options))


def rbf(sigma: float) -> Pair:
    return lambda a, b: float(np.exp(-((a - b) ** 2).sum() / sigma**2))


def hat(delta: float) -> Pair:
    return lambda a, b: float(((a - b) ** 2).sum() < delta**2)


def cosine(a: Any, b: Any) -> float:
    return float((1 + a @ b) / 2)


def literal(x: Any, count: int, labeled: Sequence[int], aims: Sequence[tuple[Pair, Any]]) -> list[int]:
    """Try every row each time, the lower of equal ones; the next aim when nothing is to be gained; the rest by row."""
    u, n, order = unit(x).astype(np.float64), len(x), list[int]()
    for kernel, weight in aims:
        k = [[kernel(u[i], u[j]) for j in range(n)] for i in range(n)]
        covered = [max([k[i][j] for j in [*labeled, *order]], default=0.0) for i in range(n)]
        while len(order) < count:
            gains = {
                j: sum(weight[i] * max(k[i][j] - covered[i], 0.0) for i in range(n))
                for j in range(n)
                if j not in order and j not in labeled
            }
            best = max(gains.values())
            if best <= 1e-6 * sum(weight):
                break
            row = min(j for j, gain in gains.items() if gain >= best * (1 - 1e-5))
            order.append(row)
            covered = [max(covered[i], k[i][row]) for i in range(n)]
    return (order + [j for j in range(n) if j not in order and j not in labeled])[:count]


def aims_of(name: str, x: Any, labeled: Any = NONE, y: Any = None) -> list[tuple[Pair, Any]]:
    """The formulas."""
    ones = np.ones(len(x))
    if name != "uherding":
        return {
            "maxherding": [(rbf(1.0), ones)],
            "facility": [(cosine, ones)],
            "probcover": [(hat(DELTA), ones), (rbf(DELTA), ones)],
        }[name]
    u = unit(x).astype(np.float64)
    sigma = min(float(np.linalg.norm(u[a] - u[b])) for a, b in combinations(labeled, 2))
    pool = torch.from_numpy(unit(x))
    weight, _ = finish(herding.uncertainty(pool, np.asarray(labeled), np.asarray(y), np.random.default_rng(0)))
    return [(rbf(sigma), weight.astype(np.float64)), (rbf(sigma), ones)]


LABELS = [((), None), ((4, 9, 20, 21), (0, 1, 1, 0))]


@pytest.mark.parametrize("remembered", [greedy.REMEMBERED, 200])
@pytest.mark.parametrize(("labeled", "y"), LABELS)
@pytest.mark.parametrize("name", NAMES)
def test_all_picks_are_those_of_the_formula(
    name: str, labeled: Any, y: Any, remembered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole pool in order, whether all pairs are remembered or only those of candidates with few."""
    monkeypatch.setattr(greedy, "REMEMBERED", remembered)
    if name == "uherding" and y is None:
        labeled, y = (0, 1), (0, 1)
    x = rows(36, 4, seed=len(labeled))
    count = 36 - len(labeled)
    found = pick(name, x, count - 20, labeled, y if y is None else np.array(y), delta=DELTA)
    wanted = literal(x, count, labeled, aims_of(name, x, labeled, y))
    assert found.rows.tolist() + found.next_best.tolist() == wanted
    assert pick(name, x, count, labeled, y if y is None else np.array(y), delta=DELTA).rows.tolist() == wanted
    one = pick(name, x, 1, labeled, y if y is None else np.array(y), delta=DELTA)
    assert one.rows.tolist() == wanted[:1] and one.next_best.tolist() == wanted[1:21]


def plain(pool: Any, weight: Any, kernel: greedy.Kernel, count: int, known: Sequence[int]) -> list[int]:
    """All gains each time, in float64; ends when there is nothing to gain."""
    k = kernel((pool @ pool.T).clone()).double()
    covered = k[list(known)].amax(0) if known else torch.zeros(len(k), dtype=torch.float64)
    order: list[int] = []
    for _ in range(count):
        gains = (k - covered).clamp_min(0) @ torch.from_numpy(weight).double()
        gains[[*order, *known]] = -1.0
        if float(gains.max()) <= 0:
            break
        order.append(int(torch.nonzero(gains >= gains.max() * (1 - 1e-5))[0]))
        covered = torch.maximum(covered, k[order[-1]])
    return order


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["rbf", "narrow", "cosine", "hat"])
def test_lazy_is_plain_on_some_hundred_rows(name: str, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few gains at once, few pairs remembered: all ways through the code are taken."""
    pool = torch.from_numpy(unit(clumps(500)))
    kernel = {"rbf": greedy.rbf(1.0), "narrow": greedy.rbf(0.3), "cosine": lambda cos: (1 + cos) / 2}.get(
        name, lambda cos: (cos > 0.8).float()
    )
    weight = np.random.default_rng(1).uniform(size=500) if weighted else np.ones(500)
    weight = weight.astype(np.float32)
    looks, inner = list[int](), greedy._looked_up

    def counted(state: greedy.Cover, some: Any) -> Any:
        looks.append(len(some))
        found = inner(state, some)
        assert sum(len(where) for where, _ in state.near.values()) <= 500 * 40
        return found

    for limit, value in (("REMEMBERED", 500 * 40), ("BLOCK", 500 * 64), ("AT_ONCE", 1), ("_looked_up", counted)):
        monkeypatch.setattr(greedy, limit, value)
    for known in ((), (3, 400)):
        looks.clear()
        covered = finish(greedy._covered(pool, np.array(known, dtype=np.int64), kernel, "test"))
        state = greedy.Cover(pool, kernel, weight, covered)
        free = np.setdiff1d(np.arange(500), known)
        found, gains = finish(greedy.lazy_greedy(state, free, 150, 0.0, "test"))
        assert found.tolist() == plain(pool, weight, kernel, 150, known)
        assert (np.diff(gains) <= 1e-4 * gains[:-1]).all()  # never more than before
        assert max(looks) <= 64 and sum(looks) < 8 * 500  # of 75,000 that a plain greedy computes


@pytest.mark.parametrize("name", NAMES)
def test_greedy_is_within_its_bound_of_the_best(name: str) -> None:
    """At least 1 - 1/e of what the best of all sets of three gains."""
    for seed in range(3):
        x = rows(12, 3, seed=seed)
        labeled, y = ([0, 1], [0, 1]) if name == "uherding" else ([], None)
        kernel, weight = aims_of(name, x, labeled, y)[0]
        u = unit(x).astype(np.float64)
        k = np.array([[kernel(a, b) for b in u] for a in u])

        def value(chosen: Any, k: Any = k, weight: Any = weight, labeled: Any = labeled) -> float:
            return float(weight @ k[[*labeled, *chosen]].max(0))

        known = float(weight @ k[labeled].max(0)) if labeled else 0.0
        best = max(value(each) for each in combinations(range(12), 3)) - known
        found = pick(name, x, 3, labeled, y if y is None else np.array(y), delta=DELTA)
        reached = value(found.rows)
        assert reached - known >= (1 - 1 / np.e) * best
        assert found.info["coverage"] == pytest.approx(reached / weight.sum(), abs=2e-6)


def test_numbers_that_a_child_can_check() -> None:
    """Directions 0, 10, 20 (one clump), 90, 100 (another) and 200 degrees."""
    turned = np.deg2rad([0, 10, 20, 90, 100, 200])
    x = np.stack([np.cos(turned), np.sin(turned)], axis=1)
    delta = float(2 * np.sin(np.deg2rad(7)))  # 14 degrees
    found = pick("probcover", x, 3, delta=delta)
    assert found.rows.tolist() == [1, 3, 5] and found.info == {"coverage": 1.0, "delta": round(delta, 6)}
    assert pick("probcover", x, 2, [1], delta=delta).rows.tolist() == [3, 5]
    assert pick("probcover", x, 1, [1, 3], delta=delta).rows.tolist() == [5]
    copies = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [-1, 0]])
    for name in ("maxherding", "facility", "probcover"):
        assert pick(name, copies, 3).rows.tolist() == [0, 3, 5]
        assert pick(name, copies, 1, [0]).rows.tolist() == [3] and pick(name, copies, 1, [1, 4]).rows.tolist() == [5]


@pytest.mark.parametrize("name", NAMES)
def test_doubled_rows_are_chosen_once_and_the_copies_come_last_by_row(name: str) -> None:
    x = np.repeat(clumps(30, 6), 2, axis=0)[np.random.default_rng(0).permutation(60)]
    labeled, y = np.array([5, 8]), np.array([0, 1])
    found = pick(name, x, 58, labeled, y, delta=DELTA).rows
    kind = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    distinct = len(set(kind)) - len(set(kind[labeled]))
    first, last = found[:distinct], found[distinct:]
    assert len(set(kind[first])) == distinct and not set(kind[first]) & set(kind[labeled])
    assert last.tolist() == sorted(last.tolist()) and sorted(found) == sorted(set(range(60)) - {5, 8})
    lower = {each: min(np.flatnonzero(kind == each)) for each in set(kind[first])}
    assert first.tolist() == [lower[each] for each in kind[first]]  # of two copies the lower row


@pytest.mark.parametrize("value", [0.0, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_identical_rows_come_in_their_order(name: str, value: float) -> None:
    wanted = [1, 2, 3, 5, 6] if name != "uherding" else [2, 3, 4, 5, 6]
    labeled, y = ([0, 1], np.array([0, 1])) if name == "uherding" else ([0, 4], None)
    found = pick(name, np.full((7, 3), value), 5, labeled, y)
    assert found.rows.tolist() == wanted and found.info["coverage"] == pytest.approx(1, abs=1e-6)


def test_rows_of_zeros_are_like_each_other_only() -> None:
    x = np.concatenate([np.zeros((6, 3)), np.eye(3)[[0, 0, 0, 1]]])
    for name in ("maxherding", "facility", "probcover"):
        assert pick(name, x, 3, delta=DELTA).rows.tolist() == [0, 6, 9]
        assert pick(name, x, 1, [2], delta=DELTA).rows.tolist() == [6]


@pytest.mark.parametrize("name", ["maxherding", "facility", "probcover"])
def test_more_labels_go_on_with_the_same_order(name: str) -> None:
    """What was chosen first and is labeled now leads to what would have come next."""
    x = clumps(80, 8, seed=2)
    order = pick(name, x, 12, delta=DELTA).rows
    assert pick(name, x, 5, np.sort(order[:7]), delta=DELTA).rows.tolist() == order[7:].tolist()


def test_uherding_leaves_what_labels_cover() -> None:
    x = np.eye(8)[:4].repeat(10, axis=0) + 0.05 * rows(40, 8)
    found = pick("uherding", x, 2, [0, 1, 11, 12], np.array([0, 0, 1, 1]))
    assert set((found.rows // 10).tolist()) == {2, 3}


@pytest.mark.parametrize("name", NAMES)
def test_can_be_stopped_everywhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greedy, "QUIET", -1.0)
    x = clumps(60, 8)
    events = []
    step = start(name, x, 9)
    try:
        while True:
            events.append(next(step))
    except StopIteration as end:
        whole = end.value
    assert len(events) > 20 and all(isinstance(each, Progress) and each.done <= each.total for each in events)
    assert {each.step for each in events} >= {name, f"{name}: first look"}
    assert (events[-1].step, events[-1].done) == (name, events[-1].total)
    for after in range(1, len(events), 7):
        step = start(name, x, 9)
        for _ in range(after):
            next(step)
        step.close()
        with pytest.raises(StopIteration):
            next(step)
    assert pick(name, x, 9).rows.tolist() == whole.rows.tolist()


# ---- ProbCover's radius


def test_radius_is_the_largest_pure_one() -> None:
    """By trying all distances there are."""
    for n in (20, 50, 61):
        rng = np.random.default_rng(n)
        u = unit(rng.normal(size=(n, 3)).astype(np.float32))
        cluster = rng.integers(3, size=n)
        gaps = np.linalg.norm(u[:, None].astype(np.float64) - u[None], axis=2)
        pure = {
            delta: np.mean([(cluster[gaps[i] < delta] == cluster[i]).all() for i in range(n)])
            for delta in np.unique(gaps[gaps > 1e-6])
        }
        wanted = max(delta for delta, share in pure.items() if share >= 0.95)
        found = finish(probcover.radius(torch.from_numpy(u), torch.from_numpy(cluster), rng))
        assert found == pytest.approx(wanted, rel=2e-4) and found < wanted


def test_radius_of_a_part_is_near_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    u = torch.from_numpy(unit(clumps(2000, 8)))
    cluster = (u[:, 0] > 0).long()
    whole = finish(probcover.radius(u, cluster, np.random.default_rng(0)))
    monkeypatch.setattr(probcover, "BALLS", 500)
    part = finish(probcover.radius(u, cluster, np.random.default_rng(0)))
    gaps = (2 - 2 * (u @ u.T).masked_fill(cluster[:, None] == cluster[None], -1).amax(1)).sqrt()
    assert part != whole and abs(float((gaps >= part).float().mean()) - 0.95) < 0.03


def test_one_cluster_makes_every_ball_pure() -> None:
    u = torch.from_numpy(unit(rows(9)))
    assert 1.99 < finish(probcover.radius(u, torch.zeros(9, dtype=torch.int64), np.random.default_rng(0))) < 2


def test_number_of_kinds_is_the_option_or_the_labels_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    inner = probcover.kmeans

    def seen(pool: Any, k: int, rng: Any) -> Any:
        asked.append(k)
        return inner(pool, k, rng)

    monkeypatch.setattr(probcover, "kmeans", seen)
    x = rows(60, 3)
    pick("probcover", x, 3, classes=4)
    pick("probcover", x, 3, [1, 2, 3], np.array([5, 7, 9]))
    pick("probcover", x, 3, [1, 2], np.array([5, 5]))
    pick("probcover", x, 3)
    pick("probcover", x[:4], 2)
    pick("probcover", x, 3, delta=0.5)
    assert asked == [4, 3, 10, 10, 4]


def test_finds_each_clump_with_the_radius_it_chooses() -> None:
    x = np.repeat(np.eye(6, dtype=np.float32)[:4], 15, axis=0) + 0.05 * rows(60, 6)
    for name in ("probcover", "maxherding", "facility"):
        assert sorted((pick(name, x, 4, classes=4).rows // 15).tolist()) == [0, 1, 2, 3]


# ---- UHerding's weights


def test_uncertainty_is_one_less_the_margin_of_the_scaled_model() -> None:
    """Against scikit-learn's logistic regression, row by row."""
    x, labeled = rows(50, 6), np.arange(0, 50, 3)
    y = (x[labeled, 0] > 0).astype(np.int64) + 2 * (x[labeled, 1] > 0.3)
    u = unit(x)
    found, temperature = finish(herding.uncertainty(torch.from_numpy(u), labeled, y, np.random.default_rng(0)))
    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=5000, tol=1e-8)
    model.fit(u[labeled].astype(np.float64), y)
    for i, logits in enumerate(model.decision_function(u.astype(np.float64))):
        p = np.exp(logits / temperature - (logits / temperature).max())
        second, first = np.sort(p / p.sum())[-2:]
        assert found[i] == pytest.approx(1 - (first - second), abs=2e-3)
    assert found.dtype == np.float32 and found.min() > 0 and found.max() <= 1


def test_temperature_calibrates() -> None:
    """Labels by lot make it hot: the model must not be sure. Labels that follow the features leave it cool."""
    x = torch.from_numpy(unit(rows(90, 12, seed=1)))
    told = (x[:, 0] > 0).long().numpy()
    lot = np.random.default_rng(0).integers(2, size=90)
    hot, cool = (finish(herding._temperature(x, y, np.random.default_rng(0))) for y in (lot, told))
    assert hot > 5 > 1 > cool
    two = torch.eye(2).repeat_interleave(3, dim=0)  # six right answers are not enough to be sure of all
    assert finish(herding._temperature(two, np.repeat([0, 1], 3), np.random.default_rng(0))) > 0.2
    assert finish(herding._temperature(x[:3], np.arange(3), np.random.default_rng(0))) == 1.0


def test_log_loss_is_the_formula() -> None:
    logits, y = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]]), torch.tensor([0, 1])
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    target = 0.9 * np.eye(3)[y.numpy()] + 0.1 / 3
    assert herding.log_loss(logits, y, 0.1) == pytest.approx(float(-(target * np.log(p)).sum(1).mean()), rel=1e-5)


def test_what_is_unsure_counts_more() -> None:
    """Of two clumps of the same size the one between the two classes comes first, though it has the higher rows."""
    directions = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0.9], [1, 1, 0.9]], dtype=np.float32)
    x = np.repeat(unit(directions), 12, axis=0) + 0.02 * rows(48, 3)
    labeled, y = [0, 1, 2, 12, 13, 14], np.array([0, 0, 0, 1, 1, 1])
    assert pick("uherding", x, 1, labeled, y).rows[0] // 12 == 3


def test_width_is_the_least_distance_of_labeled_images_that_are_no_copies() -> None:
    turned = np.deg2rad([0, 0, 40, 70, 180])
    x = np.stack([np.cos(turned), np.sin(turned)], axis=1)
    for labeled, degrees in (([0, 2, 4], 40), ([0, 1, 2, 3], 30), ([1, 3], 70)):
        found = pick("uherding", x, 1, labeled, np.arange(len(labeled)))
        assert found.info["sigma"] == pytest.approx(2 * np.sin(np.deg2rad(degrees / 2)), abs=1e-5)
    assert pick("uherding", x, 1, [0, 1], np.array([0, 1])).info["sigma"] == herding.SIGMA


def test_uherding_needs_labels_of_two_classes() -> None:
    for y in (None, np.array([1, 1])):
        with pytest.raises(ConfigError, match="two classes"):
            finish(herding.uherding(rows(9), 2, np.array([0, 1]), y, np.random.default_rng(0)))
