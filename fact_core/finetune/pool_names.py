"""What the images of the pool are called by a classifier and their neighbours together (pseudo-labels).

A network that saw few labels is sure of much that it gets wrong. Its answers are therefore smoothed over a graph of
neighbours, multiplied by what the labels say that spread over the same graph, and drawn towards the shares that the
classes probably have. Of 5,000 images of CIFAR-10, 50 labels, this named 63.8 % rightly where the network alone named
59.3, and 80.9 % of the surest half where the network's surest half had 76.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from fact_core.analysis import graph, novelty, prior
from fact_core.events import Decision
from fact_core.finetune.probe import by_logistic_regression
from fact_core.generators import finish, quietly
from fact_core.lightweight.folds import folds, smallest_class, together
from fact_core.phase_config import PCA_IMAGES
from fact_core.types import IntArray, Step

SURE = 0.5  # of the images that are named as a class the surest so many teach
MORE, FEW, MANY = 0.8, 5, 40  # so many where names are better: from MANY labels a class on, fewer down to FEW
PROBE_C = 10.0  # of the logistic regression that answers where there is no network yet
MOST_FOLDS = 5
ERRORS = 2.0  # that speak against the pool: 39 of 40 times not by chance
LOOKED_AT = 5000  # images of the pool that are enough to ask whether neighbours help


@dataclass(frozen=True)
class LeftOut:
    """How many of n labels left out were named rightly with the pool and without it. worse: by more than chance."""

    with_pool: int
    without: int
    n: int
    worse: bool


def called(answers: Tensor, seen: Tensor, labelled: Tensor, y: Tensor) -> Step[Tensor]:
    """Probabilities (m, K) of the classes for m images of the pool, on the CPU. Classes without a label get none.

    answers (m, K): a classifier's log-probabilities; seen (m, D): the features that it read; labelled (n, D): those of
    the labelled images, whose classes are y (n,). Yields Progress of the search for neighbours.
    """
    n, known = len(y), torch.unique(y)
    weights = yield from graph.affinity(graph.space(torch.cat([labelled, seen]).float().numpy()))
    mine = torch.searchsorted(known, y).numpy()
    network = graph.shares(answers.double().exp()[:, known].numpy())
    both = _together(weights, np.arange(n), mine, np.concatenate([np.eye(len(known))[mine], network]))
    found = torch.zeros(answers.shape, dtype=torch.float32)
    found[:, known] = torch.from_numpy(both[n:]).float()
    return found


def left_out(
    x: Tensor, y: Tensor, pool: Tensor, generator: torch.Generator, groups: IntArray | None = None
) -> Step[LeftOut | None]:
    """Whether the pool's neighbours name images worse than a logistic regression does, by cross-validation.

    x (n, D), y (n,): pretrained features and classes of the labelled images; pool (m, D): features of others. Worse is
    what loses more than ``ERRORS`` standard errors of the difference between both on the same images. groups (n,): what
    belongs together is left out together. None where a class has a single image, so that nothing can be left out.
    """
    groups = together(x.numpy(), y.numpy(), groups)
    k = min(MOST_FOLDS, smallest_class(y.numpy(), groups))
    if k < 2 or not len(pool):
        return None
    n, known = len(y), torch.unique(y)
    mine = torch.searchsorted(known, y)
    some = torch.randperm(len(pool), generator=generator)[:LOOKED_AT]  # they may lie in order, class by class
    every = torch.cat([x, pool[some]]).float()
    weights = yield from graph.affinity(graph.space(every.numpy()))
    right = np.zeros((2, n), dtype=bool)
    for held in folds(y.numpy(), k, generator, groups):
        rest = np.setdiff1d(np.arange(n), held)
        answers = finish(probed(x[rest], mine[rest], len(known), every)).exp().double().numpy()
        answers[rest] = np.eye(len(known))[mine[rest]]
        both = _together(weights, rest, mine[rest].numpy(), answers)
        for row, said in enumerate((both, answers)):
            right[row, held] = said[held].argmax(axis=1) == mine[held].numpy()
    differ = int((right[0] != right[1]).sum())
    ours, theirs = (int(each.sum()) for each in right)
    return LeftOut(ours, theirs, n, theirs - ours > ERRORS * np.sqrt(differ))


def spoken_against(
    x: Tensor, y: Tensor, pool: Tensor, generator: torch.Generator, groups: IntArray | None = None
) -> Step[str]:
    """Why the pool is not learned from, where labels left out say so (``left_out``); "" where they do not."""
    asked = yield from quietly(left_out(x, y, pool, generator, groups))
    if asked is None or not asked.worse:
        return ""
    return f"of {asked.n} labels left out {asked.with_pool} were named rightly with the pool, {asked.without} without"


def probed(x: Tensor, y: Tensor, n_classes: int, asked: Tensor) -> Step[Tensor]:
    """Log-probabilities (m, K) of features ``asked`` (m, D) by a logistic regression on x (n, D), y (n,), unit norm."""
    unit = functional.normalize(x.float(), dim=1)
    line, _ = yield from quietly(by_logistic_regression(unit, y, n_classes, PROBE_C))
    with torch.no_grad():
        said: Tensor = line(functional.normalize(asked.float(), dim=1)).log_softmax(1)
    return said


def share(labels: int, classes: int) -> float:
    """How large a share of the named images teaches a network that learns from so many labels of so many classes.

    Names get better with the labels, and what a network is less sure of teaches it more. On a split of CIFAR-10's
    training images three quarters in place of half took 1.4 points with 50 labels, and gave 1.3 with 250; four fifths
    gave 0.8 with 1,000.
    """
    each = labels / max(1, classes)
    way = np.log(max(each, FEW) / FEW) / np.log(MANY / FEW)
    return float(SURE + (MORE - SURE) * min(1.0, way))


def surest(sure: Tensor, part: float = SURE) -> tuple[Tensor, Tensor]:
    """Rows (k,) of (m, K) probabilities, or their logarithms, whose names are used, in order, and their classes (k,).

    Of the images of each named class the surest share ``part``, at least one: the surest of all would leave out
    what is hard to tell apart.
    """
    most, named = sure.max(dim=1)
    kept = []
    for each in torch.unique(named).tolist():
        rows = torch.nonzero(named == each)[:, 0]
        kept.append(rows[most[rows].argsort(descending=True, stable=True)[: max(1, int(part * len(rows)))]])
    rows = torch.cat(kept).sort().values if kept else torch.empty(0, dtype=torch.int64)
    return rows, named[rows]


def proved(shares: Tensor, checked: Tensor, y: Tensor, part: float = SURE) -> tuple[int, int]:
    """(right, asked): of the check images, probabilities (c, K) and classes y (c,), those as sure as what teaches.

    As sure as the least sure of the images with probabilities ``shares`` (m, K) that are called the same and teach,
    which are the share ``part`` of them.
    """
    rows, named = surest(shares, part)
    least = torch.full((shares.shape[1],), torch.inf)
    least.scatter_reduce_(0, named, shares[rows].max(dim=1).values.float(), "amin")
    most, said = checked.max(dim=1)
    asked = most >= least[said]
    return int((said == y)[asked].sum()), int(asked.sum())


def proof(name: str, found: tuple[int, int], checks: int) -> Decision:
    """What ``proved`` found, as it is told. checks: how many check images there are."""
    right, asked = found
    reason = f"{asked} of {checks} check images were named as surely as those that taught; nothing is learned from them"
    return Decision(name, f"{right} of {asked}", reason)


def strangers(x: Tensor, y: Tensor, pool: Tensor, other: int = -1) -> Tensor:
    """Which images of the pool (m,) belong to no class: ``novelty.strangers`` of tensors on the CPU.

    other: the class that holds what fits no other one, -1 for none. It is no class that an image could be like: its
    images have nothing in common.
    """
    own = y != other
    return torch.from_numpy(novelty.strangers(x[own].numpy(), y[own].numpy(), pool.numpy()))


def as_other(shares: Tensor, strange: Tensor, other: int) -> Tensor:
    """Probabilities (m, K) where images that are like no class, ``strange`` (m,), are surely of the class ``other``.

    Where a class holds what fits no other one (-1: none does), what is like no class belongs there. Left out of what
    teaches, the pool would teach all classes but that one. Of Caltech's photos, 20 of 51 kinds wanted, 80 labels of
    these and 10 of the others, 79 % were named rightly in place of 46; with 40 of the others 86 in place of 84. Of
    CIFAR-10, six of ten wanted, on which nothing was chosen: 1.6 points more with 10 of the others, 0.2 fewer with 40.
    """
    if other < 0:
        return shares
    found = shares.clone()
    found[strange] = functional.one_hot(torch.tensor(other), shares.shape[1]).to(shares.dtype)
    return found


def with_other(shares: Tensor, seen: Tensor, x: Tensor, y: Tensor, other: int) -> Tensor:
    """``as_other`` of images with pretrained features ``seen`` (m, D), by labelled images x (n, D), y (n,)."""
    return shares if other < 0 else as_other(shares, strangers(x, y, seen, other), other)


def left_apart(name: str, strange: Tensor, other: str = "") -> Decision:
    """How many images belong to no class, ``strange`` (m,), as it is told. other: the class that they are taken for."""
    like = f"less like any class than {100 * (1 - novelty.LEVEL):.0f} % of the labeled images are like their own"
    then = f"they teach “{other}”" if other else "nothing is learned from them"
    return Decision(name, str(int(strange.sum())), f"of {len(strange):,} images these are {like}; {then}")


def drawn(n: int, taken: IntArray, count: int, seed: int) -> IntArray:
    """Rows in 0..n-1, sorted, at most ``count`` of those that are not ``taken``: the same for the same seed."""
    free = np.setdiff1d(np.arange(n), taken)
    some = np.random.default_rng([seed, 1]).choice(free, size=min(count, len(free)), replace=False)
    return np.sort(some)


def for_pca(n: int, seed: int) -> IntArray:
    """Rows in 0..n-1, sorted, of the images of the pool whose tokens give the light model's PCA."""
    return np.sort(np.random.default_rng(seed).choice(n, size=min(PCA_IMAGES, n), replace=False))


def _together(
    weights: csr_array, rows: IntArray, y: IntArray, answers: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Answers (N, K) of all images by classifier and neighbours; ``rows`` are labelled ``y``, and answer so already."""
    k = answers.shape[1]
    both = graph.smooth(weights, answers) * graph.spread(weights, rows, y, k)
    return prior.balanced(both, prior.estimated(np.bincount(y, minlength=k)))
