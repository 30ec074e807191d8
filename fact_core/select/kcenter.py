"""k-center, greedy (farthest-first traversal; Gonzalez, 1985): each next image is the one least like all before."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from fact_core.events import Progress
from fact_core.select.objective import BLOCK
from fact_core.select.picks import Picks, candidates, spare, unit
from fact_core.types import FloatArray, IntArray, Step


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
    """Pick ``budget`` rows of x [N,D], each the farthest from all labeled and picked ones (unit rows).

    Without labels the first is the row nearest to the mean of the pool, so that nothing depends on chance.
    One product of the pool with a row a pick: N C budget multiplications. Errors: ``picks.candidates``.
    """
    free = candidates(x, budget, labeled_rows)
    pool = torch.from_numpy(unit(x)).to(device)
    count = budget + spare(budget, len(free))
    near = torch.full((len(pool),), -2.0, device=device)
    if len(labeled_rows):
        known = pool[torch.from_numpy(np.asarray(labeled_rows, dtype=np.int64)).to(device)]
        near = torch.cat([(block @ known.T).amax(1) for block in pool.split(max(1, BLOCK // len(known)))])
    taken = torch.ones(len(pool), dtype=torch.bool, device=device)
    taken[torch.from_numpy(free).to(device)] = False
    order, began = [], time.monotonic()
    for number in range(count):
        if number == 0 and not len(labeled_rows):
            row = int((pool @ pool.mean(0)).masked_fill(taken, -np.inf).argmax())
        else:
            row = int(near.masked_fill(taken, np.inf).argmin())
        taken[row] = True
        order.append(row)
        near = torch.maximum(near, pool @ pool[row])
        rate = (number + 1) / max(time.monotonic() - began, 1e-9)
        yield Progress("kcenter", number + 1, count, "images", rate, (count - number - 1) / rate)
    picked = np.array(order, dtype=np.int64)
    return Picks(picked[:budget], picked[budget:], {"least_similarity": round(float(near.min()), 4)})
