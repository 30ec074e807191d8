"""The run that chooses what to label."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from fact_core.config import SelectConfig
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.labeling import other_class, selections
from fact_core.select.picks import Picks
from fact_core.storage import groups, run_queue, usable
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.storage.view import seen_by
from fact_core.types import IntArray, Role, Selection, Step
from fact_core.work import apart, model_answers, name_places, sides
from fact_core.work.evidence import doubt, evidence
from fact_core.work.features import wanted_map
from fact_core.work.kind import Kind, Needed, Wanted
from fact_core.work.pool_features import needs_features
from fact_core.work.strategy_request import StrategyRequest, strategy_request


def needs(project: Project, run: Run, config: SelectConfig) -> list[Needed]:
    """The features of the pool; the answers of a trained model, where the strategy takes them.

    Errors of ``name_places.can_read``.
    """
    name_places.can_read(config)
    lacking = needs_features(project, config.backbone, config.device, config.view)
    return lacking + model_answers.needed(project, config)


def run(project: Project, run: Run, config: SelectConfig) -> Step[dict[str, Any]]:
    """Choose what to label: the strategy's picks, then check images drawn at random."""
    started = time.monotonic()
    kept = selections.latest(project) if config.extend else None
    if config.extend and kept is None:
        raise InputError("There is no selection to add to", do="Select images first.")
    asked = model_answers.told(project, config, strategy_request(project, config, kept))
    asked = yield from name_places.told(project, config, asked)
    asked = yield from sides.grouped(project, config, asked)
    rng = np.random.default_rng(config.seed)
    if kept is not None and not asked.budget:
        return _more_checks(project, run, config, kept, asked, rng)
    asked, picks, audit = yield from _chosen(project, config, kept, asked, rng)
    rows = np.concatenate([asked.seen[picks.rows], audit])
    spare = asked.seen[picks.next_best]
    spare = spare[~np.isin(spare, audit)]
    roles: list[Role] = ["pick"] * len(picks.rows)
    roles += ["audit"] * len(audit)
    known = {**dataclasses.asdict(config), "budget": asked.budget, "features": asked.key, "info": picks.info}
    known["seen"] = seen_by(project, config.backbone, config.view)  # the project may change its own
    known["groups"] = groups.chosen(project)  # and these too
    known["images"] = usable.fingerprint(project)
    known["evidence"] = yield from evidence(asked, picks.rows, config.seed)
    known["evidence"] |= doubt(asked, picks.rows, config.strategy)
    chosen = Selection(asked.pool.ids[rows], tuple(roles), asked.pool.ids[spare], config.strategy, known)
    seconds = time.monotonic() - started
    number = selections.save(project, _joined(kept.selection, chosen) if kept else chosen, run.id, seconds)
    yield Log(f"{asked.budget} images chosen by {config.strategy}, {config.check} check images")
    ids = [int(each) for each in asked.pool.ids[rows[: len(picks.rows)]]]
    return {"selection": number, "strategy": config.strategy, "seconds": seconds, "ids": ids, "checks": len(audit)}


def _chosen(
    project: Project,
    config: SelectConfig,
    kept: selections.Stored | None,
    asked: StrategyRequest,
    rng: np.random.Generator,
) -> Step[tuple[StrategyRequest, Picks, IntArray]]:
    """(what the strategy was asked, its picks, the check images as rows of the pool): see ``sides``."""
    nothing, other = np.zeros(0, dtype=np.int64), other_class.name_of(project)
    if asked.groups is None:
        picks = yield from apart.picked(asked, config, rng, other)
        return asked, picks, asked.seen[sides.drawn(asked, config.check, picks.rows, rng)]
    own = np.random.default_rng([config.seed, 1])  # the strategy's chance stays as it is
    audit = asked.seen[sides.drawn(asked, config.check, nothing, own)]
    ids = np.union1d(asked.pool.ids[audit], sides.checked(project, kept))
    asked = sides.without_checked(asked, ids)
    picks = yield from apart.picked(asked, config, rng, other)
    return asked, picks, audit


def then(project: Project, run: Run) -> list[Wanted]:
    """The map, where there is none: the command line computes features without drawing it."""
    return [] if run_queue.list_runs(project, "map") else [wanted_map(run)]


def _more_checks(
    project: Project,
    run: Run,
    config: SelectConfig,
    kept: selections.Stored,
    asked: StrategyRequest,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Check images alone are added: the picks, how they were made and how good they are stay as they were."""
    audit = sides.drawn(asked, config.check, np.empty(0, dtype=np.int64), rng)
    ids, old = asked.pool.ids[asked.seen[audit]], kept.selection
    known = {**kept.config, "check": kept.config.get("check", 0) + len(audit)}
    roles: list[Role] = ["audit"] * len(audit)
    drawn = Selection(ids, tuple(roles), old.next_best, old.strategy, known)
    number = selections.save(project, _joined(old, drawn), run.id, kept.seconds, extends=True)
    return {"selection": number, "strategy": old.strategy, "seconds": 0.0, "ids": [], "checks": len(audit)}


def _joined(old: Selection, new: Selection) -> Selection:
    """Both selections as one: picks in the order of their choice, check images after them."""
    ids = np.concatenate([old.ids, new.ids])
    roles = np.array([*old.roles, *new.roles])
    order = np.argsort(roles == "audit", kind="stable")
    spare = new.next_best[~np.isin(new.next_best, ids)]
    return Selection(ids[order], tuple(roles[order].tolist()), spare, new.strategy, new.config)


KIND = Kind(run, needs, then=then)
