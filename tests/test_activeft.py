"""ActiveFT: numbers that a child can check, and the gradient against a literal autograd oracle."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fact_core.errors import ConfigError, InputError
from fact_core.select import activeft, random
from fact_core.select.picks import Picks

NONE = np.zeros(0, dtype=np.int64)


def run(x, budget, seed=0, labeled=NONE, select=activeft.select, **options) -> Picks:
    step = select(np.asarray(x, np.float32), budget, labeled, NONE, np.random.default_rng(seed), **options)
    try:
        while True:
            next(step)
    except StopIteration as end:
        return end.value


def oracle_loss(pool, theta, fixed, tau, balance):
    """The authors' objective, term by term, on the autograd tape (method.md 1.3)."""
    u = torch.cat([normalize(theta, dim=1), fixed])
    s = pool @ u.T / tau
    winner = s.argmax(1)
    positive = s.gather(1, winner[:, None])[:, 0]
    others = torch.exp(u.detach() @ u.T / tau).sum(0)  # over k, the detached side
    return -(positive - torch.log(torch.exp(positive) + balance * others[winner])).mean()


def three_clumps(per=20, dims=6, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([np.eye(dims)[k] + 0.05 * rng.normal(size=(per, dims)) for k in range(3)])


@pytest.mark.parametrize("labeled", [0, 3])
def test_gradient_equals_autograd(labeled):
    generator = torch.Generator().manual_seed(1)
    pool = normalize(torch.randn(60, 7, generator=generator, dtype=torch.float64), dim=1)
    theta = (pool[10:18] * 1.7).clone().requires_grad_(True)
    fixed = pool[:labeled]
    loss = oracle_loss(pool, theta, fixed, 0.07, 1.0)
    loss.backward()
    found = activeft.gradient(pool, theta.detach(), fixed, 0.07, 1.0)
    assert found.loss == pytest.approx(float(loss.detach()), rel=1e-10)
    assert torch.allclose(found.grad, theta.grad, atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    pool = normalize(torch.randn(50, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    whole = activeft.gradient(pool, pool[:9].clone(), pool[:0], 0.07, 1.0)
    monkeypatch.setattr(activeft, "BLOCK", 20)
    parts = activeft.gradient(pool, pool[:9].clone(), pool[:0], 0.07, 1.0)
    assert torch.allclose(whole.grad, parts.grad, atol=1e-7) and whole.loss == pytest.approx(parts.loss)


def test_whole_path_equals_the_oracle():
    """Thirty Adam steps by autograd and the authors' full sort give the same images."""
    x = np.random.default_rng(3).normal(size=(80, 6)).astype(np.float32)
    found = run(x, 10, seed=5, iterations=30)
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
