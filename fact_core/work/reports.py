"""How good a trained model is: on the check images, or by cross-validation where there are none."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fact_core.analysis.alike import like_any, near
from fact_core.analysis.evaluate import numbered, report
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict as answer
from fact_core.compute.several import devices_named
from fact_core.config import TrainConfig
from fact_core.exchange.true_names import true_names
from fact_core.labeling import labels_now
from fact_core.labeling.checked import about, answers, check_names, class_names
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import About, Bin, ClassReport, Covered, FloatArray, Pool, Report, Step
from fact_core.work.training_labels import TrainingLabels

#: Behind the name of a class, where figures are of before it was merged with another one.
APART = " (before the merge)"


def check(
    pool: Pool, x: FloatArray, classifier: Classifier, known: TrainingLabels, config: TrainConfig
) -> Step[Report | None]:
    """How good the last phase is on the check images, those of unknown classes included.

    x (N, D): the pool's features.
    """
    if not len(known.check_ids):
        return None
    rows = pool.rows(known.check_ids)
    files = pool.sources(rows)
    first, *others = devices_named(config.device)
    found = yield from answer(classifier, files, device=first, others=others, batch=64)
    keep = np.array([row for row in range(len(files)) if row not in found.bad], dtype=np.int64)
    if not len(keep):
        return None
    truth, wider = numbered([known.check_classes[row] for row in keep], known.classes)
    p = found.answers[classifier.final][keep]
    wide = np.zeros((len(truth), len(wider)))
    wide[:, : len(known.classes)] = p
    seen = ", on which the weights were chosen too: an honest figure would be lower"
    rests_on = f"{len(truth)} check images" + (seen if config.ff.keep == "best_test" else "")
    leaks = like_any(x[rows[keep]], x[pool.rows(known.ids)], near(x))
    if known.check_groups is not None and known.groups is not None:
        leaks |= np.isin(known.check_groups[keep], known.groups)
    groups = None if known.check_groups is None else known.check_groups[keep]
    return report(truth, wide, wider, rests_on, about=About(groups, None, leaks))


def newest(project: Project, trained: Run) -> Report | None:
    """The report on the check images that have a label now, by the stored answers: what the page shows too.

    Without check images on the images whose folder says their class, without those what the training itself told.
    """
    found, basis = answers(project, trained), "check images"
    known = check_names(project, trained) if found is not None else {}
    if found is not None and not known:
        truth, kind = true_names(project, trained, found.classes)
        labeled = set(labels_now.snapshot(project).ids.tolist())
        known = {item: name for item, name in truth.items() if item not in labeled}
        told = {"demo": "images of the demo without a label"}
        basis = told.get(kind, "images without a label, the names of their folders taken as true")
    rows = [row for row, item in enumerate(found.ids.tolist()) if item in known] if found is not None else []
    if found is None or not rows:
        return _named_now(project, trained, report_from(trained.result.get("report")))
    y, wider = numbered([known[int(found.ids[row])] for row in rows], found.classes)
    return report(
        y,
        found.y[rows],
        wider,
        f"{len(rows)} {basis}",
        found.confidence[rows],
        about(project, trained, found, np.array(rows)),
    )


def _named_now(project: Project, trained: Run, found: Report | None) -> Report | None:
    """A stored report under the names that classes have now. What was merged since was measured apart, and says so."""
    if found is None:
        return None
    old = tuple(map(str, trained.result.get("classes") or ()))
    pairs = dict(zip(old, class_names(project, trained, old), strict=True))
    times = Counter(pairs.values())
    now = {was: f"{was}{APART}" if times[name] > 1 else name for was, name in pairs.items()}
    rows = (dataclasses.replace(each, name=now.get(each.name, each.name)) for each in found.per_class)
    return dataclasses.replace(found, per_class=tuple(rows))


def estimate(known: TrainingLabels, said: FloatArray | None) -> Report | None:
    """Without check images: what cross-validation of a linear probe says, ``temperature.cross_validated``."""
    if said is None:
        return None
    basis = f"cross-validation of a linear probe on {len(known.ids)} labels"
    return report(known.y, said, known.classes, basis, about=About(known.groups))


def plain(found: Report) -> dict[str, Any]:
    """The report as JSON; what is not known is null."""
    return {name: None if each != each else each for name, each in dataclasses.asdict(found).items()}


def report_from(plain: Mapping[str, Any] | None) -> Report | None:
    """Back from ``plain``, also of earlier versions, which told less."""
    if not plain:
        return None
    made: dict[str, Callable[[Any], Any]] = {
        "interval": tuple,
        "per_class": lambda rows: tuple(_class_from(row) for row in rows),
        "confusion": lambda rows: tuple(map(tuple, rows)),
        "bins": lambda rows: tuple(Bin(**row) for row in rows),
        "bins_scaled": lambda rows: tuple(Bin(**row) for row in rows),
        "coverage": lambda rows: tuple(Covered(**row) for row in rows),
        "clean": lambda each: None if each is None else tuple(each),
    }
    numbers = ("ece", "macro_f1", "temperature", "ece_scaled")
    known = {each.name for each in dataclasses.fields(Report)}
    values: dict[str, Any] = {name: made.get(name, _same)(value) for name, value in plain.items() if name in known}
    unknown: dict[str, Any] = {name: math.nan for name in numbers if values.get(name, 0.0) is None}
    return Report(**{**values, **unknown})


def _same(value: Any) -> Any:
    return value


def _class_from(row: Mapping[str, Any]) -> ClassReport:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return ClassReport(**values)
