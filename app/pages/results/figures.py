"""What else is known of the images that a figure rests on: groups, leaks, honest confidences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fact_core.analysis import calibration, evaluate
from fact_core.labeling import checked
from fact_core.labeling.checked import Answers
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import About, IntArray, Report

#: Rows of the answers -> what is known of these images.
More = Callable[[IntArray], About]


def more(project: Project, run: Run, answers: Answers) -> More:
    """What is known of the images in these rows of the answers."""
    return partial(checked.about, project, run, answers)


def told(report: Report) -> dict[str, Any]:
    """The figures beside the accuracy, as JSON; null is not known. clean: without the leaks, where there are some."""
    rest = None
    if report.clean and report.clean[1]:
        right, n = report.clean
        rest = {"right": right, "n": n, "accuracy": right / n, "interval": list(evaluate.wilson(right, n))}
    return {
        "macro_f1": _known(report.macro_f1),
        "groups": report.groups,
        "leaks": report.leaks,
        "clean": rest,
        "ece": _known(report.ece),
        "ece_bins": calibration.BINS,
        "bins": [vars(each) for each in report.bins],
        "coverage": [vars(each) for each in report.coverage],
        "temperature": _known(report.temperature),
        "ece_scaled": _known(report.ece_scaled),
        "bins_scaled": [vars(each) for each in report.bins_scaled],
    }


def stored(report: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a report that a training has stored; those of earlier versions tell less."""
    names = ("macro_f1", "ece", "temperature", "ece_scaled")
    lists = ("bins", "coverage", "bins_scaled")
    told = {**{name: report.get(name) for name in names}, **{name: report.get(name) or [] for name in lists}}
    return {
        **told,
        "groups": report.get("groups", 0),
        "leaks": report.get("leaks", 0),
        "clean": None,
        "ece_bins": calibration.BINS,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
