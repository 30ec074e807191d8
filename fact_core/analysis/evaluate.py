"""How good a classifier is, from held-out labels. numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fact_core.analysis.calibration import bins, calibration_error, coverage
from fact_core.analysis.intervals import interval
from fact_core.analysis.intervals import wilson as wilson  # its users take it from here
from fact_core.errors import InputError
from fact_core.types import About, ClassReport, IntArray, Report


def report(
    truth: IntArray,
    answers: npt.NDArray[np.floating] | IntArray,
    classes: Sequence[str],
    basis: str,
    confidence: npt.NDArray[np.floating] | None = None,
    about: About | None = None,
) -> Report:
    """The Report of answers on images whose class is known.

    truth (n,) indexes classes; answers are probabilities (n, K) or class numbers (n,), then with
    confidence (n,) in 0..1 or none (ece is NaN). basis says what the labels are ("40 check images").
    InputError when there are no labels, or shapes or numbers do not fit.
    """
    answers, y, about = np.asarray(answers), np.asarray(truth, dtype=np.int64), about or About()
    if answers.ndim == 2:
        _fits(answers.shape == (len(y), len(classes)), f"{answers.shape} for {len(y)} images of {len(classes)} classes")
        _fits(bool(np.isfinite(answers).all()), "NaN or infinity")
        named = answers.argmax(axis=1) if len(y) else np.zeros(0, dtype=np.int64)
        confidence = answers.max(axis=1, initial=0.0)
    else:
        _fits(answers.shape == y.shape, f"{answers.shape} for {len(y)} images")
        named = answers.astype(np.int64)
    matrix, right = confusion(y, named, len(classes)), named == y
    found = Report(
        basis=basis,
        n=len(y),
        accuracy=int(right.sum()) / len(y),
        interval=interval(right, about.groups, about.strata),
        per_class=tuple(_class(name, number, y, named, about.groups) for number, name in enumerate(classes)),
        confusion=tuple(tuple(int(n) for n in row) for row in matrix),
        ece=math.nan if confidence is None else calibration_error(right, confidence),
        macro_f1=macro_f1(matrix),
        groups=0 if about.groups is None else len(np.unique(about.groups)),
    )
    if confidence is not None:
        found = replace(found, bins=bins(right, confidence), coverage=coverage(right, confidence))
    return _with(found, right, about)


def numbered(names: Sequence[str], classes: Sequence[str]) -> tuple[IntArray, tuple[str, ...]]:
    """(class numbers of these names (n,), the classes with those names behind them that they lack)."""
    wider = (*classes, *sorted(set(names) - set(classes)))
    place = {name: number for number, name in enumerate(wider)}
    return np.array([place[name] for name in names], dtype=np.int64), wider


def _with(found: Report, right: npt.NDArray[np.bool_], about: About) -> Report:
    """The report with leaks and temperature."""
    if about.leaks is not None and about.leaks.any():
        clean = right[~about.leaks]
        found = replace(found, leaks=int(about.leaks.sum()), clean=(int(clean.sum()), len(clean)))
    if about.scaled is None or math.isnan(about.temperature):
        return found
    return replace(
        found,
        temperature=about.temperature,
        ece_scaled=calibration_error(right, about.scaled),
        bins_scaled=bins(right, about.scaled),
    )


def _class(name: str, number: int, y: IntArray, named: IntArray, groups: IntArray | None) -> ClassReport:
    """One class: its recall and precision count groups as the accuracy does."""
    of_it, said = y == number, named == number
    recall, precision = (
        interval((of_it & said)[rows], None if groups is None else groups[rows]) for rows in (of_it, said)
    )
    return ClassReport(name, int(of_it.sum()), int((of_it & said).sum()), int(said.sum()), recall, precision)


def macro_f1(matrix: IntArray) -> float:
    """Mean over the classes that have an image of 2 right / (images + answers), from a confusion matrix (K, K)."""
    there = matrix.sum(axis=1) > 0
    both = matrix.sum(axis=1) + matrix.sum(axis=0)
    return float((2 * np.diag(matrix)[there] / both[there]).mean())


def confusion(truth: IntArray, named: IntArray, n_classes: int) -> IntArray:
    """Counts (K, K): true classes in rows, answers in columns. InputError for none, or numbers outside 0..K-1."""
    if len(truth) == 0:
        raise InputError("There are no labels to check against", do="Label some check images.")
    both = np.stack((truth, named))
    _fits(bool((both >= 0).all() and (both < n_classes).all()), f"class numbers {both.min()}..{both.max()}")
    flat = np.bincount(truth * n_classes + named, minlength=n_classes * n_classes)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def log_loss(truth: IntArray, probabilities: npt.NDArray[np.floating]) -> float:
    """Mean negative log-probability (nats) of the true class; probabilities (n, K) are kept above 1e-7."""
    picked = np.take_along_axis(np.asarray(probabilities, dtype=np.float64), np.asarray(truth)[:, None], axis=1)
    return float(-np.log(np.clip(picked, 1e-7, 1.0)).mean())


def _fits(right: bool, found: str) -> None:
    if not right:
        raise InputError("The answers do not fit the labels", found)
