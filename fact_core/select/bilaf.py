"""BiLAF (Lu et al., NeurIPS 2024): some typical images by ActiveFT, then images at the borders between their groups.

The intended version of method.md 2.2: in the authors' code the neighbours inside a group are looked up by the wrong
numbers. Distances are between unit rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.events import Progress
from fact_core.select import activeft
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.types import FloatArray, IntArray, Step

#: The authors' settings: share of a group that is added in a round, share dropped at the end, neighbours, penalty.
SHARE_IN, SHARE_OUT, NEIGHBOURS, PENALTY = 0.1, 0.1, 10, 1.1
#: A group below this is not cleaned. One of so many picks is a core: between the authors' 1 of 2 and 1 of 20.
SMALL, EACH_CORE = 10, 5


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    device: str | torch.device = "cpu",
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D]: cores first, in ActiveFT's order, then border images, each group in turn.

    One pick in ``EACH_CORE`` is a core; labeled images are cores already. Other options: those of
    ``activeft.select``. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    wanted = -(-(budget + len(labeled_rows)) // EACH_CORE) - len(labeled_rows)
    first = min(budget, max(wanted, 0 if len(labeled_rows) else 1))
    cores, chosen, reserve = np.asarray(labeled_rows, dtype=np.int64), free[:0], free[:0]
    if first:
        picks = yield from activeft.select(x, first, labeled_rows, None, rng, device=device, **options)
        chosen, reserve = picks.rows, picks.next_best
        cores = np.concatenate([cores, chosen])
    pool = torch.from_numpy(unit(x)).to(device)
    nearest = pool @ pool[torch.from_numpy(cores).to(device)].T
    member = nearest.argmax(1).cpu().numpy()
    count = budget - len(chosen) + spare(budget, len(free))
    groups: list[IntArray] = []
    for number, core in enumerate(cores):
        rows = clean(pool, np.flatnonzero(member == number), int(core))
        groups.append(np.setdiff1d(rows, cores))
        yield Progress("bilaf", number + 1, len(cores), "groups cleaned")
    lists: list[IntArray] = []
    for number, allowed in enumerate(shares(np.array([len(each) for each in groups]), count)):
        lists.append(borders(pool, groups[number], cores, number, int(allowed)))
        yield Progress("bilaf", number + 1, len(cores), "groups")
    order = np.concatenate([chosen, _in_turn(lists)])
    others = np.setdiff1d(np.concatenate([reserve, free]), order, assume_unique=False)
    rest = np.concatenate([reserve[~np.isin(reserve, order)], np.setdiff1d(others, reserve)])
    order = np.concatenate([order, rest])[: budget + spare(budget, len(free))]
    return Picks(order[:budget], order[budget:], {"cores": len(cores)})


def clean(pool: Tensor, rows: IntArray, core: int) -> IntArray:
    """The rows of a group without its outskirts: they are taken in from the core outwards, the last ones dropped.

    Each round adds the share ``SHARE_IN`` with the least mean distance to their ``NEIGHBOURS`` nearest rows that
    are in already; of all that came in the last ``SHARE_OUT`` are left out.
    """
    if len(rows) < SMALL:
        return rows
    own = pool[torch.from_numpy(rows).to(pool.device)]
    step = max(1, int(len(rows) * SHARE_IN))
    gap = (2 - 2 * own @ pool[core]).clamp_min(0).sqrt()
    order = gap.argsort(stable=True)[:step].tolist()
    left = torch.ones(len(rows), dtype=torch.bool, device=pool.device)
    left[order] = False
    nearest = torch.full((len(rows), NEIGHBOURS), np.inf, device=pool.device)
    added = order
    for _ in range(len(rows) // step - 1):
        far = (2 - 2 * own @ own[added].T).clamp_min(0).sqrt()
        nearest = torch.cat([nearest, far], dim=1).topk(NEIGHBOURS, dim=1, largest=False).values
        known = nearest.isfinite()
        mean = nearest.masked_fill(~known, 0).sum(1) / known.sum(1)
        added = mean.masked_fill(~left, np.inf).argsort(stable=True)[:step].tolist()
        left[added] = False
        order = order + added
    return rows[np.array(order[: int(len(order) * (1 - SHARE_OUT))], dtype=np.int64)]


def shares(sizes: IntArray, count: int) -> IntArray:
    """How many of ``count`` picks each group gives: by its size, what is left to those that give least, larger first.

    None gives more than it has.
    """
    found = np.minimum(np.floor(count * sizes / max(int(sizes.sum()), 1)).astype(np.int64), sizes)
    for _ in range(min(count, int(sizes.sum())) - int(found.sum())):
        able = np.flatnonzero(found < sizes)
        found[able[np.lexsort((able, -sizes[able], found[able]))[0]]] += 1
    return found


def borders(pool: Tensor, rows: IntArray, cores: IntArray, number: int, count: int) -> IntArray:
    """``count`` rows of the group ``number``, those nearest to other cores first, none close to the one before.

    score = (d_out * penalty - d_in) / max(d_out, d_in), the smallest wins: d_in is the mean distance to the group,
    d_out that to the nearest other core, whose penalty grows by ``PENALTY`` each time that a pick lies towards it.
    """
    if count == 0:
        return rows[:0]
    own, centres = (pool[torch.from_numpy(each).to(pool.device)] for each in (rows, cores))
    d_in = (2 - 2 * own @ own.T).clamp_min(0).sqrt().mean(1).cpu().numpy()
    apart = (2 - 2 * own @ centres.T).clamp_min(0).sqrt().cpu().numpy()
    apart[:, number] = np.inf
    if len(cores) == 1:  # no other core: the farthest from the middle
        return rows[np.argsort(-d_in, kind="stable")[:count]]
    d_out, towards = apart.min(1), apart.argmin(1)
    penalty, left = np.ones(len(cores)), np.ones(len(rows), dtype=bool)
    last, gone, found = pool[int(cores[number])], max(len(rows) // count, 1), list[int]()
    while len(found) < count:
        near = (own @ last).cpu().numpy()
        drop = np.flatnonzero(left)[np.argsort(-near[left], kind="stable")[: gone - 1]] if left.sum() > gone else []
        left[drop] = False
        if not left.any():
            left[np.setdiff1d(np.arange(len(rows)), found)] = True
        score = (d_out * penalty[towards] - d_in) / np.maximum(np.maximum(d_out, d_in), 1e-12)
        pick = int(np.where(left, score, np.inf).argmin())
        found.append(pick)
        left[pick] = False
        penalty[towards[pick]] *= PENALTY
        last = own[pick]
    return rows[np.array(found, dtype=np.int64)]


def _in_turn(lists: list[IntArray]) -> IntArray:
    """The first of each list, then the second of each, and so on."""
    turns = range(max((len(each) for each in lists), default=0))
    return np.array([each[turn] for turn in turns for each in lists if turn < len(each)], dtype=np.int64)
