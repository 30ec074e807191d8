"""app.pages.results.outcome: answers and known labels -> what the Results page says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.pages.results import outcome
from fact_core.errors import RunError

CLASSES = ("cat", "dog")


def answers(**phases: list[int]) -> outcome.Answers:
    """Four images 11..14, answered cat, cat, dog, dog, ever surer."""
    return outcome.Answers(
        np.array([11, 12, 13, 14]),
        np.array([0, 0, 1, 1]),
        np.array([0.5, 0.6, 0.7, 0.8], dtype=np.float32),
        CLASSES,
        {name: np.array(each) for name, each in phases.items()},
    )


def test_three_of_four_are_right() -> None:
    found = outcome.measure(answers(), {11: "cat", 12: "dog", 13: "dog", 14: "dog"}, "check", {"cat": 5})
    assert found is not None
    assert (found["right"], found["n"], found["accuracy"], found["halve"]) == (3, 4, 0.75, 12)
    assert found["confusion"] == [[1, 0], [1, 2]]
    first = found["classes"][0]
    low, high = first.pop("recall"), first.pop("precision")
    assert low == outcome.evaluate.wilson(1, 1) and high == outcome.evaluate.wilson(1, 2)
    assert first == {"name": "cat", "n": 1, "found": 1, "named": 2, "labels": 5}
    assert found["mistakes"] == [{"id": 12, "true": 1, "said": 0, "confidence": pytest.approx(0.6)}]
    low, high = found["interval"]
    assert 0.30 < low < 0.31 and 0.95 < high < 0.96


def test_only_images_whose_class_is_known_count() -> None:
    found = outcome.measure(answers(), {14: "dog", 99: "cat"}, "check", {})
    assert found is not None and found["n"] == 1
    assert outcome.measure(answers(), {}, "check", {}) is None


def test_a_class_that_the_model_does_not_know_is_always_wrong() -> None:
    found = outcome.measure(answers(), {11: "cow", 12: "cat"}, "check", {})
    assert found is not None
    assert [each["name"] for each in found["classes"]] == ["cat", "dog", "cow"]
    assert found["confusion"][2] == [1, 0, 0]


def test_mistakes_come_surest_first_and_are_bounded() -> None:
    found = outcome.measure(answers(), {11: "dog", 12: "dog", 13: "cat", 14: "cat"}, "check", {})
    assert found is not None
    assert [each["id"] for each in found["mistakes"]] == [14, 13, 12, 11]
    many = outcome.MOST_MISTAKES + 5
    wrong = outcome.Answers(np.arange(many), np.zeros(many, int), np.full(many, 0.5, np.float32), CLASSES, {})
    found = outcome.measure(wrong, dict.fromkeys(range(many), "dog"), "check", {})
    assert found is not None
    assert len(found["mistakes"]) == outcome.MOST_MISTAKES and found["mistakes_total"] == many


def test_phases_rest_on_the_same_images() -> None:
    known = {11: "cat", 12: "cat", 13: "dog", 14: "dog"}
    found = outcome.measure(answers(lp=[0, 1, 1, 0]), known, "check", {})
    stored = [{"phase": "lp", "seconds": 1.0}, {"phase": "lm", "seconds": 2.0}]
    rows = outcome.phase_rows(stored, found, "lm")
    assert [row["accuracy"] for row in rows] == [0.5, 1.0]
    assert rows[0]["title"] == "Linear probe"


def test_without_predictions_the_phases_own_figures_are_used() -> None:
    stored = [{"phase": "lp", "seconds": 1.0, "check_n": 40, "check_accuracy": 0.7}, {"phase": "ff", "seconds": 2.0}]
    rows = outcome.phase_rows(stored, None, "ff")
    assert (rows[0]["right"], rows[0]["n"]) == (28, 40)
    assert "accuracy" not in rows[1]


def rows_of(truth: list[int], *phases: list[int]) -> list[dict[str, object]]:
    """Rows of the phases lp, ff, lm, answered so on images of this truth; the last is the final model."""
    ids = np.arange(len(truth))
    said = {name: np.array(each) for name, each in zip(("lp", "ff", "lm"), phases, strict=False)}
    final = list(said)[-1]
    model = outcome.Answers(ids, said[final], np.full(len(truth), 0.5, np.float32), CLASSES, said)
    found = outcome.measure(model, {i: CLASSES[y] for i, y in enumerate(truth)}, "check", {})
    return outcome.phase_rows([{"phase": name, "seconds": 1.0} for name in said], found, final)


def test_a_last_phase_that_is_worse_than_one_before_is_told() -> None:
    """50, 60, 40 % of ten images: the walk's figures, of which the page said that the later phases may have helped."""
    right = [0] * 10
    found = outcome.verdict(rows_of(right, [0] * 5 + [1] * 5, [0] * 6 + [1] * 4, [0] * 4 + [1] * 6))
    assert found is not None
    assert (found["kind"], found["phase"], found["than"]) == ("worse", "Light model", "Full finetune")
    assert (found["accuracy"], found["other"], found["n"], found["sure"]) == (0.4, 0.6, 10, False)


def test_answers_on_the_same_images_show_what_intervals_cannot() -> None:
    """90 and 84 of 100: the intervals overlap, but six images were lost and none was won (p = 2 / 2^6)."""
    found = outcome.verdict(rows_of([0] * 100, [0] * 90 + [1] * 10, [0] * 84 + [1] * 16))
    assert found is not None and (found["kind"], found["sure"]) == ("worse", True)
    found = outcome.verdict(rows_of([0] * 100, [0] * 90 + [1] * 10, [0] * 85 + [1] * 15))  # p = 2 / 2^5
    assert found is not None and (found["kind"], found["sure"]) == ("worse", False)


def test_a_last_phase_that_is_best_is_compared_with_the_first() -> None:
    found = outcome.verdict(rows_of([0] * 10, [0] * 5 + [1] * 5, [0] * 6 + [1] * 4, [0] * 7 + [1] * 3))
    assert found is not None and (found["kind"], found["than"], found["sure"]) == ("better", "Linear probe", False)
    same = outcome.verdict(rows_of([0] * 4, [0, 0, 1, 1], [1, 1, 0, 0]))
    assert same is not None and (same["kind"], same["sure"]) == ("same", False)
    assert outcome.verdict(rows_of([0] * 4, [0] * 4)) is None and outcome.verdict([]) is None


def test_without_the_answers_of_a_phase_intervals_decide() -> None:
    def row(accuracy: float, low: float, high: float) -> dict[str, object]:
        return {"title": "x", "accuracy": accuracy, "n": 50, "interval": [low, high]}

    for low, sure in ((0.55, True), (0.35, False)):
        found = outcome.verdict([row(0.4, 0.3, 0.5), row(0.6, low, 0.7)])
        assert found is not None and (found["kind"], found["sure"]) == ("better", sure)


def test_stored_answers_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "predictions.npz"
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    np.savez(file, ids=[1, 2], y=[0, 1], confidence=[0.9, 0.8], phase_lp=probabilities)
    read = outcome.read_answers(file, CLASSES)
    assert read.ids.tolist() == [1, 2] and read.phases["lp"].tolist() == [0, 1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x04."])
def test_damaged_answers_are_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "predictions.npz"
    file.write_bytes(content)
    with pytest.raises(RunError, match="cannot be read"):
        outcome.read_answers(file, CLASSES)


def test_packed_columns() -> None:
    content = outcome.packed(answers())
    start = 4 + int.from_bytes(content[:4], "little")
    header, body = json.loads(content[4:start]), content[start:]
    assert start % 4 == 0
    assert header == {"n": 4, "classes": ["cat", "dog"]}
    assert np.frombuffer(body, "<i4", 4).tolist() == [11, 12, 13, 14]
    assert np.frombuffer(body, "<u2", 4, 16).tolist() == [0, 0, 1, 1]
    assert np.frombuffer(body, "u1", 4, 24).tolist() == [128, 153, 178, 204]
