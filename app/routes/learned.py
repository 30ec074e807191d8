"""What a training run has learned from, beside the labels that a training of now would learn from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fact_core.labeling import classes, labels_now
from fact_core.storage import usable
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


@dataclass(frozen=True)
class Since:
    """Labels to train on that the run has not learned from, by images.

    new: without a label then; changed: of another class then, or without a label now.
    """

    new: int
    changed: int


def labels_since(project: Project, run: Run) -> Since | None:
    """How the labels to train on differ from those that the run has learned from; None where they are the same.

    Told by the labels themselves: a clock may have been set meanwhile.
    """
    learned = _learned(project, run)
    if learned is None:  # of an older version
        since = run.started or run.created
        picks = {int(i) for i in labels_now.snapshot(project, "pick").ids}
        later = sum(state.at > since for item, state in labels_now.states(project).items() if item in picks)
        return Since(0, later) if later else None
    held, ids = labels_now.snapshot(project, "pick", run.config.get("selection") or None), _class_ids(project)
    now = {int(item): ids[held.classes[int(y)]] for item, y in zip(held.ids, held.y, strict=True)}
    # A label that it has learned from an image which is left out since is not gone: the next training will lack it.
    there = usable.among(project, learned)
    left = {item: class_id for item, class_id in learned.items() if item in there}
    new, changed = len(now.keys() - left.keys()), sum(now.get(item) != class_id for item, class_id in left.items())
    return Since(new, changed) if new or changed else None


def learned_beside(project: Project, newest: Run, best: Run) -> str:
    """What the newest training has learned from, beside another: "same" labels, "no more" of them, or "newer" ones.

    "newer": more labels, or another class for an image that both know, or nobody knows what an older version took.
    """
    mine, theirs = _learned(project, newest), _learned(project, best)
    if mine is None or theirs is None:
        return "newer"
    if mine == theirs:
        return "same"
    changed = any(mine[item] != theirs[item] for item in mine.keys() & theirs.keys())
    return "newer" if changed or len(mine) > len(theirs) else "no more"


def _class_ids(project: Project) -> dict[str, int]:
    """Name -> id of the classes."""
    return {each.name: each.id for each in classes.classes(project)}


def _learned(project: Project, run: Run) -> dict[int, int] | None:
    """Image -> class id, as the run has kept them when it began; None where it has not."""
    try:
        kept = json.loads((project.run_folder(run.id) / "labels.json").read_text("utf-8"))
        return {int(item): int(kept["class_ids"][y]) for item, y in zip(kept["ids"], kept["y"], strict=True)}
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
