"""mIoU, mAcc and aAcc from one confusion matrix over all pixels of all frames, as mmsegmentation counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fact_core.errors import InputError
from fact_core.types import IntArray

#: The class of pixels that nobody has labelled, or that the data set says to leave out.
UNLABELLED = -1


@dataclass(frozen=True)
class Scores:
    """iou, recall (K,) in 0..1: NaN for a class that is neither in the masks nor answered, or not in the masks.

    miou, macc: their means over the classes that are not NaN. aacc: share of the labelled pixels that are right.
    """

    iou: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    miou: float
    macc: float
    aacc: float


def confusion(truth: npt.NDArray[Any], answer: npt.NDArray[Any], n_classes: int) -> IntArray:
    """(K, K) numbers of pixels: the row is the class of the mask, the column the answer.

    truth, answer (H, W) whole numbers; pixels whose truth is ``UNLABELLED`` are left out, whatever is answered there.
    InputError when the two have not the same shape, or a class is not below ``n_classes``.
    """
    if truth.shape != answer.shape:
        raise InputError("Mask and answer are not of one size", f"{truth.shape} and {answer.shape}")
    counted = truth != UNLABELLED
    rows, columns = truth[counted].astype(np.int64), answer[counted].astype(np.int64)
    for what, values in (("mask", rows), ("answer", columns)):
        if values.size and not 0 <= values.min() <= values.max() < n_classes:
            raise InputError(
                f"A class of the {what} is not known", f"{values.min()} to {values.max()}, {n_classes} known"
            )
    return np.bincount(rows * n_classes + columns, minlength=n_classes**2).reshape(n_classes, n_classes)


def scores(matrix: IntArray) -> Scores:
    """The figures of a confusion matrix (K, K): IoU = TP / (TP + FP + FN), recall = TP / (TP + FN).

    As in mmsegmentation's ``IoUMetric`` a class without any pixel, in masks and answers, counts in no mean. One that
    is answered where no mask has it has an IoU of 0, which does count, and no recall.
    """
    right, of_mask, of_answer = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    iou, recall = _share(right, of_mask + of_answer - right), _share(right, of_mask)
    return Scores(iou, recall, _mean(iou), _mean(recall), float(_share(right.sum(), matrix.sum())))


def _share(part: Any, whole: Any) -> Any:
    """part / whole, NaN where there is no whole."""
    return np.where(np.asarray(whole) > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
