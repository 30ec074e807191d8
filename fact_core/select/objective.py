"""ActiveFT's objective and its gradient (Xie et al. 2023) in closed form; nothing of size N x K is kept.

Two parts: what the rows ask of the centroids (``pull``: one pass over the pool) and how the centroids keep apart
(``repulsion``: centroids only). The first changes slowly, so that a caller may use it for several steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.nn.functional import softplus

#: Floats of a similarity block: small enough for a CPU's cache to help, large enough for the product to be quick.
BLOCK = 1 << 22
GPU_BLOCK = 1 << 27
VARIANTS = ("code", "paper")


@dataclass(frozen=True)
class Pull:
    """What N rows ask of K centroids at one place of these.

    loss: mean over the rows; sums [K,C]: of w_i f_i over each centroid's rows; weight (K,): of w_i; cluster (N,);
    n: rows.
    """

    loss: float
    sums: Tensor
    weight: Tensor
    cluster: Tensor
    n: int


def pull(
    pool: Tensor,
    u: Tensor,
    tau: float,
    balance: float,
    *,
    variant: str = "code",
    log_weights: Tensor | None = None,
    short: bool = False,
) -> Pull:
    """One pass over unit rows pool [N,C] with unit centroids u [K,C].

    code:  loss = mean_i log(1 + lambda R_c(i) exp(-s_i) / v_i) with s_i = f_i . u_c(i) / tau and
           R_j = sum_k exp(sg(u_k) . u_j / tau), c(i) the most similar centroid (the authors' code);
           w_i = sigmoid(log lambda + log R - s_i - log v_i).
    paper: loss = -mean_i s_i + lambda mean_j log sum_{k != j} exp(u_j . u_k / tau) (the printed equation); w_i = 1.
    log_weights (N,): log v_i. short: bf16 for the assignment (its scores are computed in fp32 all the same).
    """
    cluster = assign(pool, u, short=short)
    s = scores(pool, u, cluster) / tau
    if variant == "paper":
        apart = _log_others(u, tau).mean() * balance if len(u) > 1 else 0.0
        w, loss = torch.ones_like(s), float(-s.mean() + apart)
    else:
        log_r = log_repulsion(u, tau)
        # log lambda + log R - s, so that nothing overflows: s is at most 1/tau.
        gap = log_r[cluster] - s + float(np.log(balance))
        gap = gap if log_weights is None else gap - log_weights
        w, loss = torch.sigmoid(gap), float(softplus(gap).mean())
    sums, weight = _cluster_sums(pool, w, cluster, len(u))
    return Pull(loss, sums, weight, cluster, len(pool))


def gradient(theta: Tensor, fixed: Tensor, found: Pull, tau: float, balance: float, variant: str = "code") -> Tensor:
    """Gradient [K,C] for centroids theta [K,C], not of unit length; ``fixed`` [L,C] ones, of unit length, stay.

    ``found`` is of [theta; fixed], from here or from a place near it.
    """
    count, length = len(theta), theta.norm(dim=1, keepdim=True).clamp_min(1e-12)
    u = theta / length
    everyone = torch.cat([u, fixed])
    if variant == "paper":
        g = balance * _repulsion_both(everyone, tau)[:count] - found.sums[:count] / (found.n * tau)
    else:
        _, mean_other = repulsion(everyone, tau)
        g = (found.weight[:count, None] * mean_other[:count] - found.sums[:count]) / (found.n * tau)
    grad: Tensor = (g - (g * u).sum(1, keepdim=True) * u) / length
    return grad


def assign(pool: Tensor, u: Tensor, *, short: bool = False) -> Tensor:
    """(N,) index of each row's most similar centroid, block by block."""
    columns = (u.to(torch.bfloat16) if short else u).T.contiguous()
    rows = max(1, (GPU_BLOCK if pool.is_cuda else BLOCK) // len(u))
    return torch.cat([(block.to(columns.dtype) @ columns).argmax(dim=1) for block in pool.split(rows)])


def scores(pool: Tensor, u: Tensor, cluster: Tensor) -> Tensor:
    """(N,) similarity of each row to its centroid, in the rows' precision."""
    rows = max(1, BLOCK // pool.shape[1])
    parts = zip(pool.split(rows), cluster.split(rows), strict=True)
    return torch.cat([(block * u[each]).sum(1) for block, each in parts])


def repulsion(u: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """(log R (K,), V [K,C]): R_j = sum_k exp(u_k . u_j / tau), V_j the mean of the u_k weighted by those terms."""
    log_r, mean = [], []
    for e, total in _terms(u, tau):
        log_r.append(total[:, 0].log() + 1 / tau)
        mean.append((e @ u) / total)
    return torch.cat(log_r), torch.cat(mean)


def log_repulsion(u: Tensor, tau: float) -> Tensor:
    """The first of ``repulsion`` alone, at half the cost."""
    return torch.cat([total[:, 0].log() + 1 / tau for _, total in _terms(u, tau)])


def _terms(u: Tensor, tau: float) -> Iterator[tuple[Tensor, Tensor]]:
    """(exp((u_j . u_k - 1) / tau) [B,K], its sums [B,1]) of a block of rows after the other."""
    for block in u.split(max(1, (GPU_BLOCK if u.is_cuda else BLOCK) // len(u))):
        # The shift by the largest possible term, 1/tau, keeps float32 safe.
        e = torch.addmm(u.new_full((1, 1), -1 / tau), block, u.T, alpha=1 / tau).exp_()
        yield e, e.sum(1, keepdim=True)


def _others(u: Tensor, block: Tensor, start: int, tau: float) -> Tensor:
    """[B,K] exp((u_j . u_k - 1) / tau) of a block of rows, without the terms k = j."""
    e = torch.exp((block @ u.T - 1) / tau)
    e.diagonal(start).zero_()
    return e


def _log_others(u: Tensor, tau: float) -> Tensor:
    """(K,) log sum_{k != j} exp(u_j . u_k / tau)."""
    rows = max(1, BLOCK // len(u))
    parts = [_others(u, u[start : start + rows], start, tau).sum(1) for start in range(0, len(u), rows)]
    return torch.cat(parts).clamp_min(1e-30).log() + 1 / tau


def _repulsion_both(u: Tensor, tau: float) -> Tensor:
    """[K,C] gradient of mean_j log sum_{k != j} exp(u_j . u_k / tau), both sides learning (the paper's equation)."""
    if len(u) < 2:
        return torch.zeros_like(u)
    log_sum, rows = _log_others(u, tau), max(1, BLOCK // len(u))
    out = torch.zeros_like(u)
    for start in range(0, len(u), rows):
        end = min(start + rows, len(u))
        share = _others(u, u[start:end], start, tau) * torch.exp(1 / tau - log_sum[start:end])[:, None]
        out[start:end] += share @ u
        out += share.T @ u[start:end]
    return out / (len(u) * tau)


def _cluster_sums(pool: Tensor, w: Tensor, cluster: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(sum of w_i f_i [K,C], sum of w_i (K,)) of each cluster."""
    if pool.is_cuda:
        # Not index_add: it adds in any order on a GPU, and the same seed would not give the same images.
        sums = pool.new_zeros(count, pool.shape[1]).index_put_((cluster,), pool * w[:, None], accumulate=True)
        return sums, pool.new_zeros(count).index_put_((cluster,), w, accumulate=True)
    weight = pool.new_zeros(count).index_add_(0, cluster, w)
    # On a CPU a sparse product is several times faster than index_add. By columns, each with its one weight, nothing
    # has to be sorted, and the rows of the pool are read one after the other.
    n = len(pool)
    spread = scipy.sparse.csc_matrix((w.numpy(), cluster.numpy(), np.arange(n + 1)), shape=(count, n))
    return torch.from_numpy(np.asarray(spread @ pool.numpy())), weight
