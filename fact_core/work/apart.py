"""A part of what is chosen is unlike all that is labeled, where the person wants a class for what fits no other one.

A strategy looks for what tells the classes apart; what belongs to none of them lies elsewhere. So one in five of a new
round is taken from there, the farthest first (k-center; Sener and Savarese, ICLR 2018).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fact_core.config import SelectConfig
from fact_core.events import Log
from fact_core.select.picks import Picks
from fact_core.types import Step
from fact_core.work.strategy_request import StrategyRequest, run_strategy

SHARE = 5  # one in so many
FARTHEST = "kcenter"


def picked(asked: StrategyRequest, config: SelectConfig, rng: np.random.Generator, other: str) -> Step[Picks]:
    """The strategy's picks, behind them those that are unlike all that is labeled or chosen.

    other: the name of the class that holds what fits no other one; "" is none, and then, or where nothing is labeled
    yet, all picks are the strategy's. info: "unlike", how many are not.
    """
    count = asked.budget // SHARE if other and asked.y is not None and (asked.y >= 0).any() else 0
    first = yield from run_strategy(dataclasses.replace(asked, budget=asked.budget - count), config, rng)
    if not count:
        return first
    taken = np.union1d(asked.taken, first.rows)
    rest = dataclasses.replace(asked, budget=count, taken=taken, y=None)
    more = yield from run_strategy(rest, dataclasses.replace(config, strategy=FARTHEST), rng)
    yield Log(f"{count} of them are unlike all that is labeled or chosen, for “{other}”.")
    rows = np.concatenate([first.rows, more.rows])
    return Picks(rows, first.next_best[~np.isin(first.next_best, more.rows)], {**first.info, "unlike": count})
