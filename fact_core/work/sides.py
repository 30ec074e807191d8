"""Which images may be picked and which may check the result, where images belong together.

A group lies on one side. Check images are drawn first then, from groups without a pick; picks are made from the rest.
Without groups picks are made first, from all images, as strategies have it in their papers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fact_core.config import SelectConfig
from fact_core.errors import ConfigError
from fact_core.labeling import labels_now, selections
from fact_core.select import checks
from fact_core.storage.project import Project
from fact_core.types import IntArray, Step
from fact_core.work.grouping import group_numbers
from fact_core.work.strategy_request import StrategyRequest


def grouped(project: Project, config: SelectConfig, asked: StrategyRequest) -> Step[StrategyRequest]:
    """The request with the groups of the images that it sees, where the person wants groups."""
    numbers = yield from group_numbers(project, asked.pool, config.backbone, config.device, config.view)
    return asked if numbers is None else replace(asked, groups=numbers[asked.seen], pool_groups=numbers)


def drawn(asked: StrategyRequest, count: int, picks: IntArray, rng: np.random.Generator) -> IntArray:
    """Check images: positions in ``asked.seen``, none of which is taken or among ``picks``."""
    used = np.concatenate([asked.taken, picks])
    free = np.setdiff1d(np.arange(len(asked.seen), dtype=np.int64), used)
    return checks.draw(free, count, rng, asked.groups, used)


def checked(project: Project, kept: selections.Stored | None) -> IntArray:
    """Ids of the check images that there are already: those with a label, and those of the selection added to."""
    known = labels_now.snapshot(project, "audit").ids
    if kept is None:
        return known
    return np.union1d(known, kept.selection.ids[np.array(kept.selection.roles) == "audit"])


def without_checked(asked: StrategyRequest, ids: IntArray) -> StrategyRequest:
    """The request without images that belong together with one of these check images (ids, in the pool).

    Those that are taken stay. ConfigError when too few are left for the budget.
    """
    if asked.groups is None or asked.pool_groups is None:
        return asked
    sides = np.unique(asked.pool_groups[np.isin(asked.pool.ids, ids)])
    keep = ~np.isin(asked.groups, sides)
    keep[asked.taken] = True
    seen = asked.seen[keep]
    free = len(seen) - len(asked.taken)
    if asked.budget > free:
        raise ConfigError(
            "The budget is larger than what is left to label",
            f"{asked.budget} of {free} images in groups without a check image",
            "Choose a smaller budget, or fewer check images.",
        )
    taken = np.searchsorted(seen, asked.seen[asked.taken])
    return replace(asked, x=asked.x[keep], seen=seen, taken=taken, groups=asked.groups[keep])
