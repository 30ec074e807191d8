"""The labels that a training run works with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fact_core.config import TrainConfig
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.files import write_text
from fact_core.finetune.pool_names import drawn
from fact_core.finetune.training_run import CheckSet
from fact_core.labeling import classes, labels_now, other_class, selections
from fact_core.storage import db, groups
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray, Labels, Pool, Step


@dataclass(frozen=True)
class TrainingLabels:
    """The labels that a training run works with: fixed when it first starts, so that a resumed run has the same."""

    ids: IntArray  # (n,)
    y: IntArray  # (n,)
    classes: tuple[str, ...]
    check_ids: IntArray  # (m,)
    check_classes: tuple[str, ...]  # m names; may hold classes that the training labels lack
    class_ids: tuple[int, ...]  # of ``classes``: they stay when a class is renamed
    pool_ids: IntArray  # of images without a label that may be learned from
    groups: IntArray | None = None  # (n,): images of one number belong together; None: each stands alone
    check_groups: IntArray | None = None  # (m,), with the same numbers
    other: str = ""  # the name of the class that holds what fits no other one

    @property
    def other_place(self) -> int:
        """Where that class stands in ``classes``; -1 where there is none, or it has no label."""
        return self.classes.index(self.other) if self.other in self.classes else -1

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        plain = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: each.tolist() if isinstance(each, np.ndarray) else each for name, each in plain.items()}

    @staticmethod
    def from_dict(kept: Mapping[str, Any]) -> TrainingLabels:
        """Back from ``to_dict``; a run begun by an older version knows no class ids and no pool ids."""
        return TrainingLabels(
            np.array(kept["ids"], dtype=np.int64),
            np.array(kept["y"], dtype=np.int64),
            tuple(kept["classes"]),
            np.array(kept["check_ids"], dtype=np.int64),
            tuple(kept["check_classes"]),
            tuple(kept.get("class_ids", ())),
            np.array(kept.get("pool_ids", ()), dtype=np.int64),
            _array(kept.get("groups")),
            _array(kept.get("check_groups")),
            str(kept.get("other", "")),
        )


def labels_of_run(project: Project, folder: Path, config: TrainConfig, pool: Pool) -> TrainingLabels:
    """The labels of this run, and images to learn from without: those stored at its first start, else those of now.

    InputError when there is no label.
    """
    file = folder / "labels.json"
    if file.is_file():
        return TrainingLabels.from_dict(json.loads(file.read_text("utf-8")))
    with db.moment(project.db):
        known = _labels_now(project, config, pool)
    place = dict(zip(pool.ids.tolist(), pool.digests, strict=True)) if pool.digests else {}
    told = {**known.to_dict(), "digests": [place.get(each, "") for each in known.ids.tolist()]}
    write_text(file, json.dumps(told, ensure_ascii=False), "saving the labels of the run")
    return known


def digests_of_run(folder: Path) -> dict[int, str]:
    """Image -> digest of the bytes that a run has learned; {} of a run that an earlier version began."""
    try:
        kept = json.loads((folder / "labels.json").read_text("utf-8"))
        return {int(item): str(digest) for item, digest in zip(kept["ids"], kept["digests"], strict=True)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _labels_now(project: Project, config: TrainConfig, pool: Pool) -> TrainingLabels:
    only = config.selection or None
    picks = _used(labels_now.snapshot(project, "pick", only))
    if len(picks.ids) == 0:
        raise InputError("There are no labels to train on", do="Label some of the chosen images first.")
    audit = labels_now.snapshot(project, "audit", only)
    ids = {each.name: each.id for each in classes.classes(project)}
    numbers = groups.among(project, np.concatenate([picks.ids, audit.ids]))
    return TrainingLabels(
        picks.ids,
        picks.y,
        picks.classes,
        audit.ids,
        tuple(audit.classes[each] for each in audit.y),
        tuple(ids[name] for name in picks.classes) if set(picks.classes) <= set(ids) else (),
        _unlabelled(project, pool, config),
        None if numbers is None else numbers[: len(picks.ids)],
        None if numbers is None else numbers[len(picks.ids) :],
        other_class.name_of(project),
    )


def readable(known: TrainingLabels, pool: Pool) -> TrainingLabels:
    """Without images that have lost their features since the run first started: their files cannot be read."""
    keep, checks = np.isin(known.ids, pool.ids), np.isin(known.check_ids, pool.ids)
    return dataclasses.replace(
        known,
        ids=known.ids[keep],
        y=known.y[keep],
        check_ids=known.check_ids[checks],
        check_classes=tuple(name for name, there in zip(known.check_classes, checks, strict=True) if there),
        pool_ids=known.pool_ids[np.isin(known.pool_ids, pool.ids)],
        groups=None if known.groups is None else known.groups[keep],
        check_groups=None if known.check_groups is None else known.check_groups[checks],
    )


def check_set(known: TrainingLabels, pool: Pool, x: FloatArray) -> Step[CheckSet | None]:
    """The check images whose class the classifier can name; the others count in the report only, which is told."""
    place = {name: index for index, name in enumerate(known.classes)}
    keep = [i for i, name in enumerate(known.check_classes) if name in place]
    if apart := len(known.check_classes) - len(keep):
        yield Log(
            f"{apart:,} of {len(known.check_classes):,} check images are of classes that have no label to learn from. "
            "What is measured during the training leaves them out; the result counts them as mistakes.",
            "warning",
        )
    if not keep:
        return None
    rows = pool.rows(known.check_ids[keep])
    y = np.array([place[known.check_classes[i]] for i in keep], dtype=np.int64)
    return CheckSet(pool.sources(rows), y, x[rows])


def _unlabelled(project: Project, pool: Pool, config: TrainConfig) -> IntArray:
    """Ids of the images that may be learned from without a label, where the recipe does that."""
    if not config.pool_images:
        return np.array([], dtype=np.int64)
    taken = np.flatnonzero(np.isin(pool.ids, selections.spoken_for(project)))
    return pool.ids[drawn(len(pool), taken, config.pool_images, config.seed)]


def _array(kept: list[int] | None) -> IntArray | None:
    return None if kept is None else np.array(kept, dtype=np.int64)


def _used(known: Labels) -> Labels:
    """Only the classes that have a label: nothing can be learned about the others."""
    used = np.unique(known.y)
    return Labels(known.ids, np.searchsorted(used, known.y), tuple(known.classes[each] for each in used))
