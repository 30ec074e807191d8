"""What a strategy is asked in a project: the images it may see, which of them are taken, and how many to pick."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fact_core.compute.device import device_named
from fact_core.config import SelectConfig, parse_budget
from fact_core.errors import ConfigError
from fact_core.labeling import kept_apart, labels_now, selections
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks
from fact_core.select.words import Words
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray, Pool, Step
from fact_core.work.pool_features import pool_features


@dataclass(frozen=True)
class StrategyRequest:
    """What a strategy is asked: rows of the pool that it may see, which of them are taken, and how many to pick.

    x [S,D]: features of the rows ``seen`` (S,) of the pool; taken (L,): positions in ``seen`` that have a label or
    are chosen already; y (L,): their classes, -1 where there is none, or None where no label is to be used.
    answers [N,K]: probabilities of a trained model, for the pool's rows; see ``model_answers``.
    words: the pool's rows and the names of the classes; see ``name_places``.
    groups (S,), pool_groups (N,): images of one number belong together; None: each stands alone (``sides``).
    """

    pool: Pool
    x: FloatArray
    key: str
    seen: IntArray
    taken: IntArray
    y: IntArray | None
    budget: int
    groups: IntArray | None = None
    pool_groups: IntArray | None = None
    answers: FloatArray | None = None
    words: Words | None = None


def strategy_request(
    project: Project, config: SelectConfig, kept: selections.Stored | None = None, free: IntArray | None = None
) -> StrategyRequest:
    """What a strategy is asked in this project now. ``kept``: a selection whose images stay chosen.

    free: ids that count as not labeled or skipped, to ask again what was asked before they were.

    Left out altogether are images that the person rejected or skipped, and check images, also where one starts over:
    what steers the choice of training images must not know them, nor may they ever be trained on. That holds for one
    that was given no class, too: as a pick it would count as wrong no more. ConfigError when the
    budget is larger than what is left.
    """
    pool, x, key = pool_features(project, config.backbone, config.device, config.view)
    known = labels_now.snapshot(project, "pick")
    if free is not None:
        old = np.isin(known.ids, free)
        known = dataclasses.replace(known, ids=known.ids[~old], y=known.y[~old])
    said = labels_now.states(project)
    out = [selections.rejected(project), labels_now.snapshot(project, "audit").ids]
    out.append(np.array(sorted(kept_apart.drawn_now(project) & said.keys()), dtype=np.int64))
    if not config.restart:
        out.append(np.array([item for item, state in said.items() if state.kind == "skip"], dtype=np.int64))
    taken_ids = known.ids[:0] if config.restart else known.ids
    if kept is not None:
        roles = np.array(kept.selection.roles)
        out.append(kept.selection.ids[roles == "audit"])
        taken_ids = np.union1d(taken_ids, kept.selection.ids[roles == "pick"])
    left_out = np.concatenate(out)
    if free is not None:
        left_out = left_out[~np.isin(left_out, free)]
    seen = np.flatnonzero(~np.isin(pool.ids, left_out))
    taken_ids = taken_ids[np.isin(taken_ids, pool.ids[seen])]
    classes = dict(zip(known.ids.tolist(), known.y.tolist(), strict=True))
    y = None if config.restart else np.array([classes.get(int(each), -1) for each in taken_ids], dtype=np.int64)
    alone = selections.only_checks(config.budget, config.check, config.extend)
    budget = 0 if alone else parse_budget(config.budget, len(pool))
    if budget + config.check > len(seen) - len(taken_ids):
        raise ConfigError(
            "The budget is larger than what is left to label",
            f"{budget} and {config.check} check images of {len(seen) - len(taken_ids)} images without a label",
            "Choose a smaller budget, or fewer check images.",
        )
    taken = np.searchsorted(seen, pool.rows(taken_ids))
    return StrategyRequest(pool, x if len(seen) == len(x) else x[seen], key, seen, taken, y, budget)


def run_strategy(asked: StrategyRequest, config: SelectConfig, rng: np.random.Generator) -> Step[Picks]:
    """The strategy's picks; positions in ``asked.seen``."""
    options = {**config.for_strategies(), "near": config.near, "device": device_named(config.device)}
    picks: Picks = yield from choose_images(
        config.strategy,
        asked.x,
        asked.budget,
        asked.taken,
        asked.y,
        rng,
        groups=asked.groups,
        answers=None if asked.answers is None else asked.answers[asked.seen],
        words=None if asked.words is None else asked.words.rows(asked.seen),
        **options,
    )
    return picks
