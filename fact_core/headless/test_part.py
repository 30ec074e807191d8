"""``--keep-test``: what folders or a column call val or test are the check images of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fact_core.config import SelectConfig
from fact_core.headless import again, steps
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import kept_apart, selections
from fact_core.storage.project import Project
from fact_core.types import Role, Selection


def choose(found: Project, worker: WorkerClient, config: SelectConfig, held: Sequence[int]) -> selections.Stored:
    """The selection of an earlier start with these check images (ids), else a new one that is chosen from the rest."""
    config = dataclasses.replace(config, extend=True)
    kept = again.selection(found, config)
    if kept is not None and set(held) <= _checks(kept.selection):
        return kept
    ids, roles = np.array(held, dtype=np.int64), tuple[Role, ...](["audit"] * len(held))
    about = {"budget": 0, "check": len(ids)}
    selections.save(found, Selection(ids, roles, ids[:0], "random", about), None)
    kept_apart.name(found, held)
    return steps.choose_anew(found, worker, config)


def _checks(chosen: Selection) -> set[int]:
    return {int(each) for each, role in zip(chosen.ids, chosen.roles, strict=True) if role == "audit"}
