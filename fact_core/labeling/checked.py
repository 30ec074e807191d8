"""The check images of now beside what a training run has answered: the one source of its accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fact_core.analysis import merged_classes
from fact_core.analysis.calibration import at_temperature
from fact_core.errors import RunError
from fact_core.labeling import labels_now
from fact_core.storage import groups, items
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import About, FloatArray, IntArray, Labels


@dataclass(frozen=True)
class Answers:
    """The answers of one model. ``y`` indexes ``classes``; ``phases``: phase -> its answers.

    near (N,): whether the image looks nearly the same as one that was trained on; strange (N,): whether it is unlike
    every class; scaled (N,): the confidences after the temperature; None where an earlier version has answered, or
    there is no temperature.
    """

    ids: IntArray  # (N,)
    y: IntArray  # (N,)
    confidence: FloatArray  # (N,)
    classes: tuple[str, ...]
    phases: dict[str, IntArray]  # each (N,)
    near: npt.NDArray[np.bool_] | None = None
    scaled: FloatArray | None = None
    strange: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Sides:
    """Groups of images (n,), and whether each belongs together with one that was trained on (n,)."""

    groups: IntArray
    trained: npt.NDArray[np.bool_]


def answers(project: Project, run: Run) -> Answers | None:
    """The stored answers for the pool, under the names that classes have now; None while there are none.

    Images whose file has been replaced since have none. RunError when the file is damaged.
    """
    file, due = project.predictions_file(run.id), temperature(run.result.get("temperature"))
    return read_answers(file, class_names(project, run), items.digests(project), due) if file.is_file() else None


def read_answers(
    file: Path,
    classes: Sequence[str],
    now: tuple[IntArray, npt.NDArray[np.bytes_]] | None = None,
    due: float = math.nan,
) -> Answers:
    """The stored predictions of a run. RunError when the file is gone or damaged.

    classes: as the model has them; two of one name were made one since, and so are their answers
    (``merged_classes``). Of an earlier phase only the likeliest class is stored. due: the temperature of the scaled
    confidences.
    now: the images' digests by id (``items.digests``); images that were answered as other bytes are left out.
    """
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as stored:
            ids, y, confidence = stored["ids"], stored["y"], stored["confidence"]
            phases = {name[6:]: _top(stored[name]) for name in stored.files if name.startswith("phase_")}
            near, strange = (
                stored[name].astype(bool) if name in stored.files else None for name in ("near", "strange")
            )
            scaled = stored["scaled"].astype(np.float32) if "scaled" in stored.files else None
            digests = stored["digests"] if "digests" in stored.files else None
            keep = current(ids, digests, now)
            names, place = merged_classes.joined(classes)
            one = len(names) < len(place) and "probabilities" in stored.files
            p = stored["probabilities"].astype(np.float32) if one else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError("The predictions of this run cannot be read", str(error), "Predict again.") from None
    y, old = y.astype(np.int64), y
    final = [name for name, each in phases.items() if np.array_equal(each, old)][-1:]
    phases = {name: _placed(each, place) for name, each in phases.items()}
    y, confidence = merged_classes.answers(p, y, confidence, classes)
    if p is not None and scaled is not None and p.shape == (len(y), len(place)):
        sums, _ = merged_classes.added_up(at_temperature(p, due).astype(np.float32), classes)
        scaled = sums[np.arange(len(y)), y]
    phases |= dict.fromkeys(final, y)
    found = Answers(ids.astype(np.int64), y, confidence.astype(np.float32), names, phases, near, scaled, strange)
    return found if keep.all() else _only(found, keep)


def _placed(y: IntArray, place: IntArray) -> IntArray:
    """Answers by ``merged_classes.joined``'s places. Those of other classes than the run tells of stay: it is seen."""
    return y if len(y) and int(y.max()) >= len(place) else place[y] if len(place) else y


def current(
    ids: IntArray, digests: npt.NDArray[np.bytes_] | None, now: tuple[IntArray, npt.NDArray[np.bytes_]] | None
) -> npt.NDArray[np.bool_]:
    """Which rows (N,) are about the bytes of now. digests (N,): None where an earlier version has answered.

    An image that ``now`` does not know is kept; so is one without a digest of then, unless nobody knows what it is.
    """
    if now is None or not len(now[0]):
        return np.ones(len(ids), dtype=np.bool_)
    known, here = now
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    new = here[place]
    same = (new != b"") if digests is None else (new == digests) & (new != b"")
    return np.asarray((known[place] != ids) | same)


def _only(found: Answers, keep: npt.NDArray[np.bool_]) -> Answers:
    """The answers of these rows."""
    return Answers(
        found.ids[keep],
        found.y[keep],
        found.confidence[keep],
        found.classes,
        {name: each[keep] for name, each in found.phases.items()},
        None if found.near is None else found.near[keep],
        None if found.scaled is None else found.scaled[keep],
        None if found.strange is None else found.strange[keep],
    )


def class_names(project: Project, run: Run, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """The classes of a run in the model's order; one that was renamed or merged since under its new name.

    names: what they were called when it was trained, where the model itself says so.
    """
    old = run.result.get("classes") or () if names is None else names
    return labels_now.names_now(project, run.result.get("class_ids") or (), old)


def check_names(project: Project, run: Run, audit: Labels | None = None) -> dict[int, str]:
    """Image -> class of the check images that have a label now, none of which the run was trained on.

    audit: the labels of check images, where they were read already.
    """
    known, seen = labels_now.snapshot(project, "audit") if audit is None else audit, trained_on(project, run)
    return {int(i): known.classes[int(y)] for i, y in zip(known.ids, known.y, strict=True) if int(i) not in seen}


def trained_on(project: Project, run: Run) -> set[int]:
    """The images whose labels the run has learned; those of earlier versions do not say: then all that teach now."""
    ids = run.result.get("ids")
    return {int(each) for each in (labels_now.snapshot(project, "pick").ids if ids is None else ids)}


def sides(project: Project, run: Run, ids: IntArray) -> Sides | None:
    """How these images are grouped; None where the person wants no groups."""
    seen = np.array(sorted(trained_on(project, run)), dtype=np.int64)
    numbers = groups.among(project, np.concatenate([ids, seen]))
    if numbers is None:
        return None
    return Sides(numbers[: len(ids)], np.isin(numbers[: len(ids)], numbers[len(ids) :]))


def temperature(told: Any) -> float:
    """The temperature that is still to be applied to a run's answers; NaN for none.

    Trainings of earlier versions told one and left their answers as they were; today's have it in their weights.
    """
    due = isinstance(told, dict) and "value" in told and not told.get("applied")
    return float(told["value"]) if due else math.nan


def about(project: Project, run: Run, found: Answers, rows: IntArray) -> About:
    """What is known of the images in these rows of a run's answers beside their classes."""
    grouped = sides(project, run, found.ids[rows])
    leaks = np.zeros(len(rows), dtype=bool) if found.near is None else found.near[rows]
    return About(
        groups=None if grouped is None else grouped.groups,
        leaks=leaks if grouped is None else leaks | grouped.trained,
        temperature=temperature(run.result.get("temperature")),
        scaled=None if found.scaled is None else found.scaled[rows],
    )


def _top(values: npt.NDArray[np.generic]) -> IntArray:
    """Answers as class numbers, also where probabilities (N, K) were stored."""
    return (values.argmax(1) if values.ndim == 2 else values).astype(np.int64)
