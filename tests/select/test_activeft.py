"""ActiveFT: numbers that a child can check, and the gradient against a literal autograd oracle."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fact_core.errors import ConfigError, InputError
from fact_core.generators import finish
from fact_core.select import activeft, nearest, objective, random
from fact_core.select.picks import Picks

NONE = np.zeros(0, dtype=np.int64)


def run(x, budget, seed=0, labeled=NONE, select=activeft.select, **options) -> Picks:
    step = select(np.asarray(x, np.float32), budget, labeled, NONE, np.random.default_rng(seed), **options)
    try:
        while True:
            next(step)
    except StopIteration as end:
        return end.value


def oracle_loss(pool, theta, fixed, tau, balance, log_weights=0.0):
    """The authors' objective, term by term, on the autograd tape."""
    u = torch.cat([normalize(theta, dim=1), fixed])
    s = pool @ u.T / tau
    winner = s.argmax(1)
    positive = s.gather(1, winner[:, None])[:, 0] + log_weights
    others = torch.exp(u.detach() @ u.T / tau).sum(0)  # over k, the detached side
    return -(positive - torch.log(torch.exp(positive) + balance * others[winner])).mean()


def paper_loss(pool, theta, fixed, tau, balance):
    """The printed equation: both sides of the repulsion learn, and a centroid does not repel itself."""
    u = torch.cat([normalize(theta, dim=1), fixed])
    apart = torch.stack([torch.exp((u[j] @ u.T / tau)[torch.arange(len(u)) != j]).sum().log() for j in range(len(u))])
    return -(pool @ u.T / tau).max(1).values.mean() + balance * apart.mean()


def closed_form(pool, theta, fixed, balance=1.0, variant="code", log_weights=None):
    """(loss, gradient) as the program computes them."""
    u = torch.cat([normalize(theta, dim=1), fixed])
    found = objective.pull(pool, u, 0.07, balance, variant=variant, log_weights=log_weights)
    return found.loss, objective.gradient(theta, fixed, found, 0.07, balance, variant)


def three_clumps(per=20, dims=6, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([np.eye(dims)[k] + 0.05 * rng.normal(size=(per, dims)) for k in range(3)])


def blobs(n, dims=12, centres=30, seed=0):
    """Rows around random centres."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(centres, dims))[rng.integers(centres, size=n)] + 0.4 * rng.normal(size=(n, dims))).astype(
        np.float32
    )


@pytest.mark.parametrize("labeled", [0, 3])
@pytest.mark.parametrize("case", ["code", "weights", "paper"])
def test_gradient_equals_autograd(labeled, case, monkeypatch):
    generator = torch.Generator().manual_seed(1)
    pool = normalize(torch.randn(60, 7, generator=generator, dtype=torch.float64), dim=1)
    theta = (pool[10:18] * 1.7).clone().requires_grad_(True)
    fixed = pool[:labeled]
    weights = torch.randn(60, generator=generator, dtype=torch.float64) if case == "weights" else None
    given = (pool, theta, fixed, 0.07, 0.6)
    loss = paper_loss(*given) if case == "paper" else oracle_loss(*given, 0.0 if weights is None else weights)
    loss.backward()
    variant = "paper" if case == "paper" else "code"
    for block in (objective.BLOCK, 20):  # whole, and in blocks of a few rows
        monkeypatch.setattr(objective, "BLOCK", block)
        found, grad = closed_form(pool, theta.detach(), fixed, 0.6, variant, weights)
        assert found == pytest.approx(float(loss.detach()), rel=1e-10)
        assert torch.allclose(grad, theta.grad, atol=1e-11)


def test_one_centroid_repels_nobody():
    pool = normalize(torch.randn(9, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    loss, grad = closed_form(pool, pool[:1].clone(), pool[:0], variant="paper")
    assert loss == pytest.approx(float(-(pool @ pool[0]).mean() / 0.07), rel=1e-5) and grad.isfinite().all()


def test_short_numbers_only_choose():
    """bf16 may take another centroid where two are as near; the scores themselves are those of float32."""
    pool = normalize(torch.randn(400, 32, generator=torch.Generator().manual_seed(0)), dim=1)
    exact, short = (objective.pull(pool, pool[:20], 0.07, 1.0, short=each) for each in (False, True))
    assert (exact.cluster == short.cluster).float().mean() > 0.97
    assert short.loss == pytest.approx(exact.loss, rel=1e-4)


def test_whole_path_equals_the_oracle():
    """Thirty Adam steps by autograd and the authors' full sort give the same images."""
    x = np.random.default_rng(3).normal(size=(80, 6)).astype(np.float32)
    found = run(x, 10, seed=5, iterations=30, every=1)
    pool = normalize(torch.from_numpy(x), dim=1)
    theta = pool[torch.from_numpy(np.random.default_rng(5).choice(np.arange(80), 10, replace=False))].clone()
    theta.requires_grad_(True)
    adam = torch.optim.Adam([theta], lr=1e-3)
    for _ in range(30):
        adam.zero_grad()
        oracle_loss(pool, theta, pool[:0], 0.07, 1.0).backward()
        adam.step()
    order = (normalize(theta.detach(), dim=1) @ pool.T).argsort(dim=1, descending=True)
    wanted: list[int] = []
    for row in order.tolist():
        wanted.append(next(each for each in row if each not in wanted))
    assert sorted(found.rows) == sorted(wanted)


def test_one_pick_a_clump_and_the_largest_first():
    x = np.concatenate([three_clumps(), three_clumps(seed=1)[:20]])  # the first clump has 40, the others 20
    found = [run(x, 3, seed=seed) for seed in range(4)]
    best = min(found, key=lambda each: each.info["loss"])
    clump = np.array([0] * 20 + [1] * 20 + [2] * 20 + [0] * 20)
    assert sorted(clump[best.rows]) == [0, 1, 2] and clump[best.rows[0]] == 0


def test_same_seed_same_picks():
    x = three_clumps()
    assert (run(x, 5, seed=2).rows == run(x, 5, seed=2).rows).all()


@pytest.mark.parametrize("select", [activeft.select, random.select])
@pytest.mark.parametrize("budget", [1, 7, 60])
def test_picks_are_distinct_and_spares_are_others(select, budget):
    found = run(three_clumps(), budget, select=select)
    both = np.concatenate([found.rows, found.next_best])
    assert len(found.rows) == budget and len(set(both.tolist())) == len(both)
    assert len(found.next_best) == min(max(budget, 20), 60 - budget)


@pytest.mark.parametrize("select", [activeft.select, random.select])
def test_labeled_images_are_left_out(select):
    labeled = np.arange(0, 30)
    found = run(three_clumps(), 10, labeled=labeled, select=select)
    assert not set(found.rows.tolist() + found.next_best.tolist()) & set(labeled.tolist())


def test_new_picks_cover_what_the_labeled_leave():
    labeled = np.array([0, 25])  # clumps 0 and 1 have a label
    found = [run(three_clumps(), 1, seed=seed, labeled=labeled).rows[0] // 20 for seed in range(5)]
    assert found.count(2) >= 1 and found.count(2) >= found.count(0)


@pytest.mark.parametrize("n", [1, 2, 14])
def test_identical_images(n):
    found = run(np.ones((n, 4)), n)
    assert sorted(found.rows) == list(range(n))
    if n > 2:
        assert len(set(run(np.ones((n, 4)), 2).rows.tolist())) == 2


@pytest.mark.slow
def test_fewer_passes_reach_the_same_loss(monkeypatch):
    """Within 0.5 % of a pass at every step, and where a pass costs nothing there is one."""
    passes = []
    once = activeft.pull
    monkeypatch.setattr(activeft, "pull", lambda *a, **k: passes.append(1) or once(*a, **k))
    x = blobs(3000, dims=64)
    exact = [run(x, 100, seed=seed, every=1).info["loss"] for seed in range(2)]
    assert len(passes) == 2 * 301
    passes.clear()
    lazy = [run(x, 100, seed=seed).info["loss"] for seed in range(2)]
    assert len(passes) < 2 * 40 and np.mean(lazy) < 1.005 * np.mean(exact)
    passes.clear()
    run(x[:500], 20)
    assert len(passes) == 301


def test_a_large_pool_is_seen_in_parts(monkeypatch):
    x = blobs(600)
    whole = run(x, 12, iterations=100).info["loss"]
    monkeypatch.setattr(activeft, "PART", 200)
    step = activeft.select(x, 12, NONE, NONE, np.random.default_rng(0))
    events = []
    try:
        while True:
            events.append(next(step))
    except StopIteration as end:
        found = end.value
    steps = [each for each in events if each.step == "activeft"]
    assert steps[-1].done == steps[-1].total == 100
    assert len(set(found.rows.tolist())) == 12 and found.info["loss"] < whole * 1.1  # of all rows, not of a part


@pytest.mark.slow
def test_the_best_of_some_starts():
    x = blobs(300)
    lone = [run(x, 8, seed=seed).info["loss"] for seed in range(4)]
    assert run(x, 8, restarts=6).info["loss"] <= min(lone[0], np.mean(lone))


def test_kmeans_plus_plus_starts_in_every_clump():
    rng = np.random.default_rng(0)
    tight = np.repeat(np.eye(6)[:3], 50, axis=0) + 0.01 * rng.normal(size=(150, 6))
    pool = normalize(torch.from_numpy(tight.astype(np.float32)), dim=1)
    for _ in range(5):
        theta = finish(activeft._starts("k-means++", pool, np.arange(150), pool[:0], 3, rng))
        assert sorted(theta.argmax(1).tolist()) == [0, 1, 2]
        left = finish(activeft._starts("k-means++", pool, np.arange(1, 149), pool[[0, 149]], 1, rng))
        assert left.argmax(1).tolist() == [1]  # the others have a label already
    assert len(finish(activeft._starts("k-means++", pool[:1].repeat(9, 1), np.arange(9), pool[:0], 9, rng))) == 9


def test_a_step_can_be_stopped():
    step = activeft.select(blobs(200), 5, NONE, NONE, np.random.default_rng(0))
    next(step)
    step.close()
    with pytest.raises(StopIteration):
        next(step)


def test_unknown_variants_are_refused():
    for name, value in (("variant", "books"), ("start", "end")):
        with pytest.raises(ConfigError, match=value):
            run(three_clumps(), 3, **{name: value})


def test_the_paper_variant_covers_too():
    rows = run(three_clumps(), 3, variant="paper", start="k-means++").rows
    assert sorted(rows // 20) == [0, 1, 2]


def test_nearest_images_are_those_of_a_full_sort(monkeypatch):
    rng = np.random.default_rng(0)
    pool, u = (normalize(torch.from_numpy(rng.normal(size=(n, 5)).astype(np.float32)), dim=1) for n in (60, 12))
    monkeypatch.setattr(nearest, "TOP", 3)  # so that lists run out
    free, weight = np.arange(5, 60), np.arange(12.0)
    rows, spares = finish(nearest.nearest_free(pool, u, weight, free, 8))
    taken = set(range(5))
    wanted = []
    for j in range(12):
        wanted.append(next(r for r in (u[j] @ pool.T).argsort(descending=True).tolist() if r not in taken))
        taken.add(wanted[-1])
    assert rows.tolist() == wanted[::-1]
    for j in range(11, 3, -1):
        spare = next(r for r in (u[j] @ pool.T).argsort(descending=True).tolist() if r not in taken)
        taken.add(spare)
        assert spare == spares[11 - j]


def test_more_centroids_than_remembered_neighbours():
    """When all TOP neighbours are taken the rest is looked at."""
    found = run(np.ones((80, 4)), 70, iterations=2)
    assert len(set(found.rows.tolist())) == 70


@pytest.mark.parametrize("select", [activeft.select, random.select])
def test_errors(select):
    x = three_clumps()
    with pytest.raises(ConfigError, match="at least 1"):
        run(x, 0, select=select)
    with pytest.raises(ConfigError, match="61 of 60"):
        run(x, 61, select=select)
    x[4, 2] = np.nan
    with pytest.raises(InputError, match="row 4"):
        run(x, 3, select=select)


def test_better_than_random_at_covering():
    """The mean similarity of an image to its nearest pick is higher than for random picks."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(12, 16)), 15, axis=0) + 0.3 * rng.normal(size=(180, 16))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cover = lambda rows: float((unit @ unit[rows].T).max(1).mean())  # noqa: E731
    ours = np.mean([cover(run(x, 12, seed=s).rows) for s in range(3)])
    lot = np.mean([cover(run(x, 12, seed=s, select=random.select).rows) for s in range(3)])
    assert ours > lot


def test_the_pull_asks_for_half_of_the_repulsion_and_both_halves_agree() -> None:
    u = normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    log_r, mean = objective.repulsion(u, 0.07)
    assert torch.equal(objective.log_repulsion(u, 0.07), log_r)
    e = torch.exp(u @ u.T / 0.07)
    assert torch.allclose(log_r, e.sum(1).log(), atol=1e-4)
    assert torch.allclose(mean, e @ u / e.sum(1, keepdim=True), atol=1e-5)


def test_what_a_centroid_thinks_of_itself_is_left_out_in_every_block() -> None:
    u = normalize(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    whole = torch.exp((u @ u.T - 1) / 0.5).fill_diagonal_(0)
    assert torch.allclose(torch.cat([objective._others(u, u[i : i + 3], i, 0.5) for i in (0, 3, 6)]), whole)
