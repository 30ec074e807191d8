"""How good a model is on the images that the budget did not buy, whose classes the command line knows all the same.

And on the check images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fact_core.analysis.intervals import interval
from fact_core.labeling import checked
from fact_core.storage import run_queue
from fact_core.storage.project import Project


def pool_rest(found: Project, file: Path, trained: run_queue.Run, truth: dict[int, str]) -> dict[str, Any]:
    """How many of the images that were not labeled are named right, by the result and by each phase.

    Exact repeats are not in the pool, so none of a labeled image is counted. leaks: images that are nearly the same as
    a labeled one, or belong together with one; clean: the accuracy without them.
    """
    place = {name.casefold(): index for index, name in enumerate(trained.result["classes"])}
    labeled = set(trained.result["ids"])
    with np.load(file, allow_pickle=False) as stored:
        arrays = {
            name: stored[name] for name in stored.files if name in ("ids", "y", "near") or name.startswith("phase_")
        }
    rows = [row for row, item in enumerate(arrays["ids"]) if int(item) in truth and int(item) not in labeled]
    if not rows:
        counts = dict.fromkeys(("pool_rest_n", "pool_rest_groups", "pool_rest_leaks"), 0)
        shares = dict.fromkeys(("pool_rest", "pool_rest_interval", "pool_rest_clean"))
        return {**shares, **counts, "per_phase": {}}
    # A class that was never bought cannot be named: -1 is no answer's number.
    right_answer = np.array([place.get(truth[int(arrays["ids"][row])].casefold(), -1) for row in rows])
    phases = {name.removeprefix("phase_"): each for name, each in arrays.items() if name.startswith("phase_")}
    right, ids = arrays["y"][rows] == right_answer, arrays["ids"][rows].astype(np.int64)
    grouped = checked.sides(found, trained, ids)
    leaks = arrays["near"][rows].astype(bool) if "near" in arrays else np.zeros(len(rows), dtype=bool)
    if grouped is not None:
        leaks |= grouped.trained
    groups = None if grouped is None else grouped.groups
    return {
        "pool_rest": float(right.mean()),
        "pool_rest_n": len(rows),
        "pool_rest_interval": interval(right, groups),
        "pool_rest_groups": 0 if groups is None else len(np.unique(groups)),
        "pool_rest_leaks": int(leaks.sum()),
        "pool_rest_clean": float(right[~leaks].mean()) if leaks.any() and not leaks.all() else None,
        "per_phase": {name: float((each[rows] == right_answer).mean()) for name, each in phases.items()},
    }


def check_images(found: Project, trained: run_queue.Run) -> dict[str, Any]:
    """How many of the check images are named right: a share 0..1, its 95 % interval, and how many they are."""
    known, answers = checked.check_names(found, trained), checked.answers(found, trained)
    rows = [] if answers is None else [row for row, item in enumerate(answers.ids.tolist()) if item in known]
    if answers is None or not rows:
        return {"check": None, "check_interval": None, "check_n": 0}
    said = [answers.classes[int(answers.y[row])] for row in rows]
    right = np.array([known[int(answers.ids[row])] == name for row, name in zip(rows, said, strict=True)])
    grouped = checked.sides(found, trained, answers.ids[rows])
    groups = None if grouped is None else grouped.groups
    return {"check": float(right.mean()), "check_interval": interval(right, groups), "check_n": len(rows)}
