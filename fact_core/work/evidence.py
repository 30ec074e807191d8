"""What is known of a selection beside its images: how well it stands for the pool."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from fact_core.analysis import coverage
from fact_core.choices import STRATEGIES
from fact_core.events import Event, Log
from fact_core.generators import map_events
from fact_core.select.clusters import kmeans
from fact_core.select.picks import unit
from fact_core.select.probe import probabilities
from fact_core.types import FloatArray, IntArray, Step
from fact_core.work.strategy_request import StrategyRequest

#: Regions into which the pool is cut to look for some without a pick: about as many as picks, within these limits.
FEWEST_REGIONS, MOST_REGIONS, SHOWN = 8, 60, 12


def evidence(asked: StrategyRequest, rows: IntArray, seed: int) -> Step[dict[str, Any]]:
    """The figures of chosen rows (positions in ``asked.seen``), of random choices, and the regions without a pick."""
    yield Log("judging how well the chosen images stand for the pool")
    rng = np.random.default_rng(seed)
    sample = coverage.sample_of(len(asked.x), rng)
    pool, known = unit(asked.x[sample]), unit(asked.x[asked.taken])
    free = np.setdiff1d(np.arange(len(asked.x)), asked.taken)
    radius, drawn = yield from coverage.by_lot(pool, lambda some: unit(asked.x[some]), free, len(rows), known, rng)
    chosen = np.concatenate([unit(asked.x[rows]), known])
    found = coverage.judge(pool, chosen, radius)
    regions = yield from _regions(pool, len(chosen), rng)
    empty = coverage.gaps(pool, regions, chosen, radius)
    scale = len(asked.x) / len(pool)
    return {
        "radius": radius,
        "sample": len(pool),
        "pool": len(asked.x),
        "known": len(known),
        "chosen": dataclasses.asdict(found),
        "random": coverage.summary(drawn),
        "gaps": [
            {
                "item": int(asked.pool.ids[asked.seen[sample[each.row]]]),
                "size": round(each.size * scale),
                "distance": each.distance,
            }
            for each in empty[:SHOWN]
        ],
        "gap_count": len(empty),
        "gap_share": sum(each.size for each in empty) / len(pool),
    }


def doubt(asked: StrategyRequest, rows: IntArray, strategy: str) -> dict[str, Any]:
    """{"doubt": {"by", "picks", "rest"}} for a strategy that looks for what is unsure; else nothing.

    How sure the model, or a probe on the labels, is on average of the chosen rows (positions in ``asked.seen``), and of
    the others.
    """
    known = asked.y is not None and len(np.unique(asked.y[asked.y >= 0])) > 1
    if not STRATEGIES[strategy].needs_labels or not known or asked.y is None:
        return {}
    if STRATEGIES[strategy].answers and asked.answers is not None:
        by, p = "model", asked.answers[asked.seen]
    else:
        by, p = "probe", probabilities(asked.x, asked.taken[asked.y >= 0], asked.y[asked.y >= 0])
    sure = p.max(axis=1)
    rest = np.setdiff1d(np.arange(len(sure)), np.union1d(rows, asked.taken))
    mean = [float(np.nanmean(sure[each])) if np.isfinite(sure[each]).any() else None for each in (rows, rest)]
    return {"doubt": {"by": by, "picks": mean[0], "rest": mean[1]}}


def _regions(pool: FloatArray, count: int, rng: np.random.Generator) -> Step[IntArray]:
    k = min(len(pool), max(FEWEST_REGIONS, min(MOST_REGIONS, count)))
    _, cluster = yield from map_events(kmeans(torch.from_numpy(pool), k, rng), _quiet)
    found: IntArray = cluster.numpy()
    return found


def _quiet(event: Event) -> Event | None:
    return event if isinstance(event, Log) else None
