"""The run that says what another strategy would have chosen, or how the choice stands after changes by hand."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from fact_core.analysis import coverage
from fact_core.choices import STRATEGIES, named
from fact_core.config import CompareConfig, SelectConfig, from_flat
from fact_core.errors import InputError
from fact_core.labeling import selections
from fact_core.select.picks import unit
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import IntArray, Step
from fact_core.work import model_answers, name_places, sides
from fact_core.work.evidence import doubt, evidence
from fact_core.work.kind import Kind, Needed
from fact_core.work.pool_features import needs_features, needs_pool
from fact_core.work.strategy_request import StrategyRequest, run_strategy, strategy_request


def needs(project: Project, run: Run, config: CompareConfig) -> list[Needed]:
    """The features that the newest selection was made with; without a selection the run says so itself."""
    stored = selections.latest(project)
    if stored is None:
        return needs_pool(project)
    return needs_features(project, stored.config["backbone"], stored.config["device"], _view(stored))


def run(project: Project, run: Run, config: CompareConfig) -> Step[dict[str, Any]]:
    """What another strategy would have chosen in place of the newest selection: how well it stands for the pool.

    It is asked what the selection was asked: to choose as many, beside the images that were chosen or labeled before.
    With the option ``now`` the choice itself is judged anew: rejecting and adding have changed it.
    """
    named(STRATEGIES, config.strategy, "strategy")
    stored = selections.latest(project)
    if stored is None:
        raise InputError("There is no selection to compare with", do="Select images first.")
    about = stored.config.get("evidence") or {}
    if "radius" not in about:
        raise InputError("This selection has no figures to compare with", do="Select again.")
    names = {each.name for each in dataclasses.fields(SelectConfig)}
    same = {name: value for name, value in stored.config.items() if name in names}
    asked_for = from_flat(
        SelectConfig,
        {
            **same,
            "strategy": config.strategy,
            "budget": str(stored.config["budget"]),
            "check": 0,
            "view": _view(stored),
        },
    )
    kept, added = _as_it_was(stored)
    began = time.monotonic()
    asked = model_answers.told(project, asked_for, strategy_request(project, asked_for, kept, free=added))
    name_places.can_read(asked_for)
    asked = yield from name_places.told(project, asked_for, asked)
    asked = yield from sides.grouped(project, asked_for, asked)
    roles = np.array(stored.selection.roles)
    asked = sides.without_checked(asked, stored.selection.ids[roles == "audit"])
    if config.now:
        anew = yield from _as_it_is(asked, added, stored)
        return {"selection": stored.id, "mark": stored.mark, "seconds": time.monotonic() - began, "evidence": anew}
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


def _as_it_is(asked: StrategyRequest, added: IntArray, stored: selections.Stored) -> Step[dict[str, Any]]:
    """The figures of the images that are chosen now, ``added`` (n,): ids of those that the newest choice added."""
    picks = np.intersect1d(np.intersect1d(stored.picks, added), asked.pool.ids[asked.seen])
    rows = np.searchsorted(asked.seen, asked.pool.rows(picks))
    found = yield from evidence(asked, rows, int(stored.config["seed"]))
    return found | doubt(asked, rows, stored.selection.strategy)


def _view(stored: selections.Stored) -> str:
    """What the network saw of each picture; selections of earlier versions do not say: it was the crop."""
    return str(stored.config.get("seen", "crop"))


def _as_it_was(stored: selections.Stored) -> tuple[selections.Stored | None, IntArray]:
    """(the selection that the newest choice was added to, the ids that it added); None where it started anew."""
    whole, old = stored.selection, np.zeros(len(stored.selection.ids), dtype=bool)
    if stored.config.get("extend"):
        for role, added in (("pick", stored.config["budget"]), ("audit", stored.config["check"])):
            rows = np.flatnonzero(np.array(whole.roles) == role)  # a choice that is added stands after the old ones
            while len(rows) and int(whole.ids[rows[-1]]) in stored.by_hand:
                rows = rows[:-1]  # and what was added by hand since after that one
            old[rows[: max(0, len(rows) - added)]] = True
    if not old.any():
        return None, whole.ids
    roles = tuple(role for role, each in zip(whole.roles, old, strict=True) if each)
    before = dataclasses.replace(whole, ids=whole.ids[old], roles=roles)
    return dataclasses.replace(stored, selection=before), whole.ids[~old]


KIND = Kind(run, needs)
