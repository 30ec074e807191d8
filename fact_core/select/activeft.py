"""ActiveFT (Xie et al., CVPR 2023): picks that look like the pool and keep apart from each other.

The objective is that of the authors' code (method.md 1.3), with its gradient in closed
form (1.4): no autograd, and nothing of size N x K is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.nn.functional import normalize, softplus

from fact_core.events import Progress
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step

#: Floats of a similarity block: small enough for a CPU's cache to help, large enough for the product to be quick.
BLOCK = 1 << 22
#: Most similar rows that are remembered for each centroid.
TOP = 32


@dataclass(frozen=True)
class Gradient:
    """One evaluation. loss: mean over rows; grad [K,C]; weight (K,): the pull W_j of each centroid's cluster."""

    loss: float
    grad: Tensor
    weight: Tensor


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray,
    rng: np.random.Generator,
    *,
    iterations: int = 300,
    temperature: float = 0.07,
    balance: float = 1.0,
    lr: float = 1e-3,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` unlabeled rows of the features x [N,C], the centroid with the largest cluster first.

    Images that are labeled already take part as centroids that stay where they are, so
    that new picks cover what they leave. ``labeled_y`` is not used. temperature is tau and
    balance is lambda of the paper. The same ``rng`` state gives the same picks on one device.
    Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = normalize(torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device), dim=1)
    if budget == len(free):
        order = np.argsort(-(pool @ pool.mean(0)).cpu().numpy()[free], kind="stable")
        yield Progress("activeft", 1, 1, "steps")
        return Picks(free[order], free[:0], {"note": "the budget takes every image"})
    fixed = pool[torch.from_numpy(np.asarray(labeled_rows, dtype=np.int64)).to(device)]
    theta = pool[torch.from_numpy(rng.choice(free, budget, replace=False)).to(device)].clone()
    adam = torch.optim.Adam([theta], lr=lr, betas=(0.9, 0.999), eps=1e-8)
    start, losses = time.monotonic(), []
    for step in range(iterations):
        found = gradient(pool, theta, fixed, temperature, balance)
        theta.grad = found.grad
        adam.step()
        losses.append(found.loss)
        rate = (step + 1) / max(time.monotonic() - start, 1e-9)
        yield Progress("activeft", step + 1, iterations, "steps", rate, (iterations - step - 1) / rate)
    weight = gradient(pool, theta, fixed, temperature, balance).weight.cpu().numpy()
    rows, more = _nearest_free(pool, normalize(theta, dim=1), weight, free, spare(budget, len(free)))
    info = {"loss_first": losses[0], "loss": losses[-1], "empty_clusters": int((weight == 0).sum())}
    return Picks(rows, more, info)


@torch.no_grad()
def gradient(pool: Tensor, theta: Tensor, fixed: Tensor, tau: float, balance: float) -> Gradient:
    """Loss and gradient for unit rows pool [N,C], centroids theta [K,C] and unit fixed centroids [L,C].

    loss = mean_i log(1 + lambda R_c(i) exp(-s_i)) with s_i = f_i . u_c(i) / tau,
    R_j = sum_k exp(sg(u_k) . u_j / tau); c(i) is the most similar centroid.
    """
    length = theta.norm(dim=1, keepdim=True).clamp_min(1e-12)
    u = theta / length
    everyone = torch.cat([u, fixed])
    best, cluster = _assign(pool, everyone)
    log_r, mean_other = _repulsion(everyone, tau)
    # log lambda + log R - s, so that nothing overflows: s is at most 1/tau.
    gap = log_r[cluster] - best / tau + float(np.log(balance))
    w = torch.sigmoid(gap)
    count = len(theta)
    pull, weight = _cluster_sums(pool, w, cluster, len(everyone))
    g = (weight[:count, None] * mean_other[:count] - pull[:count]) / (len(pool) * tau)
    grad = (g - (g * u).sum(1, keepdim=True) * u) / length
    return Gradient(float(softplus(gap).mean()), grad, weight[:count])


def _assign(pool: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
    """(similarity (N,), index (N,)) of each row's most similar centroid, block by block."""
    rows = max(1, BLOCK // len(centroids))
    found = [(block @ centroids.T).max(dim=1) for block in pool.split(rows)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def _repulsion(u: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """(log R (K,), V (K,C)): R_j = sum_k exp(u_k.u_j / tau), V_j the mean of the u_k weighted by those terms."""
    log_r, mean = [], []
    for block in u.split(max(1, BLOCK // len(u))):
        e = torch.exp((block @ u.T - 1) / tau)  # the shift by the largest possible term keeps float32 safe
        total = e.sum(1, keepdim=True)
        log_r.append(total[:, 0].log() + 1 / tau)
        mean.append((e @ u) / total)
    return torch.cat(log_r), torch.cat(mean)


def _cluster_sums(pool: Tensor, w: Tensor, cluster: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(sum of w_i f_i [K,C], sum of w_i (K,)) of each cluster."""
    weight = pool.new_zeros(count).index_add_(0, cluster, w)
    if pool.is_cuda:
        sums = pool.new_zeros(count, pool.shape[1])
        return sums.index_add_(0, cluster, pool * w[:, None]), weight
    # On a CPU a sparse product is several times faster than index_add.
    n = len(pool)
    spread = scipy.sparse.csr_matrix((w.numpy(), (cluster.numpy(), np.arange(n))), shape=(count, n))
    return torch.from_numpy(np.asarray(spread @ pool.numpy())), weight


def _nearest_free(pool: Tensor, u: Tensor, weight: FloatArray, free: IntArray, more: int) -> tuple[IntArray, IntArray]:
    """The images nearest to the centroids (K,), heaviest cluster first, and ``more`` further ones.

    As in the authors' code each centroid in turn takes its most similar image that is not
    taken yet; ours then orders them by the weight of their clusters.
    """
    taken = np.ones(len(pool), dtype=bool)
    taken[free] = False
    nearest = [_ranked(pool, each, taken) for each in _centroid_blocks(pool, u)]
    lists = [each for block in nearest for each in block]
    rows = np.array([_take(pool, u[j], lists[j], taken) for j in range(len(u))], dtype=np.int64)
    order = np.argsort(-weight, kind="stable")
    spares = [_take(pool, u[j], lists[j], taken) for j in np.resize(order, more)]
    return rows[order], np.array(spares, dtype=np.int64)


def _centroid_blocks(pool: Tensor, u: Tensor) -> Iterator[Tensor]:
    yield from u.split(max(1, 8 * BLOCK // len(pool)))


def _ranked(pool: Tensor, u: Tensor, taken: np.ndarray[Any, np.dtype[np.bool_]]) -> list[IntArray]:
    """For each centroid its TOP most similar rows, best first."""
    similarity = u @ pool.T
    similarity[:, torch.from_numpy(taken).to(pool.device)] = -2.0
    top = similarity.topk(min(TOP, len(pool)), dim=1).indices.cpu().numpy()
    return list(top.astype(np.int64))


def _take(pool: Tensor, u: Tensor, ranked: IntArray, taken: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    """The first row of the list that is not taken; marks it. When all are taken, all rows are looked at again."""
    left = ranked[~taken[ranked]]
    if len(left):
        row = int(left[0])
    else:
        similarity = (pool @ u).cpu().numpy()
        similarity[taken] = -np.inf
        row = int(similarity.argmax())
    taken[row] = True
    return row
