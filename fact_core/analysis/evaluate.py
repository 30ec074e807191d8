"""How good a classifier is, from held-out labels. numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fact_core.analysis.intervals import wilson as wilson  # its users take it from here
from fact_core.errors import InputError
from fact_core.types import ClassReport, IntArray, Report

BINS = 15  # of confidence, for the calibration error


def report(
    truth: IntArray,
    answers: npt.NDArray[np.floating] | IntArray,
    classes: Sequence[str],
    basis: str,
    confidence: npt.NDArray[np.floating] | None = None,
) -> Report:
    """The Report of answers on images whose class is known.

    truth (n,) indexes classes; answers are probabilities (n, K) or class numbers (n,), then with
    confidence (n,) in 0..1 or none (ece is NaN). basis says what the labels are ("40 check images").
    InputError when there are no labels, or shapes or numbers do not fit.
    """
    answers, y = np.asarray(answers), np.asarray(truth, dtype=np.int64)
    if answers.ndim == 2:
        _fits(answers.shape == (len(y), len(classes)), f"{answers.shape} for {len(y)} images of {len(classes)} classes")
        _fits(bool(np.isfinite(answers).all()), "NaN or infinity")
        named = answers.argmax(axis=1) if len(y) else np.zeros(0, dtype=np.int64)
        confidence = answers.max(axis=1, initial=0.0)
    else:
        _fits(answers.shape == y.shape, f"{answers.shape} for {len(y)} images")
        named = answers.astype(np.int64)
    matrix = confusion(y, named, len(classes))
    right = int(np.trace(matrix))
    return Report(
        basis=basis,
        n=len(y),
        accuracy=right / len(y),
        interval=wilson(right, len(y)),
        per_class=tuple(
            ClassReport(name, int(matrix[i].sum()), int(matrix[i, i]), int(matrix[:, i].sum()))
            for i, name in enumerate(classes)
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in matrix),
        ece=math.nan if confidence is None else calibration_error(named == y, confidence),
    )


def confusion(truth: IntArray, named: IntArray, n_classes: int) -> IntArray:
    """Counts (K, K): true classes in rows, answers in columns. InputError for none, or numbers outside 0..K-1."""
    if len(truth) == 0:
        raise InputError("There are no labels to check against", do="Label some check images.")
    both = np.stack((truth, named))
    _fits(bool((both >= 0).all() and (both < n_classes).all()), f"class numbers {both.min()}..{both.max()}")
    flat = np.bincount(truth * n_classes + named, minlength=n_classes * n_classes)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def calibration_error(right: npt.NDArray[np.bool_], confidence: npt.NDArray[np.floating], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, by bin size (ECE)."""
    place = np.minimum((np.asarray(confidence, dtype=np.float64) * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, weights=right.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(right))


def log_loss(truth: IntArray, probabilities: npt.NDArray[np.floating]) -> float:
    """Mean negative log-probability (nats) of the true class; probabilities (n, K) are kept above 1e-7."""
    picked = np.take_along_axis(np.asarray(probabilities, dtype=np.float64), np.asarray(truth)[:, None], axis=1)
    return float(-np.log(np.clip(picked, 1e-7, 1.0)).mean())


def _fits(right: bool, found: str) -> None:
    if not right:
        raise InputError("The answers do not fit the labels", found)
