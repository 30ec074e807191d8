"""mIoU, mAcc and aAcc against a literal loop over pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_core.errors import InputError
from fact_core.segment.metric import UNLABELLED, confusion, scores


def test_numbers_that_a_child_can_check() -> None:
    truth = np.array([[0, 0, 1], [1, 1, UNLABELLED]])
    answer = np.array([[0, 1, 1], [1, 0, 2]])
    matrix = confusion(truth, answer, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = scores(matrix)
    assert found.iou[:2].tolist() == [1 / 3, 2 / 4] and np.isnan(found.iou[2:]).all()
    assert found.miou == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert found.macc == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found.aacc == pytest.approx(3 / 5)


def test_a_class_that_is_only_answered_counts_in_miou_and_not_in_macc() -> None:
    found = scores(confusion(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3))
    assert found.iou.tolist() == [0.5, 1.0, 0.0] and found.miou == 0.5
    assert np.isnan(found.recall[2]) and found.macc == 0.75


def test_no_labelled_pixel_at_all_is_no_figure_and_no_warning() -> None:
    found = scores(confusion(np.full((2, 2), UNLABELLED), np.zeros((2, 2), int), 3))
    assert math.isnan(found.miou) and math.isnan(found.macc) and math.isnan(found.aacc)


def literal(truth: list[int], answer: list[int], n_classes: int) -> tuple[float, float, float]:
    """Pixel by pixel, class by class, as the definition says."""
    ious, recalls = [], []
    for each in range(n_classes):
        pairs = [(t, a) for t, a in zip(truth, answer, strict=True) if t != UNLABELLED]
        both = sum(t == each and a == each for t, a in pairs)
        either = sum(t == each or a == each for t, a in pairs)
        of_mask = sum(t == each for t, _ in pairs)
        if either:
            ious.append(both / either)
        if of_mask:
            recalls.append(both / of_mask)
    labelled = [(t, a) for t, a in zip(truth, answer, strict=True) if t != UNLABELLED]
    nan = float("nan")
    return (
        sum(ious) / len(ious) if ious else nan,
        sum(recalls) / len(recalls) if recalls else nan,
        sum(t == a for t, a in labelled) / len(labelled) if labelled else nan,
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.data())
def test_equals_the_literal_loop(n_classes: int, data: st.DataObject) -> None:
    pixels = data.draw(st.integers(1, 30))
    truth = data.draw(st.lists(st.integers(-1, n_classes - 1), min_size=pixels, max_size=pixels))
    answer = data.draw(st.lists(st.integers(0, n_classes - 1), min_size=pixels, max_size=pixels))
    found = scores(confusion(np.array(truth), np.array(answer), n_classes))
    wanted = literal(truth, answer, n_classes)
    assert (found.miou, found.macc, found.aacc) == pytest.approx(wanted, nan_ok=True)


def test_all_frames_count_as_one_picture() -> None:
    """The mean of two frames' mIoU is another number: one matrix over all pixels is what papers print."""
    frames = [(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])), (np.array([1, 1]), np.array([1, 1]))]
    whole = scores(sum(confusion(*each, 2) for each in frames))
    assert whole.iou.tolist() == [3 / 4, 2 / 3]
    assert whole.miou != np.mean([scores(confusion(*each, 2)).miou for each in frames])


@pytest.mark.parametrize(
    ("truth", "answer", "what"),
    [([0, 1], [0], "one size"), ([0, 3], [0, 0], "class of the mask"), ([0, 0], [0, -1], "class of the answer")],
)
def test_what_cannot_be_compared_is_refused(truth: list[int], answer: list[int], what: str) -> None:
    with pytest.raises(InputError, match=what):
        confusion(np.array(truth), np.array(answer), 2)
