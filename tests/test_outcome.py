"""app.outcome: answers and known labels -> what the Results page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app import outcome
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
    assert found["classes"][0] == {"name": "cat", "n": 1, "found": 1, "named": 2, "labels": 5}
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


def test_intervals_overlap_or_not() -> None:
    def row(low: float, high: float) -> dict[str, list[float]]:
        return {"interval": [low, high]}

    assert outcome.overlapping([row(0.5, 0.7), row(0.6, 0.8)])
    assert not outcome.overlapping([row(0.5, 0.6), row(0.7, 0.8)])
    assert not outcome.overlapping([row(0.5, 0.6)])


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
    header, body = outcome.pack(answers())
    assert header == {"n": 4, "classes": ["cat", "dog"]}
    assert np.frombuffer(body, "<i4", 4).tolist() == [11, 12, 13, 14]
    assert np.frombuffer(body, "<u2", 4, 16).tolist() == [0, 0, 1, 1]
    assert np.frombuffer(body, "u1", 4, 24).tolist() == [128, 153, 178, 204]
