"""What is known of a selection beside its images: how well it stands for the pool, and what others would have done."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch

from fact_core.analysis import coverage
from fact_core.choices import STRATEGIES, pick
from fact_core.config import CompareConfig, SelectConfig, from_flat
from fact_core.errors import InputError
from fact_core.events import Event, Log
from fact_core.generators import map_events
from fact_core.labeling import selections
from fact_core.select.clusters import kmeans
from fact_core.select.picks import unit
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray, Step
from fact_core.work.strategy_request import StrategyRequest, run_strategy, strategy_request

#: Regions into which the pool is cut to look for some without a pick: about as many as picks, within these limits.
FEWEST_REGIONS, MOST_REGIONS, SHOWN = 8, 60, 12


def compare(project: Project, run: run_queue.Run, config: CompareConfig) -> Step[dict[str, Any]]:
    """What another strategy would have chosen in place of the newest selection: how well it stands for the pool.

    It is asked what the selection was asked: to choose as many, beside the images that were chosen or labeled before.
    """
    pick(STRATEGIES, config.strategy, "strategy")
    stored = selections.latest(project)
    if stored is None:
        raise InputError("There is no selection to compare with", do="Select images first.")
    about = stored.config.get("evidence") or {}
    if "radius" not in about:
        raise InputError("This selection has no figures to compare with", do="Select again.")
    names = {each.name for each in dataclasses.fields(SelectConfig)}
    same = {name: value for name, value in stored.config.items() if name in names}
    asked_for = from_flat(
        SelectConfig, {**same, "strategy": config.strategy, "budget": str(stored.config["budget"]), "check": 0}
    )
    kept, added = _as_it_was(stored)
    asked = strategy_request(project, asked_for, kept, free=added)
    began = time.monotonic()
    picks = yield from run_strategy(asked, asked_for, np.random.default_rng(asked_for.seed))
    seconds = time.monotonic() - began
    sample = coverage.sample_of(len(asked.x), np.random.default_rng(asked_for.seed))
    chosen = unit(asked.x[np.concatenate([picks.rows, asked.taken])])
    found = coverage.judge(unit(asked.x[sample]), chosen, float(about["radius"]))
    told: dict[str, Any] = {name: picks.info[name] for name in ("instead", "sample") if name in picks.info}
    return {
        "selection": stored.id,
        "strategy": config.strategy,
        "seconds": seconds,
        **told,
        **dataclasses.asdict(found),
    }


def _as_it_was(stored: selections.Stored) -> tuple[selections.Stored | None, IntArray]:
    """(the selection that the newest choice was added to, the ids that it added); None where it started anew."""
    whole, old = stored.selection, np.zeros(len(stored.selection.ids), dtype=bool)
    if stored.config.get("extend"):
        for role, added in (("pick", stored.config["budget"]), ("audit", stored.config["check"])):
            rows = np.flatnonzero(np.array(whole.roles) == role)  # a choice that is added stands after the old ones
            old[rows[: max(0, len(rows) - added)]] = True
    if not old.any():
        return None, whole.ids
    roles = tuple(role for role, each in zip(whole.roles, old, strict=True) if each)
    before = dataclasses.replace(whole, ids=whole.ids[old], roles=roles)
    return dataclasses.replace(stored, selection=before), whole.ids[~old]


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


def _regions(pool: FloatArray, count: int, rng: np.random.Generator) -> Step[IntArray]:
    k = min(len(pool), max(FEWEST_REGIONS, min(MOST_REGIONS, count)))
    _, cluster = yield from map_events(kmeans(torch.from_numpy(pool), k, rng), _quiet)
    found: IntArray = cluster.numpy()
    return found


def _quiet(event: Event) -> Event | None:
    return event if isinstance(event, Log) else None
