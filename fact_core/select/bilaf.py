"""BiLAF (Lu et al., NeurIPS 2024): typical images by ActiveFT, then images at the borders between their groups.

The intended version: in the authors' code the neighbours within a group are looked up by the wrong
numbers. As there, the cores come from ActiveFT, and all distances are between the features as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select import activeft
from fact_core.select.clusters import gaps, nearest_centre
from fact_core.select.picks import Picks, candidates, spare
from fact_core.types import FloatArray, IntArray, Step

#: The authors' settings: share of a group that is taken in at once, share dropped at the end, neighbours, penalty.
SHARE_IN, SHARE_OUT, NEIGHBOURS, PENALTY = 0.1, 0.1, 10, 1.1
#: A group below this is not cleaned.
SMALL = 10
#: Cores: every second pick, as in the paper at 1 % of CIFAR-100 and ImageNet; but not more than 0.5 % of the pool, as
#: there, or 50, as on CIFAR-10, where the pool is small.
EACH_CORE, CORES_OF_POOL, CORES = 2, 0.005, 50
#: A group above this is looked at through a random part: all distances within it would take minutes.
LARGE = 10_000
#: Floats of a block of distances (16 MB).
BLOCK = 1 << 22
#: Distance to the nearest other core where there is none: only d_in counts then.
ALONE = 1e9
#: Picks between two signs of life.
QUIET = 64


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    cores: int = 0,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D]: cores first, in ActiveFT's order, then border images, each group in turn.

    Labeled images are cores already. cores: how many to have with them (0: ``core_count``). The next best are the
    other rows of the groups that lie at a border, then those that were cleaned out. The other
    options are those of ``activeft.select``. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    known = np.asarray(labeled_rows, dtype=np.int64)
    new = min(budget, max((max(cores, 0) or core_count(budget + len(known), len(x))) - len(known), 0))
    first = free[:0]
    if new:
        first = (yield from activeft.select(x, new, labeled_rows, None, rng, device=device, **options)).rows
    core = np.concatenate([first, known])
    pool = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device)
    pool = pool - pool.mean(0)  # moves no row nearer to another, and keeps the differences of large numbers exact
    member, far = yield from _groups(pool, core)
    groups = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member, minlength=len(core)))[:-1])
    kept: list[IntArray] = []
    for number, rows in enumerate(groups):
        seen = _part(rows, int(core[number]), rng)
        at, shown = int(np.flatnonzero(seen == core[number])[0]), Progress("bilaf", number, 2 * len(core), "groups")
        inside = yield from dense(pool[_index(seen, pool)], at, shown)
        kept.append(seen[inside])
        yield shown
    order = yield from _borders(pool, core, groups, kept, far, budget + len(known))
    order = np.concatenate([first, order])
    info = {"cores": len(core), "outside": len(x) - sum(map(len, kept))}
    return Picks(order[:budget], order[budget : budget + spare(budget, len(free))], info)


def core_count(total: int, pool: int) -> int:
    """How many of ``total`` chosen images are cores, in a pool of so many."""
    return max(1, min(-(-total // EACH_CORE), max(CORES, int(pool * CORES_OF_POOL))))


def dense(x: Tensor, core: int, shown: Progress) -> Step[IntArray]:
    """Rows of the group x [n,C] without its outskirts, from the ``core`` outwards.

    Rings of a tenth of the group are taken in: first the rows nearest to the core, then those with the least mean
    distance to their ``NEIGHBOURS`` nearest rows that are in. Of all that came in whole rings the last tenth is left
    out. A group below ``SMALL`` stays whole. Ties: the lower row. ``shown`` is yielded after each ring.
    """
    if len(x) < SMALL:
        return np.arange(len(x))
    ring = max(1, int(len(x) * SHARE_IN))
    away = torch.cdist(x, x[core : core + 1])[:, 0]
    away[core] = -1.0
    order = [away.argsort(stable=True)[:ring]]
    out = torch.ones(len(x), dtype=torch.bool, device=x.device)
    out[order[0]] = False
    rest = torch.nonzero(out)[:, 0]
    near = x.new_empty(len(rest), 0)
    for _ in range(1, len(x) // ring):
        near = torch.cat([near, torch.cdist(x[rest], x[order[-1]])], dim=1)
        near = near.topk(min(NEIGHBOURS, near.shape[1]), dim=1, largest=False).values
        best = near.mean(1).argsort(stable=True)[:ring]
        order.append(rest[best])
        stays = torch.ones(len(rest), dtype=torch.bool, device=x.device)
        stays[best] = False
        rest, near = rest[stays], near[stays]
        yield shown
    rows = torch.cat(order).cpu().numpy()
    return rows[: int(len(rows) * (1 - SHARE_OUT))]


def shares(total: int, sizes: FloatArray) -> IntArray:
    """How many of ``total`` picks each group gets, its core among them: by its size, and one at least.

    What rounding leaves goes one by one to the groups with the fewest picks, larger ones first. At least as many
    picks as groups.
    """
    part = sizes / sizes.sum()
    given: IntArray = np.floor(part * total).astype(np.int64)
    for _ in range(total - int(given.sum())):
        given[(given - part).argmin()] += 1
    for group in np.flatnonzero(given == 0):
        given[group] = 1
        given[given.argmax()] -= 1
    return given


def border(
    x: Tensor, core: int, centres: Tensor, own: int, count: int, shown: Progress
) -> Step[tuple[IntArray, IntArray]]:
    """(up to ``count`` rows of the group x [n,C] at its borders, its other rows in order of their last score).

    The least score (d_out p - d_in) / max(d_out, d_in) is picked: d_in is the mean distance to the group, d_out that
    to the nearest of the other ``centres`` [K,C], whose p grows by ``PENALTY`` with each pick towards it. Before each
    pick the int(n / (count + 1)) rows nearest to the pick before (first the core) are ruled out. Ties: the lower row.
    """
    d_in, d_out, towards = yield from _scores(x, centres, own, shown)
    rows, half = x.cpu().numpy(), (x**2).sum(1).cpu().numpy() / 2
    near, penalty = max(1, len(x) // (count + 1)), np.ones(len(centres))
    left, last, found = np.arange(len(x)), core, list[int]()
    scale = np.maximum(np.maximum(d_out, d_in), np.finfo(np.float32).tiny)
    while len(found) < count:
        gap = half[left] - rows[left] @ rows[last]
        gap[left == last] = -np.inf
        left = np.sort(left[np.argsort(gap, kind="stable")[near:]])
        if not len(left):
            break
        if last != core:
            penalty[towards[last]] *= PENALTY
        last = int(left[((d_out * penalty[towards] - d_in) / scale)[left].argmin()])
        found.append(last)
        if len(found) % QUIET == 0:
            yield shown
    picked = np.array(found, dtype=np.int64)
    rest = np.setdiff1d(np.arange(len(x)), np.append(picked, core))
    score = ((d_out * penalty[towards] - d_in) / scale)[rest]
    return picked, rest[score.argsort(kind="stable")]


def _scores(x: Tensor, centres: Tensor, own: int, shown: Progress) -> Step[tuple[FloatArray, FloatArray, IntArray]]:
    """(mean distance to the group (n,), distance to the nearest other centre (n,), which one (n,)) of rows x [n,C]."""
    d_in, d_out, towards = [], [], []
    for block in x.split(max(1, BLOCK // max(len(x), len(centres)))):
        d_in.append(torch.cdist(block, x).mean(1))
        apart = torch.cdist(block, centres)
        apart[:, own] = ALONE
        nearest = apart.min(dim=1)
        d_out.append(nearest.values)
        towards.append(nearest.indices)
        yield shown
    return torch.cat(d_in).cpu().numpy(), torch.cat(d_out).cpu().numpy(), torch.cat(towards).cpu().numpy()


def _borders(
    pool: Tensor, core: IntArray, groups: list[IntArray], kept: list[IntArray], far: FloatArray, total: int
) -> Step[IntArray]:
    """All rows but the cores: the border picks of each group in turn, its other kept rows, the rest from the core on.

    Larger groups come first. A group that is seen in part gets picks for all of it.
    """
    sizes = np.array([len(rows) for rows in groups], dtype=np.float64)
    seen = np.minimum(sizes, LARGE)
    quota = shares(total, sizes * np.array([len(rows) for rows in kept]) / seen)
    centres, place = pool[_index(core, pool)], np.empty(len(core), dtype=np.int64)
    place[np.argsort(-sizes, kind="stable")] = np.arange(len(core))
    keys: list[IntArray] = []
    for number, rows in enumerate(kept):
        at = int(np.flatnonzero(rows == core[number])[0])
        shown = Progress("bilaf", len(core) + number, 2 * len(core), "groups")
        picked, rest = yield from border(pool[_index(rows, pool)], at, centres, number, int(quota[number]) - 1, shown)
        outside = np.setdiff1d(groups[number], rows)
        outside = outside[far[outside].argsort(kind="stable")]
        for tier, part in enumerate((rows[picked], rows[rest], outside)):
            turn = np.arange(len(part))
            keys.append(np.stack([np.full_like(turn, tier), turn, np.full_like(turn, place[number]), part]))
        yield shown
    tier, turn, group, row = np.concatenate(keys, axis=1)
    ordered: IntArray = row[np.lexsort((group, turn, tier))]
    return ordered


def _groups(pool: Tensor, core: IntArray) -> Step[tuple[IntArray, FloatArray]]:
    """(number of the nearest core (N,), squared distance to it (N,)); a core belongs to itself, copies or not."""
    centres = pool[_index(core, pool)]
    member, _ = yield from nearest_centre(pool, centres, Progress("bilaf", 0, 2 * len(core), "groups"))
    member[_index(core, pool)] = torch.arange(len(core), device=pool.device)
    return member.cpu().numpy(), gaps(pool, centres, member)


def _part(rows: IntArray, core: int, rng: np.random.Generator) -> IntArray:
    """The rows of a group, or the core and a random part of a large one; ascending."""
    if len(rows) <= LARGE:
        return rows
    return np.sort(np.append(rng.choice(rows[rows != core], LARGE - 1, replace=False), core))


def _index(rows: IntArray, pool: Tensor) -> Tensor:
    return torch.from_numpy(rows).to(pool.device)
